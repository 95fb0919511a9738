import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import type { TokenReply } from '../../schemas/login.ts'
import { root } from '../support/administrator.ts'
import { type Api, createApi } from '../support/api.ts'
import { alice } from '../support/build.ts'
import { readClaims } from '../support/claims.ts'
import { runCli } from '../support/cli.ts'
import { startPostgres } from '../support/postgres.ts'
import { issuer, type Service, startService } from '../support/service.ts'

/** `npm run races` asks for 100. */
const rounds = Number(process.env['RACE_ROUNDS'] ?? 5)

const takings = Math.max(rounds, 20)
const first = { BOOTSTRAP_ADMIN_USERNAME: root.username, BOOTSTRAP_ADMIN_PASSWORD: root.password }

t.setTimeout(900_000)

t.test('on one SQLite file', async (t) => {
  const one = await startService(t, { environment: first })
  await processesContract(t, [one, await startService(t, { folder: one.folder, secretKey: one.secretKey })], 100, `sqlite:${one.databaseFile}`)
})

t.test('on PostgreSQL', async (t) => {
  const server = await startPostgres(t)
  const url = await server.createDatabase()
  const options = { environment: { DATABASE_URL: url, ...first }, secretKey: randomBytes(32).toString('base64url') }
  const [one, ...others] = await Promise.all([1, 2, 3, 4].map(() => startService(t, options)))
  await processesContract(t, [one as Service, ...others], 10, url)
})

