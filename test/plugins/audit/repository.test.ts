import { join } from 'node:path'
import t from 'tap'
import { openDatabase } from '../../support/database.ts'
import { openPostgresDatabase, startPostgres } from '../../support/postgres.ts'
import { temporaryFolder } from '../../support/service.ts'
import { auditContract } from './contract.ts'

t.test('on SQLite in memory', async (t) => auditContract(t, (t) => openDatabase(t)))

t.test('on SQLite on disk', async (t) => auditContract(t, (t) => openDatabase(t, { file: join(temporaryFolder(t), 'audit.db') })))

t.test('on PostgreSQL', async (t) => {
  const server = await startPostgres(t)
  await auditContract(t, (t) => openPostgresDatabase(t, server))
})
