import { join } from 'node:path'
import { sql } from 'kysely'
import t from 'tap'
import { alice, aliceSignedIn, build } from '../support/build.ts'
import { holdWriteLock } from '../support/database.ts'
import { addressOf, startPostgres } from '../support/postgres.ts'
import { temporaryFolder } from '../support/service.ts'
import { listen } from '../support/wire.ts'

t.test('answers 503 to what must write while another program holds the lock, 200 to what reads, and recovers', async (t) => {
  const file = join(temporaryFolder(t), 'auth.db')
  const log: Array<Record<string, unknown>> = []
  const server = await build(t, { log, environment: { DATABASE_URL: `sqlite:${file}`, DATABASE_TIMEOUT: '300ms' } })
  const { access_token: token } = await aliceSignedIn(server)
  const register = () => server.inject({ method: 'POST', url: '/register', payload: { ...alice, username: 'bob' } })
  const login = () => server.inject({ method: 'POST', url: '/login', payload: alice })
  const read = (url: string) => server.inject({ url, headers: { authorization: `Bearer ${token}` } })
  const { release } = holdWriteLock(t, file)

  const before = performance.now()
  const writes = Promise.all([register(), login(), register()])
  const reads = await Promise.all(['/me', '/protected', '/health/ready', '/.well-known/jwks.json'].map(read))
  t.same(reads.map(({ statusCode }) => statusCode), [200, 200, 200, 200])
  t.ok(performance.now() - before < 300, 'at once')
  for (const reply of await writes) {
    t.equal(reply.statusCode, 503)
    t.same(reply.json(), { statusCode: 503, code: 'unavailable', error: 'Service Unavailable', message: 'The service cannot answer right now: try again shortly' })
    t.equal(reply.headers['retry-after'], '1')
  }
  t.ok(performance.now() - before < 1500, 'within the timeout')
  t.match(log.filter(({ level }) => level === 50), Array(3).fill({ msg: 'unavailable', err: { message: 'database is locked' } }))

  release()
  t.equal((await register()).statusCode, 201)
  t.equal((await login()).statusCode, 200)
})

t.test('does what waits for the end of a transaction once it is committed, and never where it went back', async (t) => {
  const { database } = await build(t)
  const done: string[] = []
  const waiting = (what: string, fails: boolean) => database.transaction(async (queries) => {
    database.afterCommit(queries, () => { done.push(what) })
    t.notOk(done.includes(what))
    if (fails) throw new Error('no')
  })
  await waiting('kept', false)
  await t.rejects(waiting('lost', true), { message: 'no' })
  database.afterCommit(database.queries, () => { done.push('at once') })
  t.strictSame(done, ['kept', 'at once'])
})

t.test('runs work in a transaction that goes back when the work fails', async (t) => {
  const { database, users } = await build(t)
  const user = { id: '1', username: 'alice', email: null, passwordHash: null, createdAt: 0 }
  await t.rejects(database.transaction(async (queries) => {
    await users.within(queries).add(user)
    throw new Error('no')
  }), { message: 'no' })
  t.equal(await users.findById('1'), null)
  t.equal(await database.transaction((queries) => users.within(queries).add(user)), 'added')
  t.ok(await users.findById('1'))
})

t.test('keeps in memory what SQLite needs to undo a part, since no other folder may be there to write to', async (t) => {
  const { database } = await build(t)
  t.match(await sql`pragma temp_store`.execute(database.queries), { rows: [{ temp_store: 2 }] })
})

t.test('answers a ping in time, or says that it cannot', async (t) => {
  const server = await build(t)
  const { database } = server
  await listen(server)
  await database.ping(1000)
  const { promise: finished, resolve: finish } = Promise.withResolvers<void>()
  const busy = database.transaction(() => finished)
  await t.rejects(database.ping(20), { code: 'unavailable' })
  finish()
  await busy
  await database.ping(1000)
})

t.test('does not start on a file that is no database', async (t) => {
  await t.rejects(build(t, { environment: { DATABASE_URL: `sqlite:${temporaryFolder(t)}`, SECRET_KEY: 'correct horse battery staple, and a zebra' } }), { message: /^The database file .+ cannot be used: / })
})

t.test('closes with the app', async (t) => {
  const server = await build(t)
  await server.close()
  await t.rejects(server.database.ping(1000))
})

t.test('runs on the schema of a newer release, says so once, and leaves it to that one to move', async (t) => {
  const environment = { DATABASE_URL: `sqlite:${join(temporaryFolder(t), 'auth.db')}` }
  const newer = await build(t, { environment })
  await sql`insert into migrations (name, timestamp) values ('090-ranks', '2026-03-01T12:00:00.000Z')`.execute(newer.database.queries)
  await newer.close()
  const log: Array<Record<string, unknown>> = []
  const server = await build(t, { environment, log })
  t.match(log.filter(({ level }) => level === 40), [{ msg: 'a newer release has changed the database: this one runs on it as it is', migrations: ['090-ranks'] }])
  await aliceSignedIn(server)
  const postgres = await startPostgres(t)
  const target = addressOf(await postgres.createDatabase())
  await t.rejects(server.database.moveTo(target, () => {}), { message: /^A newer release of Gatehouse has changed the database \(090-ranks\): that one moves it/ })
})
