import type { Kysely } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'
import { takeTurn } from './dialect.ts'
import * as accounts from './migrations/001-accounts.ts'
import * as sessions from './migrations/002-sessions.ts'
import * as throttle from './migrations/003-throttle.ts'
import * as leases from './migrations/004-leases.ts'

/** In the order in which they run. A migration that was released is never changed. */
const migrations: Record<string, Migration> = {
  '001-accounts': accounts,
  '002-sessions': sessions,
  '003-throttle': throttle,
  '004-leases': leases
}

/**
 * Brings the schema up to date, in one transaction under the database's lock: any number of processes may start at once,
 * and one that ends in the middle leaves nothing. Throws where the schema is newer than this release knows.
 */
export async function migrate<T> (database: Kysely<T>): Promise<void> {
  await database.transaction().execute(async (db) => {
    await takeTurn('migrations', db)
    await migrateWithin(db)
  })
}

async function migrateWithin<T> (db: Kysely<T>): Promise<void> {
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => migrations },
    migrationTableName: 'migrations',
    migrationLockTableName: 'migrations_lock'
  })
  const executed = (await migrator.getMigrations()).filter(({ executedAt }) => executedAt !== undefined)
  const { error } = await migrator.migrateToLatest()
  if (error === undefined) return
  if (/^corrupted migrations: previously executed migration .* is missing/.test((error as Error).message)) {
    throw new Error(`The database was made by a newer release of Gatehouse (${executed.length} of its migrations are known here): start that release, or restore a backup`)
  }
  throw error
}
