import fp from 'fastify-plugin'
import type { LoginBody, TokenReply } from '../schemas/login.ts'
import type { Origin } from './origin.ts'
import type { Grant } from './sessions.ts'
import type { UserRecord } from './users.ts'

declare module 'fastify' {
  interface FastifyInstance {
    signIn: SignIn
  }
}

export interface SignIn {
  /** Begins a session. Throws `invalid_credentials`, the same for every cause and after the same work. */
  withPassword (body: LoginBody, origin: Origin): Promise<TokenReply>
  /** Goes on with a session. Throws `invalid_refresh_token`, the same for every cause. */
  withRefreshToken (refreshToken: string, origin: Origin): Promise<TokenReply>
  /** Who has shown the password of their own account. Throws `invalid_credentials`. */
  confirm (userId: string, password: string, origin: Origin): Promise<UserRecord>
}

export default fp(async (app) => {
  app.decorate('signIn', {
    async withPassword ({ username, password }, origin) {
      const user = await app.users.findByLogin(username)
      const known = await check(user, username, password, origin)
      const grant = await begin(known, origin)
      await app.revocations.hear()
      if (grant === null) return refuse(user, origin)
      app.audit.record({ event: 'authn_login_success', userId: known.id, origin })
      return reply(known, grant)
    },
    async withRefreshToken (refreshToken, origin) {
      if (!app.sessions.isRefreshToken(refreshToken)) throw app.errors.create('invalid_refresh_token')
      const { refreshed, user } = await app.database.transaction(async (queries) => {
        const refreshed = await app.sessions.refresh(refreshToken, origin, queries)
        const user = refreshed.outcome === 'granted' ? await app.users.within(queries).findById(refreshed.grant.userId) : null
        return { refreshed, user }
      })
      if (refreshed.outcome === 'reused') {
        await app.revocations.hear()
        app.audit.record({ event: 'authn_token_reuse', userId: refreshed.userId, origin })
      }
      if (refreshed.outcome !== 'granted' || user === null || user.disabled) throw app.errors.create('invalid_refresh_token')
      return reply(user, refreshed.grant)
    },
    async confirm (userId, password, origin) {
      const user = await app.users.findById(userId)
      return check(user, user?.username ?? userId, password, origin)
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
  async function check (user: UserRecord | null, name: string, password: string, origin: Origin): Promise<UserRecord> {
    const attempt = await app.throttle.attempt({ name, userId: user?.id ?? null }, origin)
    try {
      const { matches, outdated } = await app.passwords.verify(password, user?.passwordHash ?? null, {
        network: origin.network,
        signal: origin.signal,
        favoured: attempt.isTrusted,
        mayStart: attempt.mayStart,
        ended: (matches) => attempt.ended(matches && user !== null && !user.disabled)
      })
      if (user === null || user.disabled || !matches) return refuse(user, origin)
      return outdated && !app.hashing.isBusy ? rehash(user, password, origin) : user
    } finally {
      await attempt.close()
    }
  }

  function refuse (user: UserRecord | null, origin: Origin): never {
    app.audit.record({ event: 'authn_login_fail', userId: user?.id ?? null, origin })
    throw app.errors.create('invalid_credentials')
  }

  /**
   * Today's parameters for a digest of yesterday's; a password changed meanwhile stays as it was changed. Done where that
   * need not wait: else at a later sign-in, since this one has had its turn.
   */
  async function rehash (user: UserRecord, password: string, origin: Origin): Promise<UserRecord> {
    const passwordHash = await app.passwords.hash(password, origin)
    if (!await app.users.replacePasswordHash(user.id, user.passwordHash as string, passwordHash)) return user
    app.audit.record({ event: 'authn_password_rehash', userId: user.id, origin })
    return { ...user, passwordHash }
  }

  /** Null where the account was disabled, deleted or given another password while the password was being checked. */
  async function begin (user: UserRecord, origin: Origin): Promise<Grant | null> {
    return app.database.transaction(async (queries) => {
      const now = await app.users.within(queries).signIn(user, app.clock.now())
      if (now === null) return null
      await app.throttle.remember(now.id, origin, queries)
      return app.sessions.open(now, origin, queries)
    })
  }
}, { name: 'sign-in', dependencies: ['accounts', 'audit', 'clock', 'database', 'errors', 'hashing', 'passwords', 'revocations', 'sessions', 'throttle', 'tokens', 'users'], fastify: '5.x' })
