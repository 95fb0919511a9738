import type { Selectable } from 'kysely'
import type { Database, Queries } from '../database.ts'

interface SessionTable {
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

declare module '../database.ts' {
  interface Tables {
    sessions: SessionTable
  }
}

/** Times are milliseconds since 1970. */
export interface Session {
  /** UUIDv7, with the moment it began. */
  id: string
  userId: string
  clientId: string
  counter: number
  createdAt: number
  rotatedAt: number
  lastUsedAt: number
  /** When it is over unless it is used; never later than `expiresAt`. */
  idleExpiresAt: number
  /** When it is over in any case. */
  expiresAt: number
  ip: string
  userAgent: string | null
}

/** When and where a refresh token was used, and when the session is over unless the next one is, if its absolute end does not come first. */
export interface Rotation extends Pick<Session, 'ip' | 'userAgent'> {
  now: number
  idleEnd: number
}

export interface SessionRepository {
  add (session: Session): Promise<void>
  find (id: string): Promise<Session | null>
  /** The same inside a transaction, until whose end nobody else changes it. */
  lock (id: string): Promise<Session | null>
  /** The sessions of a user that are not over at `now`, the one used last first. */
  ofUser (userId: string, now: number): Promise<Session[]>
  /** Where the `limit` sessions that began last were used last. */
  addresses (limit: number): Promise<string[]>
  /** The live sessions of a user beyond the `keep` used last: their ids, at most a thousand. */
  surplus (userId: string, now: number, keep: number): Promise<string[]>
  /** Counts one rotation where the session is not over and its counter still `counter`. The session as it is then; null where it was not. */
  rotate (id: string, counter: number, rotation: Rotation): Promise<Session | null>
  /** Deletes those of these sessions that are there. Says which. */
  remove (ids: readonly string[]): Promise<string[]>
  /** Deletes the sessions of a user but those of `except`. Says which. */
  removeOfUser (userId: string, except: readonly string[]): Promise<string[]>
  /** Deletes up to `limit` whose id sorts before this one. Says how many. */
  removeBefore (id: string, limit: number): Promise<number>
  /** Says how many there were. */
  removeAll (): Promise<number>
  /** How many of the next `limit` behind this id are not over at `now`, and the last id of those; null where there are none. */
  count (now: number, after: string, limit: number): Promise<{ live: number, last: string | null }>
  /** Deletes up to `limit` that are over. Says how many. */
  sweep (now: number, limit: number): Promise<number>
}

const rotate = (queries: Queries, { id, counter, next, now, idleEnd, ip, userAgent }: Rotation & { id: string, counter: number, next: number }) => queries.updateTable('sessions')
  .set((eb) => ({
    counter: next,
    rotated_at: now,
    last_used_at: now,
    idle_expires_at: eb.case().when('expires_at', '<', idleEnd).then(eb.ref('expires_at')).else(eb.val(idleEnd)).end(),
    ip,
    user_agent: userAgent
  }))
  .where('id', '=', id).where('counter', '=', counter).where('idle_expires_at', '>', now).returningAll()

export function createSessionRepository (queries: Queries, { run }: Pick<Database, 'run'>): SessionRepository {
  const withId = (id: string) => queries.selectFrom('sessions').selectAll().where('id', '=', id)

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
    async find (id) {
      const row = await withId(id).executeTakeFirst()
      return row === undefined ? null : fromRow(row)
    },
    async lock (id) {
      const row = await withId(id).forNoKeyUpdate().executeTakeFirst()
      return row === undefined ? null : fromRow(row)
    },
    async ofUser (userId, now) {
      const rows = await queries.selectFrom('sessions').selectAll().where('user_id', '=', userId)
        .where('idle_expires_at', '>', now).orderBy('last_used_at', 'desc').orderBy('id', 'desc').execute()
      return rows.map(fromRow)
    },
    async addresses (limit) {
      return (await queries.selectFrom('sessions').select('ip').orderBy('id', 'desc').limit(limit).execute()).map(({ ip }) => ip)
    },
    async surplus (userId, now, keep) {
      const rows = await queries.selectFrom('sessions').select('id').where('user_id', '=', userId)
        .where('idle_expires_at', '>', now).orderBy('last_used_at', 'desc').orderBy('id', 'desc').limit(1000).offset(keep).execute()
      return rows.map(({ id }) => id)
    },
    async rotate (id, counter, rotation) {
      const { rows: [row] } = await run(rotate, { ...rotation, id, counter, next: counter + 1 }, queries)
      return row === undefined ? null : fromRow(row)
    },
    async remove (ids) {
      if (ids.length === 0) return []
      const rows = await queries.deleteFrom('sessions').where('id', 'in', ids).returning('id').execute()
      return rows.map(({ id }) => id)
    },
    async removeOfUser (userId, except) {
      const own = queries.deleteFrom('sessions').where('user_id', '=', userId)
      const rows = await (except.length === 0 ? own : own.where('id', 'not in', except)).returning('id').execute()
      return rows.map(({ id }) => id)
    },
    async removeBefore (id, limit) {
      const earlier = queries.selectFrom('sessions').select('id').where('id', '<', id).limit(limit)
      const { numDeletedRows } = await queries.deleteFrom('sessions').where('id', 'in', earlier).executeTakeFirst()
      return Number(numDeletedRows)
    },
    async removeAll () {
      const { numDeletedRows } = await queries.deleteFrom('sessions').executeTakeFirst()
      return Number(numDeletedRows)
    },
    async count (now, after, limit) {
      const next = queries.selectFrom('sessions').select('id').where('id', '>', after).where('idle_expires_at', '>', now).orderBy('id').limit(limit)
      const { live, last } = await queries.selectFrom(next.as('next')).select(({ fn }) => [fn.countAll().as('live'), fn.max('id').as('last')]).executeTakeFirstOrThrow()
      return { live: Number(live), last }
    },
    async sweep (now, limit) {
      const over = queries.selectFrom('sessions').select('id').where('idle_expires_at', '<=', now).limit(limit)
      const { numDeletedRows } = await queries.deleteFrom('sessions').where('id', 'in', over).executeTakeFirst()
      return Number(numDeletedRows)
    }
  }
}

function fromRow (row: Selectable<SessionTable>): Session {
  return {
    id: row.id,
    userId: row.user_id,
    clientId: row.client_id,
    counter: row.counter,
    createdAt: row.created_at,
    rotatedAt: row.rotated_at,
    lastUsedAt: row.last_used_at,
    idleExpiresAt: row.idle_expires_at,
    expiresAt: row.expires_at,
    ip: row.ip,
    userAgent: row.user_agent
  }
}
