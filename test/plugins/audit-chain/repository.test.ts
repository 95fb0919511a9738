import { join } from 'node:path'
import t from 'tap'
import { openDatabase } from '../../support/database.ts'
import { openPostgresDatabase, startPostgres } from '../../support/postgres.ts'
import { temporaryFolder } from '../../support/service.ts'
import { chainContract } from './contract.ts'

t.test('on SQLite in memory', async (t) => chainContract(t, (t) => openDatabase(t)))

t.test('on SQLite on disk', async (t) => chainContract(t, (t) => openDatabase(t, { file: join(temporaryFolder(t), 'chain.db') })))

t.test('on PostgreSQL', async (t) => {
  const server = await startPostgres(t)
  await chainContract(t, (t) => openPostgresDatabase(t, server))
})
