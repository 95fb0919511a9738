import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import type { Queries } from '../../../plugins/database.ts'
import { unavailable } from '../../support/database.ts'
import { open, openPostgresDatabase, startPostgres } from '../../support/postgres.ts'
import { until } from '../../support/until.ts'

const server = await startPostgres(t, { max_connections: '25', superuser_reserved_connections: '0' })

function add (queries: Queries, id: string, members: Record<string, unknown> = {}) {
  return queries.insertInto('users').values({ id, username: id, email: null, email_key: null, password_hash: null, disabled_at: null, created_at: 0, ...members }).executeTakeFirst()
}

async function names (queries: Queries) {
  return (await queries.selectFrom('users').select('username').orderBy('username').execute()).map(({ username }) => username)
}

/** A database of its own, its URL and a pool on it. */
async function setUp (t: Test, options: { pool?: number, timeout?: number } = {}) {
  const url = await server.createDatabase()
  const queries = open(url, options)
  t.teardown(() => queries.destroy())
  const backends = async () => Number((await server.run(`select count(*) as n from pg_stat_activity where application_name = 'gatehouse' and datname = '${url.split('/').at(-1)}'`))[0]?.['n'])
  return { url, queries, backends }
}

/** Milliseconds that work takes, which has to fail as unavailable. */
async function refusedAfter (t: Test, work: Promise<unknown>): Promise<number> {
  const before = performance.now()
  await t.rejects(work, unavailable)
  return performance.now() - before
}

t.test('reads numbers, texts and booleans as they are, and no integer that it would have to round', async (t) => {
  const queries = await openPostgresDatabase(t, server)
  const { rows } = await sql<Record<string, unknown>>`select ${'text'}::text as a, 2::int8 as b, ${null}::text as c, 4::int4 as d, true as e, ${9007199254740991}::int8 as f, count(*) as g from users`.execute(queries)
  t.strictSame({ ...rows[0] }, { a: 'text', b: 2, c: null, d: 4, e: true, f: 9007199254740991, g: 0 })
  for (const large of ['9007199254740993', '-9007199254740993']) await t.rejects(sql`select ${large}::int8 as big`.execute(queries), RangeError)
  await add(queries, 'alice')
  t.same(await names(queries), ['alice'], 'the connection is good for more')
})

t.test('tells what a statement changed, and what it returns', async (t) => {
  const queries = await openPostgresDatabase(t, server)
  t.match(await add(queries, 'alice'), { numInsertedOrUpdatedRows: 1n })
  t.match(await queries.updateTable('users').set({ created_at: 7 }).executeTakeFirst(), { numUpdatedRows: 1n })
  t.match(await queries.updateTable('users').set({ created_at: 8 }).where('username', '=', 'nobody').executeTakeFirst(), { numUpdatedRows: 0n })
  t.match(await queries.deleteFrom('users').returning('created_at').execute(), [{ created_at: 7 }])
})

t.test('passes faults of the statement on as they are', async (t) => {
  const queries = await openPostgresDatabase(t, server)
  await add(queries, 'alice')
  await t.rejects(add(queries, 'alice'), { code: '23505' })
  await t.rejects(sql`select from nowhere`.execute(queries), { code: '42P01' })
  await t.rejects(async () => { for await (const _ of queries.selectFrom('users').selectAll().stream()) t.fail('no row') }, { message: 'streaming is not supported' })
})

t.test('keeps all of a transaction or nothing', async (t) => {
  const queries = await openPostgresDatabase(t, server, { pool: 1 })
  await t.rejects(queries.transaction().execute(async (inside) => {
    await add(inside, 'alice')
    t.same(await names(inside), ['alice'], 'it sees what it wrote')
    throw new Error('no')
  }), { message: 'no' })
  await t.rejects(queries.transaction().execute(async (inside) => {
    await add(inside, 'bob')
    await add(inside, 'bob').catch(() => {})
  }), { message: 'a statement of the transaction had failed: nothing was committed' })
  t.same(await names(queries), [])
  t.equal(await queries.transaction().execute(async (inside) => { await add(inside, 'carol'); return 'done' }), 'done')
  t.same(await names(queries), ['carol'])
})

