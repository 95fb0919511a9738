import { randomBytes } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import type { Test } from 'tap'
import type { Row } from './ledger.ts'
import { startPostgres } from './postgres.ts'
import { temporaryFolder } from './service.ts'
import type { Fault } from './witness.ts'

/** A database of its own for services of one test, whatever is done to them. */
export interface Store {
  /** Of each service on it. */
  options: { folder: string, secretKey: string, environment: Record<string, string> }
  read (sql: string): Promise<Row[]>
}

/** Opens one of either kind; of SQLite in an existing folder where one is given, which the caller removes. */
export const stores: Record<Fault['store'], (t: Test, folder?: string) => Promise<Store>> = {
  async SQLite (t, folder = temporaryFolder(t)) {
    return {
      options: { folder, secretKey: newSecret(), environment: {} },
      async read (sql) {
        const database = new DatabaseSync(`${folder}/gatehouse.db`, { readOnly: true })
        try {
          return database.prepare(sql).all()
        } finally {
          database.close()
        }
      }
    }
  },

  async PostgreSQL (t) {
    const server = await startPostgres(t)
    const url = await server.createDatabase()
    return { options: { folder: temporaryFolder(t), secretKey: newSecret(), environment: { DATABASE_URL: url } }, read: (sql) => server.run(sql, url) }
  }
}

function newSecret (): string {
  return randomBytes(32).toString('base64url')
}
