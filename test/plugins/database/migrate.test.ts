import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { sql } from 'kysely'
import t from 'tap'
import { migrate, migrations } from '../../../plugins/database/migrate.ts'
import { openDatabase } from '../../support/database.ts'
import { addressOf, open, startPostgres } from '../../support/postgres.ts'
import { temporaryFolder } from '../../support/service.ts'
import { until } from '../../support/until.ts'

const tables = ['audit_events', 'audit_heads', 'audit_keys', 'clients', 'failures', 'known_networks', 'leases', 'migrations', 'migrations_lock', 'revocations', 'sessions', 'signing_keys', 'sqlite_sequence', 'user_roles', 'users']

async function tablesOf (queries: Awaited<ReturnType<typeof openDatabase>>) {
  const { rows } = await sql<{ name: string }>`select name from sqlite_master where type = 'table' order by name`.execute(queries)
  return rows.map(({ name }) => name)
}

t.test('makes the schema once', async (t) => {
  const file = join(temporaryFolder(t), 'auth.db')
  const queries = await openDatabase(t, { file })
  t.same(await tablesOf(queries), tables)
  const before = await sql`select * from migrations`.execute(queries)
  t.match(before.rows, Object.keys(migrations).map((name) => ({ name })))
  await migrate(queries)
  t.same((await sql`select * from migrations`.execute(await openDatabase(t, { file }))).rows, before.rows)
})

t.test('makes it once for all that start together on a new file', async (t) => {
  const file = join(temporaryFolder(t), 'auth.db')
  const all = await Promise.all(Array.from({ length: 5 }, () => openDatabase(t, { file })))
  for (const queries of all) t.same(await tablesOf(queries), tables)
  t.equal((await sql`select * from migrations`.execute(all[0] as typeof all[number])).rows.length, Object.keys(migrations).length)
})

const record = (...names: string[]) => `insert into migrations (name, timestamp) values ${names.map((name) => `('${name}', '2026-03-01T12:00:00.000Z')`)}`
const ranks = ['users', 'sessions'].map((table) => `alter table ${table} add column rank text`)

t.test('runs on what a newer release added, changes nothing there and says what it does not know', async (t) => {
  const queries = await openDatabase(t)
  for (const statement of [...ranks, record('090-ranks', '091-no-more-names-needs-004')]) await sql.raw(statement).execute(queries)
  const schema = async () => (await sql`select sql from sqlite_master order by name`.execute(queries)).rows
  const before = await schema()
  t.same(await migrate(queries), ['090-ranks', '091-no-more-names-needs-004'])
  t.same(await schema(), before)
})

t.test('refuses, in one line, what a newer release did that only newer ones can live with', async (t) => {
  const refused = async (...names: string[]) => {
    const queries = await openDatabase(t)
    await sql.raw(record(...names)).execute(queries)
    return migrate(queries).then(() => 'it began', ({ message }: Error) => message)
  }
  const line = (names: string) => `The database was changed by a newer release of Gatehouse (${names}), and this one is too old for that: start the newer one, or restore a backup`
  t.equal(await refused('090-ranks', '091-no-users-needs-090', '092-no-more-needs-003'), line('091-no-users-needs-090'))
  t.equal(await refused('090-ranks-needs-05'), 'it began', 'a name like any other')
  t.equal(await refused('their-own'), line('their-own'))
})

t.test('refuses a database in which its own migrations are missing between those of others', async (t) => {
  const queries = await openDatabase(t)
  await sql`delete from migrations where name = '004-leases'`.execute(queries)
  await sql.raw(record('090-ranks')).execute(queries)
  await t.rejects(migrate(queries), { message: /\(090-ranks\)/ })
})

t.test('a migration says in its name from which one on a release can live with it, where it takes something away', async (t) => {
  const folder = new URL('../../../plugins/database/migrations/', import.meta.url)
  const names = Object.keys(migrations)
  t.same(readdirSync(folder).sort(), names.map((name) => `${name}.ts`))
  for (const [index, name] of names.entries()) {
    const [, number, needed] = /^(\d{3})-[a-z\d-]+?(?:-needs-(\d{3}))?$/.exec(name) ?? []
    t.equal(Number(number), index + 1, name)
    t.ok(needed === undefined || Number(needed) < Number(number), name)
    const source = readFileSync(new URL(`${name}.ts`, folder), 'utf8')
    t.ok(needed !== undefined || !/\b(?:drop|rename|delete|set not null|setNotNull|update)/i.test(source.replaceAll(/onDelete|onUpdate/g, '')), `${name} takes nothing away`)
  }
})

