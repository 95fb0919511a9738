import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import type { TokenReply } from '../../schemas/login.ts'
import { createApi } from '../support/api.ts'
import { alice } from '../support/build.ts'
import { readClaims } from '../support/claims.ts'
import { startPostgres } from '../support/postgres.ts'
import { type Service, startService } from '../support/service.ts'

/** `npm run races` asks for 100. */
const rounds = Number(process.env['RACE_ROUNDS'] ?? 5)

t.setTimeout(900_000)

t.test('on one SQLite file', async (t) => {
  const one = await startService(t)
  await processesContract(t, [one, await startService(t, { folder: one.folder, secretKey: one.secretKey })], 100)
})

t.test('on PostgreSQL', async (t) => {
  const server = await startPostgres(t)
  const options = { environment: { DATABASE_URL: await server.createDatabase() }, secretKey: randomBytes(32).toString('base64url') }
  const [one, ...others] = await Promise.all([1, 2, 3, 4].map(() => startService(t, options)))
  await processesContract(t, [one as Service, ...others], 10)
})

/** What processes on one database promise of each other. `bucket` is of the histogram, in milliseconds. */
async function processesContract (t: Test, [one, ...others]: [Service, ...Service[]], bucket: number): Promise<void> {
  const here = createApi(one)
  const elsewhere = others.map((service) => createApi(service))
  const there = elsewhere[0] as typeof here
  await here.register(alice)

  /** Milliseconds until an access token is refused by every other process. */
  async function heardAfter (accessToken: string): Promise<number> {
    const begun = performance.now()
    await Promise.all(elsewhere.map(async ({ visit }) => {
      for (let status = 0; status !== 401 && performance.now() - begun < 10_000;) status = await visit(accessToken)
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
}
