import { access, constants, open } from 'node:fs/promises'
import { type ColumnBuilderCallback, type Kysely, PostgresAdapter, type RawBuilder, sql } from 'kysely'

// Where the two databases differ, each difference is one function here; what a driver itself does otherwise is in the driver.

/** What one transaction at a time does, in all processes together. */
export type Turn = 'migrations' | 'keys' | 'revocations' | 'administrators' | 'audit'

/** The first half of the keys of our advisory locks, so that they are not another program's in the same database. */
const lockSpace = 0x67617465
const lockOf: Record<Turn, number> = { migrations: 1, keys: 2, revocations: 3, administrators: 4, audit: 5 }

/** SQLSTATEs of a transaction that lost a race: it could not be ordered with another, waited in a circle with it, or found taken what it had seen free. */
const lostRaces = new Set(['40001', '40P01', '23505'])

function isPostgres<T> (queries: Kysely<T>): boolean {
  return queries.getExecutor().adapter instanceof PostgresAdapter
}

/** Type and definition of a primary key that grows with every row and never returns. */
export function sequence<T> (db: Kysely<T>): ['bigint' | 'integer', ColumnBuilderCallback] {
  return isPostgres(db)
    ? ['bigint', (column) => column.generatedByDefaultAsIdentity().primaryKey()]
    : ['integer', (column) => column.primaryKey().autoIncrement()]
}

/**
 * Puts a text column, and its indexes, in the order of its bytes, as SQLite has them: all that begin alike stand together there,
 * whatever language PostgreSQL was set up for. What is in it stays as it is.
 */
export async function orderByBytes<T> (table: string, column: string, db: Kysely<T>): Promise<void> {
  if (isPostgres(db)) await sql`alter table ${sql.table(table)} alter column ${sql.ref(column)} type text collate "C"`.execute(db)
}

/**
 * Waits, inside a transaction, until no other one has this turn; it is over when the transaction is. On SQLite every
 * transaction has all turns, since one writes at a time.
 */
export async function takeTurn<T> (turn: Turn, queries: Kysely<T>): Promise<void> {
  if (isPostgres(queries)) await sql`select pg_advisory_xact_lock(${sql.lit(lockSpace)}, ${sql.lit(lockOf[turn])})`.execute(queries)
}

/**
 * What a statement reads `rows` from, as the table `given`: sent as one parameter, however many there are, so that it is
 * prepared once.
 */
export function given<T> (rows: readonly object[], columns: Readonly<Record<string, 'text' | 'bigint'>>, queries: Kysely<T>): RawBuilder<unknown> {
  const named = Object.entries(columns)
  if (isPostgres(queries)) return sql`json_to_recordset(${JSON.stringify(rows)}::json) as given(${sql.join(named.map(([name, type]) => sql`${sql.ref(name)} ${sql.raw(type)}`))})`
  return sql`(select ${sql.join(named.map(([name]) => sql`value ->> ${sql.lit(name)} as ${sql.ref(name)}`))} from json_each(${JSON.stringify(rows)})) as given`
}

/** What processes on one database tell each other. */
export type Topic = 'revocations'

/** Where they say it. */
export const channel = 'gatehouse'

/** Inside a transaction: tells all processes of `topic` when it is committed. On SQLite nobody can be told, and who wants to know looks. */
export async function announce<T> (topic: Topic, queries: Kysely<T>): Promise<void> {
  if (isPostgres(queries)) await sql`select pg_notify(${sql.lit(channel)}, ${sql.lit(topic)})`.execute(queries)
}

/**
 * Asks, in one statement that changes nothing, what only a database answers that would write. PostgreSQL locks no rows, not even none, where it
 * is read-only: in recovery, after a switch to a replica, or by its settings. Of SQLite the file and its log have to be there, for writing.
 * Throws `unavailable` otherwise.
 */
export async function demandWritable<T> (queries: Kysely<T>, unavailable: (cause: unknown) => Error): Promise<void> {
  if (isPostgres(queries)) {
    await sql`select name from leases where false for update`.execute(queries)
    return
  }
  const { file } = await queries.selectNoFrom(sql<string>`(select file from pragma_database_list where name = 'main')`.as('file')).executeTakeFirstOrThrow() as { file: string }
  // In memory it is nowhere.
  if (file !== '') await demandWritableFile(file).catch((error) => { throw unavailable(error) })
}

/**
 * The file itself is not opened: closing it would take SQLite's locks on it away. Its permissions do not show an error of the disk after which the
 * kernel refuses every write (ext4, from Linux 6.12 on); opening the log to write, which SQLite does not lock, does.
 */
async function demandWritableFile (file: string): Promise<void> {
  await access(file, constants.W_OK)
  const log = await open(`${file}-wal`, 'r+')
  await log.close()
}

/** Whether a transaction that failed with this may end well when it is done once more. On SQLite nothing can come between. */
export function isLostRace (error: unknown): boolean {
  return lostRaces.has(sqlState(error)) || isOutdatedPlan(error)
}

/** Whether a statement failed because a newer release changed the table since it was prepared. Nothing of it was done. */
export function isOutdatedPlan (error: unknown): boolean {
  return sqlState(error) === '0A000' && (error as { routine?: string }).routine === 'RevalidateCachedQuery'
}

/** What PostgreSQL says a statement failed with (its manual, appendix A); empty where it was not PostgreSQL that said so. */
export function sqlState (error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown }
  return typeof code === 'string' && /^[\dA-Z]{5}$/.test(code) ? code : ''
}
