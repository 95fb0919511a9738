import fp from 'fastify-plugin'
import type { LoginBody, TokenReply } from '../schemas/login.ts'
import type { AuditEvent, By } from './audit.ts'
import type { Queries } from './database.ts'
import type { Origin } from './origin.ts'
import type { Grant, Refreshed } from './sessions.ts'
import type { UserRecord } from './users.ts'

declare module 'fastify' {
  interface FastifyInstance {
    signIn: SignIn
  }
}

export interface SignIn {
  /** Begins a session. Throws `invalid_credentials`, the same for every cause and after the same work. */
  withPassword (body: LoginBody, origin: Origin): Promise<TokenReply>
  /** Goes on with a session, for a client where one asks. Throws `invalid_refresh_token`, the same for every cause. */
  withRefreshToken (refreshToken: string, origin: Origin, clientId?: string): Promise<TokenReply>
  /** Who has shown the password of their own account. Throws `invalid_credentials`. */
  confirm (userId: string, password: string, origin: Origin): Promise<UserRecord>
}

/** Who tries a password: at a sign-in nobody has shown yet who they are. */
interface Guesser {
  actor: string | null
  origin: Origin
}

export default fp(async (app) => {
  app.decorate('signIn', {
    async withPassword ({ username, password }, origin) {
      const user = await app.users.findByLogin(username)
      const known = await check(user, username, password, { actor: null, origin })
      const begun = await begin(known, origin)
      await app.revocations.hear()
      if (begun === null) {
        await recordFailure(user, { actor: null, origin })
        return refuse()
      }
      return reply(begun.user, begun.grant)
    },
    async withRefreshToken (refreshToken, origin, clientId) {
      const presented = app.sessions.read(refreshToken)
      if (presented === null) throw app.errors.create('invalid_refresh_token')
      const { refreshed, user } = await app.database.transaction(async (queries) => {
        const refreshed = await app.sessions.refresh(presented, origin, queries)
        const user = refreshed.outcome === 'granted' ? await app.users.within(queries).findById(refreshed.grant.userId) : null
        await recordRefresh(refreshed, { actor: clientId, origin }, queries)
        return { refreshed, user }
      })
      if (refreshed.outcome === 'reused') await app.revocations.hear()
      if (refreshed.outcome !== 'granted' || user === null || user.disabled) throw app.errors.create('invalid_refresh_token')
      return reply(user, refreshed.grant)
    },
    async confirm (userId, password, origin) {
      const user = await app.users.findById(userId)
      return check(user, user?.username ?? userId, password, { actor: userId, origin })
    }
  } satisfies SignIn)

  function reply (user: UserRecord, grant: Grant): TokenReply {
    const { token, expiresIn } = app.tokens.issue({ user, session: grant })
    return {
      access_token: token,
      token_type: 'Bearer',
      expires_in: expiresIn,
      refresh_token: grant.refreshToken,
      refresh_expires_in: grant.refreshExpiresIn,
      user: app.accounts.present(user)
    }
  }

  /** The user as they are now, where the password is theirs. Throws `too_many_attempts` where too many guesses failed before. */
  async function check (user: UserRecord | null, name: string, password: string, by: Guesser): Promise<UserRecord> {
    const { origin } = by
    const attempt = await app.throttle.attempt({ name, userId: user?.id ?? null, actor: by.actor }, origin)
    try {
      const { matches, outdated } = await app.passwords.verify(password, user?.passwordHash ?? null, {
        network: origin.network,
        signal: origin.signal,
        favoured: attempt.isTrusted,
        mayStart: attempt.mayStart,
        ended: (matches) => attempt.ended(matches && user !== null && !user.disabled)
      })
      if (user === null || user.disabled || !matches) return refuse()
      return outdated && !app.hashing.isBusy ? rehash(user, password, origin) : user
    } finally {
      await attempt.close((queries) => recordFailure(user, by, queries))
    }
  }

  function refuse (): never {
    throw app.errors.create('invalid_credentials')
  }

  async function recordFailure (user: UserRecord | null, by: Guesser, queries?: Queries): Promise<void> {
    await app.audit.record({ event: 'authn_login_fail', userId: user?.id ?? null, ...by }, queries)
  }

  /** The same successor handed out again changes nothing and may be asked for in floods: it is counted. */
  async function recordRefresh (refreshed: Refreshed, by: By & { origin: Origin }, queries: Queries): Promise<void> {
    if (refreshed.outcome === 'refused') return
    const { userId, sessionId, repeated } = refreshed.outcome === 'reused'
      ? { ...refreshed, repeated: false }
      : { userId: refreshed.grant.userId, sessionId: refreshed.grant.id, repeated: refreshed.repeated }
    const event: AuditEvent = { event: refreshed.outcome === 'reused' ? 'authn_token_reuse' : 'authn_token_created', userId, ...by, detail: { session_id: sessionId } }
    if (repeated) app.audit.tally({ ...event, detail: { ...event.detail, repeated } }, `${sessionId} ${by.origin.network}`)
    else await app.audit.record(event, queries)
  }

  /**
   * Today's parameters for a digest of yesterday's; a password changed meanwhile stays as it was changed. Done where that
   * need not wait: else at a later sign-in, since this one has had its turn.
   */
  async function rehash (user: UserRecord, password: string, origin: Origin): Promise<UserRecord> {
    const passwordHash = await app.passwords.hash(password, origin)
    return app.database.transaction(async (queries) => {
      if (!await app.users.within(queries).replacePasswordHash(user.id, user.passwordHash as string, passwordHash)) return user
      await app.audit.record({ event: 'sensitive_update', userId: user.id, origin, detail: { object: 'password_digest' } }, queries)
      return { ...user, passwordHash }
    })
  }

  /** With the user as they are in that moment. Null where the account was disabled, deleted or given another password while the password was being checked. */
  async function begin (user: UserRecord, origin: Origin): Promise<{ user: UserRecord, grant: Grant } | null> {
    return app.database.transaction(async (queries) => {
      const now = await app.users.within(queries).signIn(user, app.clock.now())
      if (now === null) return null
      await app.throttle.remember(now.id, origin, queries)
      const grant = await app.sessions.open(now, origin, queries)
      await app.audit.record({ event: 'authn_login_success', userId: now.id, origin, detail: { session_id: grant.id } }, queries)
      return { user: now, grant }
    })
  }
}, { name: 'sign-in', dependencies: ['accounts', 'audit', 'clock', 'database', 'errors', 'hashing', 'passwords', 'revocations', 'sessions', 'throttle', 'tokens', 'users'], fastify: '5.x' })
