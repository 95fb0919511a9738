import { randomUUIDv7 } from 'node:crypto'
import { join } from 'node:path'
import t from 'tap'
import { run } from '../../../plugins/database/statement.ts'
import { createUserRepository } from '../../../plugins/users/repository.ts'
import { openDatabase } from '../../support/database.ts'
import { openPostgresDatabase, startPostgres } from '../../support/postgres.ts'
import { temporaryFolder } from '../../support/service.ts'
import { until } from '../../support/until.ts'
import { usersContract } from './contract.ts'

t.test('on SQLite in memory', async (t) => usersContract(t, (t) => openDatabase(t)))

t.test('on SQLite on disk', async (t) => usersContract(t, (t) => openDatabase(t, { file: join(temporaryFolder(t), 'users.db') })))

t.test('on PostgreSQL', async (t) => {
  const server = await startPostgres(t)
  await usersContract(t, (t) => openPostgresDatabase(t, server))

  await t.test('reads the roles of who is locked when the wait for the lock is over', async (t) => {
    const queries = await openPostgresDatabase(t, server)
    const id = randomUUIDv7()
    await createUserRepository(queries, { run }).add({ id, username: 'alice', email: null, passwordHash: null, createdAt: 0 })
    const waiting = Promise.withResolvers<unknown>()
    await queries.transaction().execute(async (first) => {
      const users = createUserRepository(first, { run })
      await users.lock(id)
      waiting.resolve(queries.transaction().execute(async (second) => (await createUserRepository(second, { run }).lock(id))?.roles))
      await until(async () => (await server.run("select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%users%'")).length > 0)
      await users.setDisabled(id, 1)
      await users.setRoles(id, ['admin'])
    })
    t.same(await waiting.promise, ['admin'])
  })
})
