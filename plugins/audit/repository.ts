import type { Queries } from '../database.ts'

declare module '../database.ts' {
  interface Tables {
    audit_events: {
      /** A UUIDv7 of `at`. */
      id: string
      at: number
      event: string
      user_id: string | null
      actor: string | null
      ip: string | null
      request_id: string | null
      /** An object as JSON. */
      detail: string | null
      /** Counts from 1 in the order of the chain; null until the entry is a link of it. */
      place: number | null
      /** Of the entry, its place and the digest before: SHA-256 in base64url. */
      digest: string | null
    }
    audit_heads: {
      kind: string
      place: number
      digest: string
      signed_at: number
      kid: string
      signature: string
    }
    audit_keys: {
      kid: string
      public_jwk: string
      seal: string
    }
  }
}

/** An event as it is stored. Times are milliseconds since 1970. */
export interface StoredEvent {
  id: string
  at: number
  event: string
  userId: string | null
  actor: string | null
  ip: string | null
  requestId: string | null
  /** An object as JSON. */
  detail: string | null
}

export interface AuditRepository {
  add (events: readonly StoredEvent[]): Promise<void>
}

/** Few enough for the parameters of one statement. */
const rowsAStatement = 100

export function createAuditRepository (queries: Queries): AuditRepository {
  return {
    async add (events) {
      const rows = events.map(({ id, at, event, userId, actor, ip, requestId, detail }) => ({
        id, at, event, user_id: userId, actor, ip, request_id: requestId, detail, place: null, digest: null
      }))
      for (let start = 0; start < rows.length; start += rowsAStatement) {
        await queries.insertInto('audit_events').values(rows.slice(start, start + rowsAStatement)).execute()
      }
    }
  }
}
