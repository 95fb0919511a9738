import { randomBytes } from 'node:crypto'
import t from 'tap'
import { alice, aliceSignedIn, build } from '../support/build.ts'
import { startPostgres } from '../support/postgres.ts'
import { until } from '../support/until.ts'
import { listen } from '../support/wire.ts'

const server = await startPostgres(t)
const environment = { DATABASE_URL: await server.createDatabase(), SECRET_KEY: randomBytes(32).toString('base64url'), DATABASE_TIMEOUT: '600ms', DATABASE_POOL: '3', REVOCATION_MAX_LAG: '1h' }

async function setUp () {
  const log: Array<Record<string, unknown>> = []
  const app = await build(t, { log, environment })
  const reply = await aliceSignedIn(app)
  await listen(app)
  const authorization = `Bearer ${reply.access_token}`
  const calls = {
    register: () => app.inject({ method: 'POST', url: '/register', payload: { ...alice, username: 'bob' } }),
    login: () => app.inject({ method: 'POST', url: '/login', payload: alice }),
    refresh: () => app.inject({ method: 'POST', url: '/refresh', payload: { refresh_token: reply.refresh_token } }),
    me: () => app.inject({ url: '/me', headers: { authorization } }),
    sessions: () => app.inject({ url: '/me/sessions', headers: { authorization } }),
    ready: () => app.inject({ url: '/health/ready' })
  }
  const beside = async () => (await Promise.all(['/health/live', '/.well-known/jwks.json', '/protected'].map((url) => app.inject({ url, headers: { authorization } })))).map(({ statusCode }) => statusCode)
  return { app, log, calls, beside }
}

const { app, log, calls, beside } = await setUp()
const outages: Array<[what: string, begin: () => unknown, end: () => unknown]> = [
  ['is stopped', () => server.stop('fast'), () => server.start()],
  ['is killed', () => server.stop('at once'), () => server.start()],
  ['is frozen', () => server.freeze(), () => server.thaw()]
]

for (const [what, begin, end] of outages) {
  t.test(`R05 R06 answers 503 in time while PostgreSQL ${what}, goes on with what needs none, and recovers`, async (t) => {
    await begin()
    const before = performance.now()
    const replies = await Promise.all(Array.from({ length: 4 }, () => Object.values(calls).map((call) => call())).flat())
    const took = performance.now() - before
    t.same([...new Set(replies.map(({ statusCode }) => statusCode))], [503])
    for (const reply of replies) {
      t.equal(reply.json().code, 'unavailable')
      t.equal(reply.headers['retry-after'], '1')
      t.notMatch(reply.body, /postgres|127\.0\.0\.1|ECONN|terminat|DATABASE/i)
    }
    t.ok(took < 2000, `${Math.round(took)} ms for ${replies.length}`)
    t.same(await beside(), [200, 200, 200])
    await end()
    const back = performance.now()
    await until(async () => (await calls.ready()).statusCode === 200)
    t.ok(performance.now() - back < 5000, 'soon after')
    await until(async () => (await calls.login()).statusCode === 200)
    t.equal((await calls.me()).statusCode, 200)
    t.notOk(log.some(({ level }) => level === 60), 'nothing was thrown past everyone')
  })
}

t.test('R06 holds no more connections than its pool has, whatever was asked and went wrong', async (t) => {
  await Promise.all(Array.from({ length: 30 }, calls.me))
  const found = await server.run("select count(*) as n from pg_stat_activity where application_name = 'gatehouse'")
  t.ok(Number(found[0]?.['n']) <= 4, 'and one more to listen')
})

t.test('does not start without a database, and says so in one line without the password', async (t) => {
  const secret = environment.SECRET_KEY
  const refusal = (url: string) => build(t, { environment: { DATABASE_URL: url, SECRET_KEY: secret, DATABASE_TIMEOUT: '300ms' } }).then(() => 'it started', ({ message }: Error) => message)
  await server.stop('fast')
  t.match(await refusal(`postgres://postgres:hunter2@127.0.0.1:${server.port}/x`), /^The database cannot be used: connect ECONNREFUSED 127\.0\.0\.1:\d+$/)
  await server.start()
  t.equal(await refusal(`postgres://postgres:hunter2@127.0.0.1:${server.port}/nowhere`), 'The database cannot be used: database "nowhere" does not exist')
  t.match(await refusal(`postgres://postgres:hunter2@127.0.0.1:${server.port}/postgres?sslmode=require`), /^The database cannot be used: The server does not support SSL connections$/)
  server.freeze()
  t.match(await refusal(environment.DATABASE_URL), /^The database cannot be used: .*timeout/)
  server.thaw()
})

t.test('closes in the middle of an outage', async (t) => {
  await server.stop('fast')
  await app.close()
  t.equal(app.server.listening, false)
})
