import fp from 'fastify-plugin'
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

/** What happened, in OWASP's logging vocabulary. */
export interface AuditEvent {
  event: AuditEventName
  /** Whom it is about. */
  userId: string | null
  /** Who did it, where that is somebody else: a client's id. */
  actor?: string
  origin: Origin
}

export interface Audit {
  /** Writes one line to the log. */
  record (event: AuditEvent): void
}

export default fp(async (app) => {
  app.decorate('audit', {
    record ({ event, userId, origin, actor = userId ?? undefined }) {
      app.log.info({ event, user_id: userId, actor, ip: origin.ip, reqId: origin.requestId }, 'audit')
    }
  } satisfies Audit)
}, { name: 'audit', dependencies: ['origin'], fastify: '5.x' })
