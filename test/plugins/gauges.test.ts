import t from 'tap'
import { aliceSignedIn, build } from '../support/build.ts'
import { call, createClock, signIn } from '../support/calls.ts'
import { figure } from '../support/metrics.ts'
import { startPostgres } from '../support/postgres.ts'

const rotation = { ACCESS_TOKEN_TTL: '6m', KEY_ROTATION: '30d', KEY_LEAD: '2d' }

async function setUp (t: Parameters<typeof build>[0], environment: Record<string, string> = {}) {
  const clock = createClock()
  const app = await build(t, { now: clock.now, monotonic: clock.monotonic, environment: { ...rotation, METRICS_PORT: '9464', ...environment } })
  const read = async (name: string, labels: Record<string, string> = {}) => figure(await app.metrics.text(), `gatehouse_${name}`, labels)
  return { app, clock, read }
}

t.test('counts live sessions, at most once a minute', async (t) => {
  const { app, clock, read } = await setUp(t)
  t.equal(await read('sessions'), 0)
  await aliceSignedIn(app)
  await signIn(app)
  t.equal(await read('sessions'), 0)
  clock.turn(59)
  t.equal(await read('sessions'), 0)
  clock.turn(1)
  t.equal(await read('sessions'), 2)
  clock.turn(8 * 86_400)
  t.equal(await read('sessions'), 0, 'those that are over are not live')
})

t.test('has no number of sessions where the database does not answer, and counts again a minute later', async (t) => {
  const { app, clock, read } = await setUp(t)
  const { count } = app.sessions
  app.sessions.count = () => Promise.reject(new Error('no answer'))
  t.same(await read('sessions'), Number.NaN)
  app.sessions.count = count
  clock.turn(60)
  t.equal(await read('sessions'), 0)
})

t.test('tells how many endings are known, and how long nothing was heard', async (t) => {
  const { app, clock, read } = await setUp(t)
  const { access_token: token } = await aliceSignedIn(app)
  t.strictSame([await read('revocations'), await read('revocation_lag_seconds')], [0, 0])
  await call(app, 'POST /logout', token)
  clock.turn(7)
  t.strictSame([await read('revocations'), await read('revocation_lag_seconds')], [1, 7])
  await app.jobs.run('revocations')
  t.equal(await read('revocation_lag_seconds'), 0)
})

t.test('tells how many tokens are remembered, and were known again', async (t) => {
  const { app, read } = await setUp(t)
  const { access_token: token } = await aliceSignedIn(app)
  for (const one of [token, token, token, 'none']) await call(app, 'GET /protected', one)
  t.strictSame([await read('token_cache_size'), await read('token_cache_total', { result: 'hit' }), await read('token_cache_total', { result: 'miss' })], [1, 2, 2])
})

t.test('tells keys apart by state, with their ages, and how long the active one has signed', async (t) => {
  const { app, clock, read } = await setUp(t)
  const states = ['next', 'active', 'retired']
  const of = (name: string) => Promise.all(states.map((state) => read(name, { state })))
  t.strictSame([await of('keys'), await of('key_age_seconds')], [[1, 1, 0], [0, 0, 0]])
  clock.turn(1000)
  await app.keys.rotate({ now: true })
  clock.turn(100)
  t.strictSame([await of('keys'), await of('key_age_seconds')], [[1, 1, 1], [100, 1100, 1100]])
  t.strictSame([await read('key_signing_seconds'), await read('key_rotation_seconds')], [100, 30 * 86_400])
})

t.test('has no connections of a pool with SQLite', async (t) => {
  const { read } = await setUp(t)
  t.strictSame([await read('database_connections', { use: 'busy' }), await read('database_waiting')], [null, 0])
})

t.test('tells how the connections to PostgreSQL are used', async (t) => {
  const server = await startPostgres(t)
  const { app, read } = await setUp(t, { DATABASE_URL: await server.createDatabase(), DATABASE_POOL: '1', SECRET_KEY: 'a secret of thirty-two bytes for one pool' })
  const uses = () => Promise.all([read('database_connections', { use: 'busy' }), read('database_connections', { use: 'idle' }), read('database_waiting')])
  await read('sessions')
  t.strictSame(await uses(), [0, 1, 0])
  await app.database.transaction(async (queries) => {
    await app.sessions.list('nobody', queries)
    const waiting = app.sessions.list('nobody', app.database.queries)
    t.strictSame(await uses(), [1, 0, 1])
    return () => waiting
  }).then((end) => end())
})
