import type { Queries } from '../database.ts'

declare module '../database.ts' {
  interface Tables {
    sessions: {
      id: string
      user_id: string
      client_id: string
      /** How often its refresh token was rotated. */
      counter: number
      created_at: number
      rotated_at: number
      last_used_at: number
      idle_expires_at: number
      expires_at: number
      ip: string
      user_agent: string | null
    }
  }
}

/** Times are milliseconds since 1970. */
export interface Session {
  id: string
  userId: string
  clientId: string
  counter: number
  createdAt: number
  rotatedAt: number
  lastUsedAt: number
  idleExpiresAt: number
  expiresAt: number
  ip: string
  userAgent: string | null
}

export interface SessionRepository {
  add (session: Session): Promise<void>
  /** Says how many there were. */
  removeAll (): Promise<number>
}

export function createSessionRepository (queries: Queries): SessionRepository {
  return {
    async add (session) {
      await queries.insertInto('sessions').values({
        id: session.id,
        user_id: session.userId,
        client_id: session.clientId,
        counter: session.counter,
        created_at: session.createdAt,
        rotated_at: session.rotatedAt,
        last_used_at: session.lastUsedAt,
        idle_expires_at: session.idleExpiresAt,
        expires_at: session.expiresAt,
        ip: session.ip,
        user_agent: session.userAgent
      }).execute()
    },
    async removeAll () {
      const { numDeletedRows } = await queries.deleteFrom('sessions').executeTakeFirst()
      return Number(numDeletedRows)
    }
  }
}