t.test('changes nothing where a step fails, and passes the fault on', async (t) => {
  const file = join(temporaryFolder(t), 'auth.db')
  const stranger = new DatabaseSync(file)
  stranger.exec('create table sessions (theirs text)')
  await t.rejects(openDatabase(t, { file }), { message: /sessions.*already exists/ })
  const found = stranger.prepare('select name from sqlite_master where type = \'table\' order by name').all().map(({ name }) => name)
  stranger.close()
  t.same(found, ['sessions'], 'the tables before the failing one are gone again')
})

t.test('on PostgreSQL', async (t) => {
  const server = await startPostgres(t)
  const known = (url: string) => server.run('select name from migrations order by name', url)

  t.test('makes the same tables and columns', async (t) => {
    const [here, there] = [await openDatabase(t), open(await server.createDatabase())]
    t.teardown(() => there.destroy())
    const columnsOf = async (queries: typeof here) => (await queries.introspection.getTables({ withInternalKyselyTables: false }))
      .flatMap(({ name, columns }) => columns.map((column) => `${name}.${column.name} ${column.isNullable ? 'or null' : ''}`)).filter((line) => !/^migrations/.test(line))
    const onPostgres = new Set(await columnsOf(there))
    // SQLite tells no primary key of text as not null.
    const names = (lines: Iterable<string>) => [...lines].map((line) => line.split(' ')[0]).sort()
    t.same(names(onPostgres), names(await columnsOf(here)))
  })

  t.test('makes it once for all that start together on an empty database', async (t) => {
    const url = await server.createDatabase({ empty: true })
    const all = Array.from({ length: 5 }, () => open(url, { pool: 1, unhurried: true }))
    t.teardown(() => Promise.all(all.map((queries) => queries.destroy())))
    await Promise.all(all.map(migrate))
    t.match(await known(url), Object.keys(migrations).map((name) => ({ name })))
    await migrate(all[0] as typeof all[number])
  })

  t.test('runs on what a newer release added, and refuses what it did that only newer ones can live with', async (t) => {
    const url = await server.createDatabase()
    const queries = open(url)
    t.teardown(() => queries.destroy())
    for (const statement of [...ranks, record('090-ranks', '091-no-more-names-needs-004')]) await server.run(statement, url)
    const before = await known(url)
    t.same(await migrate(queries), ['090-ranks', '091-no-more-names-needs-004'])
    t.same(await known(url), before)
    await server.run(record('092-no-users-needs-090'), url)
    await t.rejects(migrate(queries), { message: /^The database was changed by a newer release of Gatehouse \(092-no-users-needs-090\)/ })
  })

  t.test('says that its user may make no tables', async (t) => {
    const url = await server.createDatabase({ empty: true })
    await server.run('create role guest login', url)
    const queries = open(url, { address: { ...addressOf(url), user: 'guest' } })
    t.teardown(() => queries.destroy())
    await t.rejects(migrate(queries), { message: 'The database cannot be used: permission denied for schema public: the user that DATABASE_URL names has to own it' })
  })

  t.test('leaves nothing of what failed or was cut off in the middle, and begins anew', async (t) => {
    const url = await server.createDatabase({ empty: true })
    const tables = async () => (await server.run("select table_name as name from information_schema.tables where table_schema = 'public'", url)).map(({ name }) => name)
    await server.run('create table leases (theirs text)', url)
    const queries = open(url, { unhurried: true })
    t.teardown(() => queries.destroy())
    await t.rejects(migrate(queries), { code: '42P07' }, 'one of the last tables is there')
    t.same(await tables(), ['leases'])

    // Another's uncommitted table of that name holds the last step; there the connection is cut, as the kill of the process would.
    await server.run('drop table leases', url)
    const holder = open(url)
    t.teardown(() => holder.destroy())
    await holder.transaction().execute(async (inside) => {
      await sql`create table leases (theirs text)`.execute(inside)
      const half = t.rejects(migrate(queries), { message: 'unavailable' })
      await until(async () => (await server.run("select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like 'create table%leases%'", url)).length > 0)
      await server.run("select pg_terminate_backend(pid) from pg_stat_activity where wait_event_type = 'Lock'", url)
      await half
      await sql`drop table leases`.execute(inside)
    })
    t.same(await tables(), [])
    await migrate(queries)
    t.equal((await known(url)).length, Object.keys(migrations).length)
  })
})
