import fp from 'fastify-plugin'
import type { LoginBody, TokenReply } from '../schemas/login.ts'
import type { Origin } from './origin.ts'
import type { UserRecord } from './users.ts'

declare module 'fastify' {
  interface FastifyInstance {
    signIn: SignIn
  }
}

export interface SignIn {
  /** Begins a session. Throws `invalid_credentials`, the same for every cause and after the same work. */
  withPassword (body: LoginBody, origin: Origin): Promise<TokenReply>
}

export default fp(async (app) => {
  app.decorate('signIn', {
    async withPassword ({ username, password }, origin) {
      const user = await app.users.findByLogin(username)
      const { matches, outdated } = await app.passwords.verify(password, user?.passwordHash ?? null)
      if (user === null || user.disabled || !matches) return refuse(user, origin)
      const current = outdated ? await rehash(user, password, origin) : user
      const session = await openSession(current, origin)
      if (session === null) return refuse(user, origin)
      app.audit.record({ event: 'authn_login_success', userId: user.id, origin })
      const { token, expiresIn } = app.tokens.issue({ user, session })
      return {
        access_token: token,
        token_type: 'Bearer',
        expires_in: expiresIn,
        refresh_token: session.refreshToken,
        refresh_expires_in: session.refreshExpiresIn,
        user: app.accounts.present(user)
      }
    }
  } satisfies SignIn)

  function refuse (user: UserRecord | null, origin: Origin): never {
    app.audit.record({ event: 'authn_login_fail', userId: user?.id ?? null, origin })
    throw app.errors.create('invalid_credentials')
  }

  /** Today's parameters for a digest of yesterday's; a password changed meanwhile stays as it was changed. */
  async function rehash (user: UserRecord, password: string, origin: Origin): Promise<UserRecord> {
    const passwordHash = await app.passwords.hash(password)
    if (!await app.users.replacePasswordHash(user.id, user.passwordHash as string, passwordHash)) return user
    app.audit.record({ event: 'authn_password_rehash', userId: user.id, origin })
    return { ...user, passwordHash }
  }

  /** Null where the account was disabled, deleted or given another password while the password was being checked. */
  async function openSession (user: UserRecord, origin: Origin) {
    return app.database.transaction(async (queries) => {
      const now = await app.users.within(queries).findById(user.id)
      if (now === null || now.disabled || now.passwordHash !== user.passwordHash) return null
      return app.sessions.open(user.id, origin, queries)
    })
  }
}, { name: 'sign-in', dependencies: ['accounts', 'audit', 'database', 'errors', 'passwords', 'sessions', 'tokens', 'users'], fastify: '5.x' })
