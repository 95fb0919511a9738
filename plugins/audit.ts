import fp from 'fastify-plugin'
import type { Origin } from './origin.ts'

declare module 'fastify' {
  interface FastifyInstance {
    audit: Audit
  }
}

/** What happened, in OWASP's logging vocabulary. */
export interface AuditEvent {
  event: 'user_created' | 'authn_login_success' | 'authn_login_fail' | 'authn_token_created' | 'authn_password_rehash'
  userId: string | null
  origin: Origin
}

export interface Audit {
  /** Writes one line to the log. */
  record (event: AuditEvent): void
}

export default fp(async (app) => {
  app.decorate('audit', {
    record ({ event, userId, origin }) {
      app.log.info({ event, user_id: userId, ip: origin.ip, reqId: origin.requestId }, 'audit')
    }
  } satisfies Audit)
}, { name: 'audit', dependencies: ['origin'], fastify: '5.x' })
