import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { sql } from 'kysely'
import t from 'tap'
import { migrate } from '../../../plugins/database/migrate.ts'
import { openDatabase } from '../../support/database.ts'
import { temporaryFolder } from '../../support/service.ts'

const tables = ['clients', 'failures', 'known_networks', 'leases', 'migrations', 'migrations_lock', 'revocations', 'sessions', 'signing_keys', 'sqlite_sequence', 'user_roles', 'users']

async function tablesOf (queries: Awaited<ReturnType<typeof openDatabase>>) {
  const { rows } = await sql<{ name: string }>`select name from sqlite_master where type = 'table' order by name`.execute(queries)
  return rows.map(({ name }) => name)
}

t.test('makes the schema once', async (t) => {
  const file = join(temporaryFolder(t), 'auth.db')
  const queries = await openDatabase(t, { file })
  t.same(await tablesOf(queries), tables)
  const before = await sql`select * from migrations`.execute(queries)
  t.match(before.rows, [{ name: '001-accounts' }, { name: '002-sessions' }, { name: '003-throttle' }, { name: '004-leases' }])
  await migrate(queries)
  t.same((await sql`select * from migrations`.execute(await openDatabase(t, { file }))).rows, before.rows)
})

t.test('makes it once for all that start together on a new file', async (t) => {
  const file = join(temporaryFolder(t), 'auth.db')
  const all = await Promise.all(Array.from({ length: 5 }, () => openDatabase(t, { file })))
  for (const queries of all) t.same(await tablesOf(queries), tables)
  t.equal((await sql`select * from migrations`.execute(all[0] as typeof all[number])).rows.length, 4)
})

t.test('refuses a schema that a newer release made, in one line', async (t) => {
  const queries = await openDatabase(t)
  await sql`insert into migrations (name, timestamp) values ('005-future', '2026-03-01T12:00:00.000Z')`.execute(queries)
  await t.rejects(migrate(queries), { message: 'The database was made by a newer release of Gatehouse (4 of its migrations are known here): start that release, or restore a backup' })
})

t.test('changes nothing where a step fails, and passes the fault on', async (t) => {
  const file = join(temporaryFolder(t), 'auth.db')
  const stranger = new DatabaseSync(file)
  stranger.exec('create table sessions (theirs text)')
  await t.rejects(openDatabase(t, { file }), { message: /sessions.*already exists/ })
  const found = stranger.prepare('select name from sqlite_master where type = \'table\' order by name').all().map(({ name }) => name)
  stranger.close()
  t.same(found, ['migrations', 'migrations_lock', 'sessions'], 'the tables before the failing one are gone again')
})
