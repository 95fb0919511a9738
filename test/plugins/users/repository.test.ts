import { join } from 'node:path'
import t from 'tap'
import { openDatabase } from '../../support/database.ts'
import { openPostgresDatabase, startPostgres } from '../../support/postgres.ts'
import { temporaryFolder } from '../../support/service.ts'
import { usersContract } from './contract.ts'

t.test('on SQLite in memory', async (t) => usersContract(t, (t) => openDatabase(t)))

t.test('on SQLite on disk', async (t) => usersContract(t, (t) => openDatabase(t, { file: join(temporaryFolder(t), 'users.db') })))

t.test('on PostgreSQL', async (t) => {
  const server = await startPostgres(t)
  await usersContract(t, (t) => openPostgresDatabase(t, server))
})
