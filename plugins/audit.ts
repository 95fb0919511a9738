import fp from 'fastify-plugin'
import { createTally } from './audit/tally.ts'
import type { Origin } from './origin.ts'

declare module 'fastify' {
  interface FastifyInstance {
    audit: Audit
  }
}

export type AuditEventName =
  | 'user_created' | 'user_updated' | 'user_deleted'
  | 'authn_login_success' | 'authn_login_fail' | 'authn_password_change' | 'authn_password_rehash'
  | 'authn_token_created' | 'authn_token_revoked' | 'authn_token_reuse'
  | 'excess_rate_limit_exceeded' | 'input_validation_fail'

/** What happened, in OWASP's logging vocabulary. */
export interface AuditEvent {
  event: AuditEventName
  /** Whom it is about. */
  userId: string | null
  /** Who did it, where that is somebody else: a client's id. */
  actor?: string
  /** Which limit was exceeded. */
  limit?: string
  /** Which member was refused. */
  field?: string
  origin: Origin
}

export interface Audit {
  /** Writes one line to the log. */
  record (event: AuditEvent): void
  /** Counts what comes in floods: one line a minute for each `key`, with how often it happened. */
  tally (event: AuditEvent, key: string): void
}

const window = 60
/** Of what came from too many places to name them. */
const nowhere = { ip: null, requestId: null }

type Written = Omit<AuditEvent, 'origin' | 'actor'> & { actor?: string | undefined, origin: { ip: string | null, requestId: string | null } }

export default fp(async (app) => {
  const tallies = createTally<AuditEvent>()

  function write ({ event, userId, origin, actor = userId ?? undefined, limit, field }: Written, count?: number): void {
    app.log.info({ event, user_id: userId, actor, limit, field, count, ip: origin.ip, reqId: origin.requestId }, 'audit')
  }

  function flush (): void {
    for (const { first, count, mixed } of tallies.take()) write(mixed ? { ...first, userId: null, actor: undefined, origin: nowhere } : first, count)
  }

  app.jobs.every('audit', window, async () => flush())
  app.addHook('onClose', async () => flush())

  app.decorate('audit', {
    record (event) {
      app.metrics.count(event.event, event.limit)
      write(event)
    },
    tally (event, key) {
      app.metrics.count(event.event, event.limit)
      tallies.add(`${event.event} ${event.limit ?? ''}`, key, event)
    }
  } satisfies Audit)
}, { name: 'audit', dependencies: ['jobs', 'metrics', 'origin'], fastify: '5.x' })
