import { join } from 'node:path'
import t from 'tap'
import { openDatabase } from '../../support/database.ts'
import { openPostgresDatabase, startPostgres } from '../../support/postgres.ts'
import { temporaryFolder } from '../../support/service.ts'
import { sessionsContract } from './contract.ts'

t.test('on SQLite in memory', async (t) => sessionsContract(t, (t) => openDatabase(t)))

t.test('on SQLite on disk', async (t) => sessionsContract(t, (t) => openDatabase(t, { file: join(temporaryFolder(t), 'sessions.db') })))

t.test('on PostgreSQL', async (t) => {
  const server = await startPostgres(t)
  await sessionsContract(t, (t) => openPostgresDatabase(t, server))
})
