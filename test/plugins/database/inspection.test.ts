import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { inspectPostgres, inspectSqlite } from '../../../plugins/database/inspection.ts'
import { build } from '../../support/build.ts'
import { open, startPostgres } from '../../support/postgres.ts'
import { temporaryFolder } from '../../support/service.ts'

t.test('reads a SQLite database as it lies, beside a service and after it, and leaves nothing', async (t) => {
  const folder = temporaryFolder(t)
  const file = join(folder, 'a.db')
  t.strictSame([inspectSqlite(null), inspectSqlite(file)], [{ done: null, now: null }, { done: null, now: null }])
  t.notOk(existsSync(file))
  const server = await build(t, { environment: { DATABASE_URL: `sqlite:${file}` } })
  t.match(inspectSqlite(file), { done: ['001-accounts', '002-sessions'], now: null })
  await server.close()
  const left = readdirSync(folder)
  t.match(inspectSqlite(file).done, ['001-accounts'])
  t.strictSame(readdirSync(folder), left)

  const other = join(folder, 'other.db')
  new DatabaseSync(other).close()
  t.equal(inspectSqlite(other).done, null, 'of somebody else')
  writeFileSync(other, 'no database at all, but long enough to be looked at')
  t.throws(() => inspectSqlite(other), /not a database/)
})

t.test('asks PostgreSQL for its migrations and its time', async (t) => {
  const server = await startPostgres(t)
  for (const empty of [true, false]) {
    const queries = open(await server.createDatabase({ empty }))
    t.teardown(() => queries.destroy())
    const { done, now } = await inspectPostgres(queries)
    t.equal(done?.[0], empty ? undefined : '001-accounts')
    t.ok(Math.abs(Number(now) - Date.now()) < 5000)
  }
})
