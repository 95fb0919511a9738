import { randomUUIDv7 } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Kysely } from 'kysely'
import type { Test } from 'tap'
import { migrate } from '../../plugins/database/migrate.ts'
import { openSqlite } from '../../plugins/database/sqlite.ts'
import type { Queries, Tables } from '../../plugins/database.ts'
import { temporaryFolder } from './service.ts'

/** What the driver is told to throw where the database cannot do what was asked now. */
export const unavailable = { message: 'unavailable' }

export interface OpenOptions {
  /** Null keeps it in memory. */
  file?: string | null
  /** Seconds. */
  timeout?: number
  synchronous?: 'full' | 'normal'
}

/** A database with today's schema, closed with the test. */
export async function openDatabase (t: Test, { file = null, timeout = 2, synchronous = 'full' }: OpenOptions = {}): Promise<Queries> {
  const queries = new Kysely<Tables>({ dialect: openSqlite({ file, timeout, synchronous, unavailable: (cause) => new Error(unavailable.message, { cause }) }) })
  t.teardown(() => queries.destroy())
  await migrate(queries)
  return queries
}

/** Another program's connection to the file, which holds the write lock until it is told to let go. */
export function holdWriteLock (t: Test, file: string): { release: () => void } {
  const other = new DatabaseSync(file, { timeout: 5000 })
  other.exec('begin immediate')
  const release = () => {
    if (other.isOpen) other.close()
  }
  t.teardown(release)
  return { release }
}

export function newFile (t: Test) {
  return join(temporaryFolder(t), 'auth.db')
}

export function add (queries: Queries, username: string, id: string = randomUUIDv7()) {
  return queries.insertInto('users').values({ id, username, email: null, email_key: null, password_hash: null, disabled_at: null, created_at: 0 }).executeTakeFirst()
}

export async function names (queries: Queries) {
  return (await queries.selectFrom('users').select('username').orderBy('username').execute()).map(({ username }) => username)
}
