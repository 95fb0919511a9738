import type { Generated } from 'kysely'
import type { Queries } from '../database.ts'

declare module '../database.ts' {
  interface Tables {
    revocations: {
      /** Grows: whoever has read up to one has read all before it. */
      id: Generated<number>
      subject: string
      subject_id: string
      not_before: number | null
      /** Separated by one space. */
      roles: string | null
      expires_at: number
    }
  }
}

/**
 * Whose tokens end: a session's, all of a user's or everybody's sessions begun by a moment, those of a user that name a role
 * which they no longer hold, a client's own, or one token.
 */
export type Subject = 'session' | 'user' | 'everybody' | 'roles' | 'client' | 'token'

/** Times are milliseconds since 1970. */
export interface Revocation {
  subject: Subject
  /** Empty for everybody. */
  subjectId: string
  /** For a user and for everybody: sessions begun until then are meant. */
  notBefore: number | null
  /** For roles: those that the user holds. */
  roles: readonly string[] | null
  /** When the last token that is meant is dead by itself. */
  expiresAt: number
}

export interface RevocationRepository {
  add (revocations: readonly Revocation[]): Promise<void>
  /** Those that came after the one with this id, oldest first, at most `limit`. */
  after (id: number, limit: number): Promise<Array<Revocation & { id: number }>>
  /** Deletes up to `limit` that are over. Says how many. */
  sweep (now: number, limit: number): Promise<number>
}

/** A statement has room for some 32,000 parameters; MAX_SESSIONS may be ten thousand. */
const rowsAStatement = 1000

export function createRevocationRepository (queries: Queries): RevocationRepository {
  return {
    async add (revocations) {
      const rows = revocations.map(({ subject, subjectId, notBefore, roles, expiresAt }) => ({
        subject, subject_id: subjectId, not_before: notBefore, roles: roles?.join(' ') ?? null, expires_at: expiresAt
      }))
      for (let start = 0; start < rows.length; start += rowsAStatement) {
        await queries.insertInto('revocations').values(rows.slice(start, start + rowsAStatement)).execute()
      }
    },
    async after (id, limit) {
      const rows = await queries.selectFrom('revocations').selectAll().where('id', '>', id).orderBy('id').limit(limit).execute()
      return rows.map((row) => ({
        id: row.id, subject: row.subject as Subject, subjectId: row.subject_id, notBefore: row.not_before, roles: row.roles?.split(' ').filter((role) => role !== '') ?? null, expiresAt: row.expires_at
      }))
    },
    async sweep (now, limit) {
      const over = queries.selectFrom('revocations').select('id').where('expires_at', '<=', now).limit(limit)
      const { numDeletedRows } = await queries.deleteFrom('revocations').where('id', 'in', over).executeTakeFirst()
      return Number(numDeletedRows)
    }
  }
}
