import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import type { Service } from './service.ts'

// What only somebody with the database file can see and do, beside the running service.

/** The names of all accounts. */
export function usernames (service: Pick<Service, 'databaseFile'>): string[] {
  return within(service, (database) => database.prepare('select username from users order by username').all().map(({ username }) => String(username)))
}

export function countOf (service: Pick<Service, 'databaseFile'>, table: 'users' | 'user_roles' | 'sessions'): number {
  return within(service, (database) => Number(database.prepare(`select count(*) as n from ${table}`).get()?.n))
}

/** The stored digest of somebody's password. */
export function digestOf (service: Pick<Service, 'databaseFile'>, username: string): string {
  return within(service, (database) => String(database.prepare('select password_hash as digest from users where username = ?').get(username)?.digest))
}

/** Changes a column of somebody's account. */
export function plant (service: Pick<Service, 'databaseFile'>, username: string, column: 'password_hash' | 'disabled_at', value: SQLInputValue): void {
  within(service, (database) => database.prepare(`update users set ${column} = ? where username = ?`).run(value, username))
}

/** Begins the counting of failed guesses anew. */
export function forgetFailures (service: Pick<Service, 'databaseFile'>): void {
  within(service, (database) => database.prepare('delete from failures').run())
}

function within<T> ({ databaseFile }: Pick<Service, 'databaseFile'>, work: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(databaseFile, { timeout: 5000 })
  try {
    return work(database)
  } finally {
    database.close()
  }
}