t.test('prepares a statement once a connection, and goes on when a newer release changes the table', async (t) => {
  const { url, queries } = await setUp(t, { pool: 1 })
  const find = (on: Queries) => on.selectFrom('users').selectAll().where('id', '=', 'alice').executeTakeFirst()
  await add(queries, 'alice')
  for (let turn = 0; turn < 3; turn++) await find(queries)
  const prepared = await sql<{ name: string }>`select name from pg_prepared_statements where statement like 'select%users%'`.execute(queries)
  t.equal(prepared.rows.length, 1)
  await server.run('alter table users add column nickname text', url)
  t.match(await find(queries), { id: 'alice', nickname: null })
  await server.run('alter table users add column motto text', url)
  await t.rejects(queries.transaction().execute(find), { code: '0A000' }, 'which is for whoever began it to begin again')
  t.match(await queries.transaction().execute(find), { id: 'alice', motto: null })
})

t.test('forgets prepared names when there are very many, and prepares no long list', async (t) => {
  const queries = await openPostgresDatabase(t, server, { pool: 1 })
  for (let index = 0; index < 600; index++) {
    const { rows } = await sql<{ value: number }>`select ${sql.lit(index)} as value, ${index}::int4 as bound`.execute(queries)
    if (rows[0]?.value !== index) t.fail(`statement ${index}`)
  }
  await queries.selectFrom('users').selectAll().where('id', 'in', Array.from({ length: 17 }, String)).execute()
  t.same((await sql`select 1 from pg_prepared_statements where statement like '%users%'`.execute(queries)).rows, [])
})

t.test('says unavailable to whoever waits too long for a place in the pool, and to nobody else', async (t) => {
  const { queries, backends } = await setUp(t, { pool: 2, timeout: 1 })
  const slow = () => sql`select pg_sleep(0.6)`.execute(queries)
  const outcomes = await Promise.allSettled([slow(), slow(), slow(), slow(), slow(), slow()])
  t.same(outcomes.map(({ status }) => status).filter((status) => status === 'fulfilled').length, 2)
  for (const outcome of outcomes) if (outcome.status === 'rejected') t.match(outcome.reason, unavailable)
  await until(async () => await backends() <= 2)
  await add(queries, 'alice')
})

t.test('says unavailable when a statement or a lock takes too long, keeps the connection, and recovers', async (t) => {
  const { url, queries } = await setUp(t, { pool: 1, timeout: 0.5 })
  const backend = async () => (await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(queries)).rows[0]?.pid
  const before = await backend()
  t.ok(await refusedAfter(t, sql`select pg_sleep(10)`.execute(queries)) < 500)
  await add(queries, 'alice')
  const other = open(url)
  t.teardown(() => other.destroy())
  await other.transaction().execute(async (inside) => {
    await inside.updateTable('users').set({ created_at: 1 }).execute()
    await refusedAfter(t, queries.updateTable('users').set({ created_at: 2 }).execute())
    await refusedAfter(t, queries.transaction().execute((own) => own.selectFrom('users').selectAll().forNoKeyUpdate().execute()))
  })
  await queries.updateTable('users').set({ created_at: 2 }).execute()
  t.equal(await backend(), before)
})

t.test('ends a transaction that takes too long in all, and one that stands still', async (t) => {
  const { queries, backends } = await setUp(t, { pool: 1, timeout: 0.5 })
  await t.rejects(queries.transaction().execute(async (inside) => {
    await add(inside, 'alice')
    for (;;) await sql`select pg_sleep(0.2)`.execute(inside)
  }), unavailable)
  await t.rejects(queries.transaction().execute(async (inside) => {
    await add(inside, 'alice')
    await until(async () => await backends() === 0)
    await names(inside)
  }), unavailable)
  t.same(await names(queries), [])
})

