import fp from 'fastify-plugin'
import type { SessionList } from '../schemas/sessions.ts'
import type { Queries } from './database.ts'
import type { Origin } from './origin.ts'
import type { Session } from './sessions.ts'
import type { Identity } from './tokens.ts'

declare module 'fastify' {
  interface FastifyInstance {
    signOut: SignOut
  }
}

/** Which sessions a logout ends: the one it is called with, all others, or all. */
export type LogoutScope = 'local' | 'others' | 'global'

export interface SignOut {
  /** Ends sessions of the caller. Their tokens are refused here from now on and everywhere within a second. */
  logout (identity: Identity, scope: LogoutScope, origin: Origin): Promise<void>
  /** The live sessions of a user, the one used last first; `sessionId` is the one that the call is made with. */
  list (identity: Pick<Identity, 'userId' | 'sessionId'>): Promise<SessionList>
  /** Ends one of the caller's sessions. Throws `not_found` where it is not one of theirs. */
  end (identity: Identity, sessionId: string, origin: Origin): Promise<void>
  /** Ends every session of the user with this name or address; says how many there were. Throws `not_found`. For operators, as the next. */
  endAllOf (login: string): Promise<number>
  /** Ends every session that anybody began before `moment` (milliseconds since 1970); says how many there were. Throws where that is to come. */
  endBefore (moment: number): Promise<number>
}

export default fp(async (app) => {
  const endings: Record<LogoutScope, (identity: Identity, queries: Queries) => Promise<unknown>> = {
    local: ({ userId, sessionId }, queries) => app.sessions.end(userId, sessionId, queries),
    others: ({ userId, sessionId }, queries) => app.sessions.endOthers(userId, sessionId, queries),
    global: ({ userId }, queries) => app.sessions.endAll(userId, queries)
  }

  async function revoke<T> (userId: string, origin: Origin, work: (queries: Queries) => Promise<T>): Promise<T> {
    const done = await app.database.transaction(work)
    await app.revocations.hear()
    app.audit.record({ event: 'authn_token_revoked', userId, origin })
    return done
  }

  app.decorate('signOut', {
    async logout (identity, scope, origin) {
      await revoke(identity.userId, origin, (queries) => endings[scope](identity, queries))
    },
    async list ({ userId, sessionId }) {
      const sessions = await app.sessions.list(userId, app.database.queries)
      return { sessions: sessions.map((session) => present(session, sessionId)) }
    },
    async end ({ userId }, sessionId, origin) {
      await revoke(userId, origin, async (queries) => {
        if (!await app.sessions.end(userId, sessionId, queries)) throw app.errors.create('not_found')
      })
    },
    async endAllOf (login) {
      const user = await app.users.findByLogin(login) ?? unknown()
      const ended = await app.database.transaction((queries) => app.sessions.endAll(user.id, queries))
      await app.revocations.hear()
      return ended
    },
    endBefore: app.sessions.endBefore
  } satisfies SignOut)

  function unknown (): never {
    throw app.errors.create('not_found', { message: 'There is no user of that name' })
  }
}, { name: 'sign-out', dependencies: ['audit', 'database', 'errors', 'revocations', 'sessions', 'users'], fastify: '5.x' })

function present ({ id, createdAt, lastUsedAt, idleExpiresAt, ip, userAgent }: Session, current: string): SessionList['sessions'][number] {
  return {
    id,
    current: id === current,
    created_at: new Date(createdAt).toISOString(),
    last_used_at: new Date(lastUsedAt).toISOString(),
    expires_at: new Date(idleExpiresAt).toISOString(),
    ip,
    user_agent: userAgent
  }
}
