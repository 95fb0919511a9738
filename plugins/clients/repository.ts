import type { Selectable } from 'kysely'
import type { Queries } from '../database.ts'

interface ClientTable {
  id: string
  name: string
  /** Separated by one space, in alphabetical order. */
  scopes: string
  secret_digest: string
  former_digest: string | null
  former_until: number | null
  created_at: number
}

declare module '../database.ts' {
  interface Tables {
    clients: ClientTable
  }
}

/** Times are milliseconds since 1970. */
export interface ClientRecord {
  /** The client_id: a UUIDv7. */
  id: string
  name: string
  scopes: string[]
  /** SHA-256 of the secret, in base64url: the secret has 256 random bits, so no slow hash is needed. */
  secretDigest: string
  /** The digest before, good until `formerUntil`. */
  formerDigest: string | null
  formerUntil: number | null
  createdAt: number
}

export interface ClientRepository {
  add (client: ClientRecord): Promise<void>
  find (id: string): Promise<ClientRecord | null>
  /** The same inside a transaction, until whose end nobody else changes it. */
  lock (id: string): Promise<ClientRecord | null>
  /** All clients, the oldest first. */
  list (): Promise<ClientRecord[]>
  setSecret (id: string, secret: Pick<ClientRecord, 'secretDigest' | 'formerDigest' | 'formerUntil'>): Promise<void>
  /** Says whether it was there. */
  remove (id: string): Promise<boolean>
}

export function createClientRepository (queries: Queries): ClientRepository {
  const withId = (id: string) => queries.selectFrom('clients').selectAll().where('id', '=', id)

  return {
    async add ({ id, name, scopes, secretDigest, formerDigest, formerUntil, createdAt }) {
      await queries.insertInto('clients').values({
        id, name, scopes: scopes.join(' '), secret_digest: secretDigest, former_digest: formerDigest, former_until: formerUntil, created_at: createdAt
      }).execute()
    },
    async find (id) {
      // PostgreSQL keeps no NUL in a text, and fails where it is asked for one.
      const row = id.includes('\0') ? undefined : await withId(id).executeTakeFirst()
      return row === undefined ? null : fromRow(row)
    },
    async lock (id) {
      const row = await withId(id).forNoKeyUpdate().executeTakeFirst()
      return row === undefined ? null : fromRow(row)
    },
    async list () {
      return (await queries.selectFrom('clients').selectAll().orderBy('created_at').orderBy('id').execute()).map(fromRow)
    },
    async setSecret (id, { secretDigest, formerDigest, formerUntil }) {
      await queries.updateTable('clients').set({ secret_digest: secretDigest, former_digest: formerDigest, former_until: formerUntil }).where('id', '=', id).execute()
    },
    async remove (id) {
      const { numDeletedRows } = await queries.deleteFrom('clients').where('id', '=', id).executeTakeFirst()
      return numDeletedRows > 0n
    }
  }
}

function fromRow (row: Selectable<ClientTable>): ClientRecord {
  return {
    id: row.id,
    name: row.name,
    scopes: row.scopes === '' ? [] : row.scopes.split(' '),
    secretDigest: row.secret_digest,
    formerDigest: row.former_digest,
    formerUntil: row.former_until,
    createdAt: row.created_at
  }
}
