import { randomUUIDv7 } from 'node:crypto'
import fp from 'fastify-plugin'
import type { Queries } from './database.ts'
import type { Origin } from './origin.ts'
import { createRefreshTokens } from './sessions/refresh-token.ts'
import { createSessionRepository } from './sessions/repository.ts'

declare module 'fastify' {
  interface FastifyInstance {
    sessions: Sessions
  }
}

export interface Sessions {
  /** Begins a session of a user, inside the transaction that `queries` belong to. */
  open (userId: string, origin: Origin, queries: Queries): Promise<OpenedSession>
  /** Ends every session of everybody; says how many there were. */
  endAll (): Promise<number>
}

export interface OpenedSession {
  /** UUIDv7; the `sid` of its access tokens. */
  id: string
  clientId: string
  refreshToken: string
  /** Seconds until the refresh token dies unused. */
  refreshExpiresIn: number
}

export interface SessionsOptions {
  /** The `client_id` of the sessions begun at /login. */
  clientId: string
  /** Seconds. */
  idleLifetime: number
  /** Seconds. */
  absoluteLifetime: number
}

export default fp<SessionsOptions>(async (app, { clientId, idleLifetime, absoluteLifetime }) => {
  const refreshTokens = createRefreshTokens(app.secrets)

  app.decorate('sessions', {
    async open (userId, origin, queries) {
      const now = app.clock.now()
      const id = randomUUIDv7()
      const refreshExpiresIn = Math.min(idleLifetime, absoluteLifetime)
      await createSessionRepository(queries).add({
        id,
        userId,
        clientId,
        counter: 0,
        createdAt: now,
        rotatedAt: now,
        lastUsedAt: now,
        idleExpiresAt: now + idleLifetime * 1000,
        expiresAt: now + absoluteLifetime * 1000,
        ip: origin.ip,
        userAgent: origin.userAgent
      })
      return { id, clientId, refreshToken: refreshTokens.make(id, 0), refreshExpiresIn }
    },
    endAll: () => createSessionRepository(app.database.queries).removeAll()
  } satisfies Sessions)
}, { name: 'sessions', dependencies: ['clock', 'database', 'origin', 'secrets'], fastify: '5.x' })
