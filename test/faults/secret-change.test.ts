import { randomBytes } from 'node:crypto'
import t from 'tap'
import type { TokenReply } from '../../schemas/login.ts'
import { type Api, createApi } from '../support/api.ts'
import { alice } from '../support/build.ts'
import { runCli } from '../support/cli.ts'
import { startPostgres } from '../support/postgres.ts'
import { issuer, launch, type Service, startService } from '../support/service.ts'
import { until } from '../support/until.ts'
import { witness } from '../support/witness.ts'

t.setTimeout(180_000)

const newSecret = () => randomBytes(32).toString('base64url')

interface Step {
  SECRET_KEY: string
  SECRET_KEY_PREVIOUS?: string
}

t.test('a change of SECRET_KEY in two steps, by restarts of two processes on PostgreSQL in turn, loses no token and no session', async (t) => {
  const seen = witness(t, { fault: 'SECRET_KEY is changed in two steps, by restarts in turn', store: 'PostgreSQL' })
  const server = await startPostgres(t)
  const url = await server.createDatabase()
  const [old, fresh] = [newSecret(), newSecret()]
  const start = (step: Step) => startService(t, { secretKey: step.SECRET_KEY, environment: { DATABASE_URL: url, ...step } })
  const services: Service[] = await Promise.all([start({ SECRET_KEY: old }), start({ SECRET_KEY: old })])
  const apis = () => services.map((service) => createApi(service)) as [Api, Api]
  t.equal(await apis()[0].register(alice), 201)
  const begin = (api: Api) => api.signedIn(alice)
  let sessions: TokenReply[] = await Promise.all(apis().map(begin))
  const issued: string[] = []

  /** Every session goes on at the process that did not answer it before, and every access token passes at both. */
  async function goOn (when: string): Promise<void> {
    sessions.push(...await Promise.all(apis().map(begin)))
    for (const number of [0, 1] as const) {
      const replies = await Promise.all(sessions.map(({ refresh_token: token }, index) => (apis()[(index + number) % 2] as Api).refresh(token)))
      t.same(new Set(replies.map(({ status }) => status)), new Set([200]), `${when}: refreshes`)
      sessions = replies.map(({ body }) => body)
      issued.push(...sessions.map(({ access_token: token }) => token))
    }
    for (const api of apis()) t.same(new Set(await Promise.all(issued.map(api.visit))), new Set([200]), `${when}: visits`)
  }

  await goOn('before')
  const steps: Array<[string, Step]> = [
    ['knows the new one', { SECRET_KEY: old, SECRET_KEY_PREVIOUS: fresh }],
    ['uses the new one', { SECRET_KEY: fresh, SECRET_KEY_PREVIOUS: old }],
    ['has forgotten the old one', { SECRET_KEY: fresh }]
  ]
  for (const [name, step] of steps) {
    for (const number of [0, 1]) {
      t.equal(await services[number]?.stop(), 0)
      services[number] = await start(step)
      await goOn(`process ${number + 1} ${name}`)
    }
    const kid = kidOf((await begin(apis()[0])).access_token)
    t.match(await runCli({ DATABASE_URL: url, PUBLIC_URL: issuer, ...step }, 'keys', 'rotate', '--now'), { code: 0, err: '' })
    for (const api of apis()) await until(async () => kidOf((await begin(api)).access_token) !== kid)
    await goOn(`a key made when each ${name}`)
  }
  seen.note(`${sessions.length} sessions and ${issued.length} tokens live on`)
  const late = launch(t, { secretKey: old, environment: { DATABASE_URL: url } })
  t.equal(await late.ended, 1)
  t.match(late.output(), /^gatehouse: SECRET_KEY is not the one/, 'the old secret is worth nothing now')
})

function kidOf (token: string): string {
  return JSON.parse(Buffer.from(token.split('.')[0] as string, 'base64url').toString()).kid
}
