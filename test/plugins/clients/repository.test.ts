import { join } from 'node:path'
import t from 'tap'
import { openDatabase } from '../../support/database.ts'
import { openPostgresDatabase, startPostgres } from '../../support/postgres.ts'
import { temporaryFolder } from '../../support/service.ts'
import { clientsContract } from './contract.ts'

t.test('on SQLite in memory', async (t) => clientsContract(t, (t) => openDatabase(t)))

t.test('on SQLite on disk', async (t) => clientsContract(t, (t) => openDatabase(t, { file: join(temporaryFolder(t), 'clients.db') })))

t.test('on PostgreSQL', async (t) => {
  const server = await startPostgres(t)
  await clientsContract(t, (t) => openPostgresDatabase(t, server))
})
