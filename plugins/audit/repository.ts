import { type Selectable, sql } from 'kysely'
import type { Database, Queries, Tables } from '../database.ts'
import { firstIdOf } from './event-id.ts'

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

/** An event with its place in the chain, once it has one. */
export type ChainedEvent = StoredEvent & { place: number | null, digest: string | null }

/** What is not set is not asked for. */
export interface EventFilter {
  userId?: string | undefined
  event?: string | undefined
  /** Milliseconds since 1970, and that one is meant as well. */
  from?: number | undefined
  to?: number | undefined
}

export interface AuditRepository {
  add (events: readonly StoredEvent[]): Promise<void>
  /** The newest events before the one with this id, the newest first. */
  before (id: string | null, filter: EventFilter, limit: number): Promise<ChainedEvent[]>
  /** Those of these users about whom there is an event of this name. */
  known (event: string, userIds: readonly string[]): Promise<Set<string>>
  /** The oldest events after the one with this id, the oldest first. */
  after (id: string | null, filter: EventFilter, limit: number): Promise<ChainedEvent[]>
}

/** Milliseconds since 1970 that a time can have (ECMA-262, section 21.4.1.1). */
const latest = 8.64e15
/** Few enough for the parameters of one statement. */
const rowsAStatement = 100

const addOne = (queries: Queries, event: StoredEvent) => queries.insertInto('audit_events').values(toRow(event))

export function createAuditRepository (queries: Queries, { run }: Pick<Database, 'run'>): AuditRepository {
  function matching ({ userId, event, from, to }: EventFilter) {
    let query = queries.selectFrom('audit_events').select(['id', 'event', 'user_id', 'actor', 'ip', 'request_id', 'detail', 'digest'])
      .select([readable('at').as('at'), readable('place').as('place')])
    if (userId !== undefined) query = query.where('user_id', '=', userId)
    if (event !== undefined) query = query.where('event', '=', event)
    if (from !== undefined) query = query.where('id', '>=', firstIdOf(from))
    if (to !== undefined) query = query.where('id', '<', firstIdOf(to + 1))
    return query
  }

  return {
    async add (events) {
      const [first] = events
      if (first !== undefined && events.length === 1) await run(addOne, first, queries)
      else for (let start = 0; start < events.length; start += rowsAStatement) {
        await queries.insertInto('audit_events').values(events.slice(start, start + rowsAStatement).map(toRow)).execute()
      }
    },
    async known (event, userIds) {
      if (userIds.length === 0) return new Set()
      const rows = await queries.selectFrom('audit_events').select('user_id').distinct().where('user_id', 'in', userIds).where('event', '=', event).execute()
      return new Set(rows.map(({ user_id: userId }) => userId as string))
    },
    async before (id, filter, limit) {
      const query = matching(filter).orderBy('id', 'desc').limit(limit)
      return (await (id === null ? query : query.where('id', '<', id)).execute()).map(fromRow)
    },
    async after (id, filter, limit) {
      const query = matching(filter).orderBy('id').limit(limit)
      return (await (id === null ? query : query.where('id', '>', id)).execute()).map(fromRow)
    }
  }
}

/** Whoever writes to the database may put a number there that is no time and no place: it must not keep anybody from reading the rest. */
function readable<C extends 'at' | 'place'> (column: C) {
  return sql<Selectable<Tables['audit_events']>[C]>`case when ${sql.ref(column)} < ${-latest} or ${sql.ref(column)} > ${latest} then 0 else ${sql.ref(column)} end`
}

function toRow ({ id, at, event, userId, actor, ip, requestId, detail }: StoredEvent) {
  return { id, at, event, user_id: userId, actor, ip, request_id: requestId, detail, place: null, digest: null }
}

function fromRow ({ user_id: userId, request_id: requestId, ...row }: Selectable<Tables['audit_events']>): ChainedEvent {
  return { ...row, userId, requestId }
}
