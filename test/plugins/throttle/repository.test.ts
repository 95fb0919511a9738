import { join } from 'node:path'
import t from 'tap'
import { openDatabase } from '../../support/database.ts'
import { openPostgresDatabase, startPostgres } from '../../support/postgres.ts'
import { temporaryFolder } from '../../support/service.ts'
import { throttleContract } from './contract.ts'

t.test('on SQLite in memory', async (t) => throttleContract(t, (t) => openDatabase(t)))

t.test('on SQLite on disk', async (t) => throttleContract(t, (t) => openDatabase(t, { file: join(temporaryFolder(t), 'throttle.db') })))

t.test('on PostgreSQL', async (t) => {
  const server = await startPostgres(t)
  await throttleContract(t, (t) => openPostgresDatabase(t, server))
})
