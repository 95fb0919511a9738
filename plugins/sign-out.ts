import fp from 'fastify-plugin'
import type { SessionList } from '../schemas/sessions.ts'
import type { AuditDetail, By } from './audit.ts'
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
  endAllOf (login: string, by?: By): Promise<number>
  /** Ends every session that anybody began before `moment` (milliseconds since 1970); says how many there were. Throws where that is to come. */
  endBefore (moment: number, by?: By): Promise<number>
}

export default fp(async (app) => {
  const endings: Record<LogoutScope, (identity: Identity, queries: Queries) => Promise<unknown>> = {
    local: ({ userId, sessionId }, queries) => app.sessions.end(userId, sessionId, queries),
    others: ({ userId, sessionId }, queries) => app.sessions.endOthers(userId, sessionId, queries),
    global: ({ userId }, queries) => app.sessions.endAll(userId, queries)
  }

  /** Ends what `work` says it ended, which is the detail of the event. */
  async function revoke<T extends AuditDetail> (userId: string, by: By | undefined, work: (queries: Queries) => Promise<T>): Promise<T> {
    const ended = await app.database.transaction(async (queries) => {
      const detail = await work(queries)
      await app.audit.record({ event: 'authn_token_revoked', userId, ...by, detail }, queries)
      return detail
    })
    await app.revocations.hear()
    return ended
  }

  app.decorate('signOut', {
    async logout (identity, scope, origin) {
      await revoke(identity.userId, { origin }, async (queries) => {
        await endings[scope](identity, queries)
        return { scope, session_id: identity.sessionId }
      })
    },
    async list ({ userId, sessionId }) {
      const sessions = await app.sessions.list(userId, app.database.queries)
      return { sessions: sessions.map((session) => present(session, sessionId)) }
    },
    async end ({ userId }, sessionId, origin) {
      await revoke(userId, { origin }, async (queries) => {
        if (!await app.sessions.end(userId, sessionId, queries)) throw app.errors.create('not_found')
        return { session_id: sessionId }
      })
    },
    async endAllOf (login, by) {
      const { id } = await app.users.findByLogin(login) ?? unknown()
      const { sessions } = await revoke(id, by, async (queries) => ({ scope: 'global', sessions: await app.sessions.endAll(id, queries) }))
      return sessions
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
