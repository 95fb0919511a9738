import { type Kysely, sql } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'
import { sqlState, takeTurn } from './dialect.ts'
import * as accounts from './migrations/001-accounts.ts'
import * as sessions from './migrations/002-sessions.ts'
import * as throttle from './migrations/003-throttle.ts'
import * as leases from './migrations/004-leases.ts'
import * as audit from './migrations/005-audit.ts'
import * as administration from './migrations/006-administration.ts'

/** In the order in which they run. A migration that was released is never changed. */
export const migrations: Readonly<Record<string, Migration>> = {
  '001-accounts': accounts,
  '002-sessions': sessions,
  '003-throttle': throttle,
  '004-leases': leases,
  '005-audit': audit,
  '006-administration': administration
}

const known = Object.keys(migrations)
const newest = numberOf(known.at(-1) as string)
const migrationTableName = 'migrations'

const insufficientPrivilege = '42501'

/** A migration's name: its number, what it brings, and the number of the one from which on a release can live with it, where the release before cannot. */
const form = /^(\d{3})-[a-z\d-]+?(?:-needs-(\d{3}))?$/

/**
 * Brings the schema up to date, in one transaction under the database's lock: any number of processes may start at once,
 * and one that ends in the middle leaves nothing. Where a newer release has done so already, nothing is changed, and what
 * this one does not know is named. Throws where it cannot live with that.
 */
export async function migrate<T> (database: Kysely<T>): Promise<string[]> {
  return database.transaction().execute(async (db) => {
    await takeTurn('migrations', db)
    const done = await readDone(db)
    const unknown = done.filter((name) => !known.includes(name))
    if (done.length === 0) await demandRights(db)
    if (unknown.length === 0) await run(db)
    else demandCompatible(unknown, done)
    return unknown
  })
}

/** The names of the migrations that were done. */
async function readDone<T> (db: Kysely<T>): Promise<string[]> {
  const tables = await db.introspection.getTables()
  if (!tables.some(({ name }) => name === migrationTableName)) return []
  const { rows } = await sql<{ name: string }>`select name from ${sql.table(migrationTableName)} order by name`.execute(db)
  return rows.map(({ name }) => name)
}

/** Kysely passes over why its own table cannot be made, and trips over what comes after that. */
async function demandRights<T> (db: Kysely<T>): Promise<void> {
  try {
    await db.schema.createTable('first_table').addColumn('id', 'integer').execute()
    await db.schema.dropTable('first_table').execute()
  } catch (error) {
    throw sqlState(error) === insufficientPrivilege ? new Error(`The database cannot be used: ${(error as Error).message}: the user that DATABASE_URL names has to own it`, { cause: error }) : error
  }
}

async function run<T> (db: Kysely<T>): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations }, migrationTableName, migrationLockTableName: 'migrations_lock' })
  const { error } = await migrator.migrateToLatest()
  if (error !== undefined) throw error
}

/** Expand and contract: what was only added is no trouble, nor is the end of what this release has stopped to use. */
function demandCompatible (unknown: readonly string[], done: readonly string[]): void {
  const troubles = unknown.filter((name) => neededBy(name) > newest)
  // Ours were left out: that was no release after this one.
  const strangers = known.every((name) => done.includes(name)) ? troubles : unknown
  if (strangers.length > 0) throw new Error(`The database was changed by a newer release of Gatehouse (${strangers.join(', ')}), and this one is too old for that: start the newer one, or restore a backup`)
}

/** The number of the newest migration that a release has to know to live with this one. A name that cannot be read is nobody's. */
function neededBy (name: string): number {
  const [matched, , needed = '0'] = form.exec(name) ?? []
  return matched === undefined ? Number.POSITIVE_INFINITY : Number(needed)
}

function numberOf (name: string): number {
  return Number(name.slice(0, 3))
}