/** What processes on one database promise of each other. `bucket` is of the histogram, in milliseconds. */
async function processesContract (t: Test, [one, ...others]: [Service, ...Service[]], bucket: number, url: string): Promise<void> {
  const here = createApi(one)
  const elsewhere = others.map((service) => createApi(service))
  const there = elsewhere[0] as typeof here
  await here.register(alice)

  /** Milliseconds until an access token is refused by every other process. */
  async function heardAfter (accessToken: string, ask: (api: Api) => Promise<number> = ({ visit }) => visit(accessToken)): Promise<number> {
    const begun = performance.now()
    await Promise.all(elsewhere.map(async (api) => {
      for (let status = 0; status !== 401 && performance.now() - begun < 10_000;) status = await ask(api)
    }))
    return performance.now() - begun
  }

  function histogram (times: readonly number[]): string {
    const counts = Map.groupBy(times, (time) => Math.floor(time / bucket) * bucket)
    return [...counts].sort(([a], [b]) => a - b).map(([from, { length }]) => `${from}–${from + bucket} ms: ${length}`).join(', ')
  }

  t.test(`L221 R20 an ending is refused by another process within a second, ${rounds} times`, async (t) => {
    const times: number[] = []
    const endings: Array<(reply: TokenReply) => Promise<number>> = [
      ({ access_token: token }) => here.logout(token),
      ({ access_token: token }) => here.logout(token, 'global'),
      async ({ access_token: token }) => (await here.call('DELETE', `/me/sessions/${readClaims(token).sid}`, { token })).status
    ]
    for (let round = 0; round < rounds; round++) {
      const reply = await there.signedIn(alice)
      t.equal(await there.visit(reply.access_token), 200)
      t.equal(await endings[round % endings.length]?.(reply), 204)
      t.equal(await here.visit(reply.access_token), 401, 'at once where it ended')
      times.push(await heardAfter(reply.access_token))
      t.equal((await there.refresh(reply.refresh_token)).status, 401)
    }
    t.ok(Math.max(...times) < 1000, `${Math.round(Math.max(...times))} ms at most`)
    t.comment(histogram(times))
  })

  t.test('R20 whoever registers at one process signs in at the other at once', async (t) => {
    t.equal(await here.register({ ...alice, username: 'bob' }), 201)
    const { access_token: token } = await there.signedIn({ ...alice, username: 'bob' })
    t.equal(await here.visit(token), 200)
  })

  t.test('S16 guesses at one account count in every process, and so does what they lead to', async (t) => {
    const carol = { ...alice, username: 'carol' }
    await here.register(carol)
    const all = [here, ...elsewhere]
    const guesses: number[] = []
    for (let i = 0; i < 12; i++) guesses.push((await (all[i % all.length] as Api).login({ ...carol, password: 'not the password' })).status)
    t.strictSame(guesses, [...Array(10).fill(401), 429, 429])
    for (const api of all) t.equal((await api.login(carol)).status, 429, 'the right password too')
    const [wrong, unknown] = await Promise.all(['alice', 'nobody'].map((username) => there.login({ username, password: 'not the password' })))
    t.strictSame([wrong?.status, unknown?.status], [401, 401], 'of this account alone')
  })

  t.test(`K203 a used refresh token that returns to another process ends the session in both, ${rounds} times`, async (t) => {
    for (let round = 0; round < rounds; round++) {
      const first = await here.signedIn(alice)
      const second = await there.refresh(first.refresh_token)
      const third = await here.refresh(second.body.refresh_token)
      t.same([second.status, third.status], [200, 200])
      t.equal((await here.refresh(first.refresh_token)).status, 401)
      t.same([(await there.refresh(third.body.refresh_token)).status, await here.visit(third.body.access_token)], [401, 401])
      t.ok(await heardAfter(third.body.access_token) < 1000)
    }
  })

  t.test(`K205 fifty refreshes at two processes have one successor, ${rounds} times`, async (t) => {
    let { refresh_token: token } = await here.signedIn(alice)
    for (let round = 0; round < rounds; round++) {
      const replies = await Promise.all(Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? here : there).refresh(token)))
      const successors = new Set(replies.map(({ body }) => body.refresh_token))
      if (replies.some(({ status }) => status !== 200)) t.fail(`round ${round}: ${replies.map(({ status }) => status)}`)
      t.equal(successors.size, 1)
      token = [...successors][0] as string
    }
  })

  t.test(`two processes asked at once, one to end and one to go on: nothing of the session lives, ${rounds} times`, async (t) => {
    for (let round = 0; round < rounds; round++) {
      const { access_token: token, refresh_token: refreshToken } = await here.signedIn(alice)
      const [status, refreshed] = await Promise.all([here.logout(token), there.refresh(refreshToken)])
      t.equal(status, 204)
      if (refreshed.status !== 200) continue
      t.equal((await there.refresh(refreshed.body.refresh_token)).status, 401)
      t.ok(await heardAfter(refreshed.body.access_token) < 1000)
    }
  })

  const other = { ...root, username: 'other' }
  const change = async (api: Api, token: string, id: string, body: object) => (await api.call<{ code?: string }>('PATCH', `/admin/users/${id}`, { token, body }))
  const idOf = async (token: string) => (await here.call<{ id: string }>('GET', '/me', { token })).body.id

  t.test(`two administrators at two processes take each other's right at once, and one is left, ${takings} times`, async (t) => {
    const begin = await here.signedIn(root)
    t.equal((await here.call('POST', '/admin/users', { token: begin.access_token, body: { ...other, roles: ['admin'] } })).status, 201)
    const tokens = { here: begin.access_token, there: (await there.signedIn(other)).access_token }
    const ids = { here: await idOf(tokens.here), there: await idOf(tokens.there) }
    const losses = [{ roles: [] }, { disabled: true }]
    const outcomes: string[] = []
    for (let round = 0; round < takings; round++) {
      const [mine, theirs] = await Promise.all([
        change(here, tokens.here, ids.there, losses[round % 2] as object),
        change(there, tokens.there, ids.here, losses[(round >> 1) % 2] as object)
      ])
      const won = [mine, theirs].filter(({ status }) => status === 200)
      const lost = [mine, theirs].find(({ status }) => status !== 200)
      if (won.length !== 1 || lost === undefined) throw new Error(`round ${round}: ${mine.status} and ${theirs.status}`)
      outcomes.push(`${lost.status} ${lost.body.code}`)
      const [winner, loser] = mine.status === 200 ? ['here', 'there'] as const : ['there', 'here'] as const
      const apis = { here, there }
      for (const api of [here, there]) {
        const { body } = await api.call<{ users: Array<{ id: string }> }>('GET', '/admin/users?role=admin&disabled=false', { token: tokens[winner] })
        t.same(body.users.map(({ id }) => id), [ids[winner]])
      }
      t.equal((await change(apis[winner], tokens[winner], ids[loser], { roles: ['admin'], disabled: false })).status, 200)
      tokens[loser] = (await apis[loser].signedIn(loser === 'here' ? root : other)).access_token
    }
    t.comment([...Map.groupBy(outcomes, (outcome) => outcome)].map(([outcome, { length }]) => `${outcome}: ${length}`).join(', '))
    // Whoever asks after the other has heard is refused for the token; the transactions have to have met as well.
    t.ok(outcomes.includes('409 last_admin'))
  })

  t.test(`a right taken away is felt at every other process within a second, ${takings} times, by HTTP and by the command line`, async (t) => {
    const { access_token: token } = await here.signedIn(root)
    const id = await idOf((await here.signedIn(other)).access_token)
    const times: number[] = []
    const asks: Array<(loser: string) => (api: Api) => Promise<number>> = [
      (loser) => async ({ call }) => (await call('GET', '/admin/users', { token: loser })).status,
      (loser) => async ({ visit }) => visit(loser)
    ]
    async function felt (take: () => Promise<unknown>, round: number): Promise<number> {
      const { access_token: loser } = await there.signedIn(other)
      const ask = (asks[round % asks.length] as typeof asks[number])(loser)
      t.same(await Promise.all(elsewhere.map(ask)), elsewhere.map(() => 200))
      await take()
      const time = await heardAfter(loser, ask)
      t.equal((await change(here, token, id, { roles: ['admin'] })).status, 200)
      return time
    }
    for (let round = 0; round < takings; round++) times.push(await felt(() => change(here, token, id, { roles: [] }), round))
    t.ok(Math.max(...times) < 1000, `${Math.round(Math.max(...times))} ms at most`)
    t.comment(histogram(times))
    const byCommand = await felt(async () => {
      const environment = { DATABASE_URL: url, SECRET_KEY: one.secretKey, PUBLIC_URL: issuer }
      t.match(await runCli(environment, 'users', 'set-role', other.username, '--none'), { code: 0 })
    }, 0)
    t.ok(byCommand < 1000, `${Math.round(byCommand)} ms after the command`)
  })
}
