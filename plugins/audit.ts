import fp from 'fastify-plugin'
import type { AuditEntry, AuditPage, AuditQuery } from '../schemas/audit.ts'
import { createEventIds } from './audit/event-id.ts'
import { type ChainedEvent, createAuditRepository, type EventFilter, type StoredEvent } from './audit/repository.ts'
import { createTally } from './audit/tally.ts'
import type { Queries } from './database.ts'
import type { Origin } from './origin.ts'

declare module 'fastify' {
  interface FastifyInstance {
    audit: Audit
  }
}

/** Words of OWASP's logging vocabulary. */
export type AuditEventName =
  | 'user_created' | 'user_updated' | 'user_deleted'
  | 'authn_login_success' | 'authn_login_fail' | 'authn_password_change'
  | 'authn_token_created' | 'authn_token_revoked' | 'authn_token_reuse'
  | 'privilege_permissions_changed'
  | 'sensitive_create' | 'sensitive_update' | 'sensitive_delete'
  | 'authz_fail' | 'excess_rate_limit_exceeded' | 'input_validation_fail'

/** What else there is to know: ids, names of members and counts. Never a password, a token, a secret or an address. */
export type AuditDetail = Readonly<Record<string, string | number | boolean | null | readonly string[]>>

/** Who does it and where. */
export interface By {
  /** A user's or a client's id; null where nobody has shown who they are. Where it is not said, the user whom it is about; for what no request asked for, `cli`. */
  actor?: string | null | undefined
  /** Absent where no request asked for it: an operator's command did. */
  origin?: Pick<Origin, 'ip' | 'requestId'> | undefined
}

/** What happened. */
export interface AuditEvent extends By {
  event: AuditEventName
  /** Whom it is about. */
  userId: string | null
  /** `limit` is which limit was exceeded, and is counted by. */
  detail?: AuditDetail
}

export interface Audit {
  /**
   * Writes an event down, in the transaction that `queries` belong to, so that it is there if and only if what it tells of
   * is; once that is committed, a line in the log. Without `queries`, at once and by itself.
   */
  record (event: AuditEvent, queries?: Queries): Promise<void>
  /** Counts what comes in floods: one entry a minute for each `key`, with how often it happened. */
  tally (event: AuditEvent, key: string): void
  /** Those of these ids that were users once and are deleted, as far back as the audit goes. */
  deleted (userIds: readonly string[], queries: Queries): Promise<Set<string>>
  /** A page of what was recorded, the newest first. */
  list (query: AuditQuery): Promise<AuditPage>
  /** All that was recorded and fits, the oldest first, with the places and digests of the chain; a page of it is held in memory at a time. */
  entries (filter: EventFilter): AsyncGenerator<AuditEntry & Pick<ChainedEvent, 'place' | 'digest'>>
}

export type { EventFilter, StoredEvent } from './audit/repository.ts'

const window = 60
/** In place of a detail that is no object. */
const unreadable = { unreadable: true }
/** Entries held in memory at a time where all are read. */
const page = 1000

export default fp(async (app) => {
  const tallies = createTally<AuditEvent>()
  const nextId = createEventIds()

  function entryOf ({ event, userId, origin, actor, detail }: AuditEvent): StoredEvent {
    const at = app.clock.now()
    return {
      id: nextId(at),
      at,
      event,
      userId,
      actor: actor === undefined ? (origin === undefined ? 'cli' : userId) : actor,
      ip: origin?.ip || null,
      requestId: origin?.requestId || null,
      detail: detail === undefined ? null : JSON.stringify(detail)
    }
  }

  function log ({ event, userId, actor, ip, requestId }: StoredEvent, detail: AuditDetail | undefined): void {
    app.log.info({ event, user_id: userId, actor: actor ?? undefined, detail, ip, reqId: requestId }, 'audit')
  }

  function count ({ event, detail }: AuditEvent): void {
    app.metrics.count(event, typeof detail?.['limit'] === 'string' ? detail['limit'] : undefined)
  }

  const repository = (queries = app.database.queries) => createAuditRepository(queries, app.database)

  /** Of what came from too many places to name them, none is named. */
  async function flush (): Promise<void> {
    const counted = tallies.take().map(({ first, count, mixed }) => {
      const detail = { ...mixed ? commonOf(first) : first.detail, count }
      const entry = entryOf({ ...first, detail })
      return { detail, entry: mixed ? { ...entry, userId: null, actor: null, ip: null, requestId: null } : entry }
    })
    for (const { entry, detail } of counted) log(entry, detail)
    await repository().add(counted.map(({ entry }) => entry))
  }

  app.jobs.every('audit', window, flush)
  app.addHook('onClose', async () => {
    await flush().catch((error) => app.log.error({ err: error }, 'the last minute of refusals is in the log alone: the database did not take it'))
  })

  app.decorate('audit', {
    async record (event, queries = app.database.queries) {
      const entry = entryOf(event)
      await repository(queries).add([entry])
      app.database.afterCommit(queries, () => {
        count(event)
        log(entry, event.detail)
      })
    },
    tally (event, key) {
      count(event)
      tallies.add(`${event.event} ${event.detail?.['limit'] ?? ''}`, key, event)
    },
    deleted: (userIds, queries) => repository(queries).known('user_deleted', userIds),
    async list ({ limit, cursor = null, user_id: userId, event, from, to }) {
      // What this process has counted is among what its answered requests did.
      await flush()
      const filter = { userId, event, from: momentOf(from), to: momentOf(to) }
      const found = await repository().before(cursor, filter, limit + 1)
      const events = found.slice(0, limit)
      return { events: events.map(present), next_cursor: found.length > limit ? events.at(-1)?.id ?? null : null }
    },
    async * entries (filter) {
      let last: string | null = null
      for (;;) {
        const found: ChainedEvent[] = await repository().after(last, filter, page)
        for (const event of found) yield { ...present(event), place: event.place, digest: event.digest }
        if (found.length < page) return
        last = found.at(-1)?.id ?? null
      }
    }
  } satisfies Audit)
}, { name: 'audit', dependencies: ['clock', 'database', 'jobs', 'metrics', 'origin'], fastify: '5.x' })

/** What all have that are counted together: the limit, where there is one. */
function commonOf ({ detail }: AuditEvent): AuditDetail {
  return detail?.['limit'] === undefined ? {} : { limit: detail['limit'] }
}

function momentOf (time: string | undefined): number | undefined {
  return time === undefined ? undefined : Date.parse(time.toUpperCase())
}

function present ({ id, at, event, userId, actor, ip, requestId, detail }: StoredEvent): AuditEntry {
  return { id, at: new Date(at).toISOString(), event, user_id: userId, actor, ip, request_id: requestId, detail: detailOf(detail) }
}

/** What was changed in the database must not keep anybody from reading the rest. */
function detailOf (stored: string | null): Record<string, unknown> | null {
  try {
    const detail: unknown = JSON.parse(stored ?? 'null')
    return typeof detail === 'object' && !Array.isArray(detail) ? detail as Record<string, unknown> | null : unreadable
  } catch {
    return unreadable
  }
}