t.test('lets work without hurry take its time', async (t) => {
  const url = await server.createDatabase()
  const queries = open(url, { pool: 1, timeout: 0.2, unhurried: true })
  t.teardown(() => queries.destroy())
  await sql`select pg_sleep(0.5)`.execute(queries)
  t.equal((await sql<{ value: string }>`select current_setting('statement_timeout') as value`.execute(queries)).rows[0]?.value, '0')
})

t.test('takes another connection for one that was cut, idle or at work', async (t) => {
  const { queries, backends } = await setUp(t, { pool: 2 })
  const cut = () => server.run("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'gatehouse'")
  await add(queries, 'alice')
  await cut()
  await until(async () => await backends() === 0)
  await until(async () => names(queries).then(() => true, (error: Error) => { t.match(error, unavailable); return false }))
  const atWork = t.rejects(queries.transaction().execute(async (inside) => { await add(inside, 'bob'); await sql`select pg_sleep(10)`.execute(inside) }), unavailable)
  await until(async () => (await server.run("select 1 from pg_stat_activity where query like '%pg_sleep(10)%' and application_name = 'gatehouse'")).length > 0)
  await cut()
  await atWork
  t.same(await names(queries), ['alice'])
})

t.test('says unavailable where the server takes no more connections, or does not write, and recovers', async (t) => {
  const { url, queries } = await setUp(t)
  const name = url.split('/').at(-1)
  await server.run(`alter database ${name} set default_transaction_read_only = on`)
  await t.rejects(add(queries, 'alice'), unavailable)
  await server.run(`alter database ${name} reset default_transaction_read_only`)
  await add(queries, 'alice')
  const crowd = open(url, { pool: 25 })
  t.teardown(() => crowd.destroy())
  const held = Array.from({ length: 25 }, () => sql`select pg_sleep(1)`.execute(crowd))
  const crowded = await Promise.allSettled(held)
  t.ok(crowded.some(({ status }) => status === 'fulfilled'))
  t.match(crowded.find(({ status }) => status === 'rejected'), { reason: { ...unavailable, cause: { code: '53300' } } })
  await crowd.destroy()
  t.same(await names(queries), ['alice'])
})

t.test('says unavailable at once where nobody listens, and in time where nobody answers, and recovers', async (t) => {
  const { queries, backends } = await setUp(t, { pool: 3, timeout: 0.5 })
  await add(queries, 'alice')
  await server.stop('at once')
  for (let turn = 0; turn < 3; turn++) t.ok(await refusedAfter(t, names(queries)) < 400)
  await server.start()
  t.same(await names(queries), ['alice'])

  server.freeze()
  const calls = Array.from({ length: 12 }, (_, index) => refusedAfter(t, index % 2 === 0 ? names(queries) : queries.transaction().execute((inside) => add(inside, 'bob'))))
  t.ok(Math.max(...await Promise.all(calls)) < 1000, 'those who waited for a place too')
  await refusedAfter(t, names(queries))
  server.thaw()
  await until(() => names(queries).then((found) => found.length === 1, () => false))
  t.ok(await backends() <= 3)
})

t.test('outlives a server that ends a connection with the very news that it stands', async (t) => {
  const message = (type: string, ...parts: Buffer[]) => {
    const length = Buffer.alloc(4)
    length.writeInt32BE(4 + parts.reduce((sum, part) => sum + part.length, 0))
    return Buffer.concat([Buffer.from(type), length, ...parts])
  }
  const news = Buffer.concat([message('R', Buffer.alloc(4)), message('Z', Buffer.from('I')), message('E', Buffer.from('SFATAL\0C57P01\0Mterminating connection\0\0'))])
  const unkind = createServer((socket) => { socket.on('error', () => {}).once('data', () => socket.end(news)) })
  unkind.listen(0, '127.0.0.1')
  await once(unkind, 'listening')
  t.teardown(() => unkind.close())
  const queries = open(`postgres://app@127.0.0.1:${(unkind.address() as AddressInfo).port}/auth`, { timeout: 1 })
  t.teardown(() => queries.destroy())
  for (let turn = 0; turn < 3; turn++) await t.rejects(Promise.all([names(queries), queries.transaction().execute(names)]), { ...unavailable, cause: { code: '57P01' } })
})
