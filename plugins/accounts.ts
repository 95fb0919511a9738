import { randomUUIDv7 } from 'node:crypto'
import fp from 'fastify-plugin'
import type { RegisterBody } from '../schemas/register.ts'
import type { User } from '../schemas/users.ts'
import type { Queries } from './database.ts'
import type { Origin } from './origin.ts'
import type { UserRecord } from './users.ts'

declare module 'fastify' {
  interface FastifyInstance {
    accounts: Accounts
  }
}

export interface Accounts {
  /** Makes an account. Throws `registration_closed`, `weak_password`, `username_taken` or `email_taken`. */
  register (body: RegisterBody, origin: Origin): Promise<User>
  /** The account as its owner sees it. Throws `invalid_token` where it is gone. */
  profile (userId: string): Promise<User>
  /**
   * Sets another password for a user who has shown the present one; every session but `sessionId` ends with it.
   * Throws `weak_password`, or `invalid_credentials` where the password was changed meanwhile.
   */
  changePassword (user: UserRecord, sessionId: string, password: string, origin: Origin): Promise<void>
  /** Sets or clears the e-mail address of a user who has shown the password. Throws `email_taken`. */
  changeEmail (user: UserRecord, email: string | null, origin: Origin): Promise<User>
  /** Deletes the account of a user who has shown the password. The name is free again, the id never returns. */
  remove (user: UserRecord, origin: Origin): Promise<void>
  /** Throws `weak_password` where a password is weak for the account that is to have it. */
  admitPassword (password: string, whose: { id: string | null, username: string, email: string | null }, by: { actor?: string | undefined, origin?: Origin | undefined }): void
  /** Inside a transaction that has locked a user who is about to lose the role of an administrator or the use of it. Throws `last_admin` where nobody else could administer then. */
  keepAdministrator (user: UserRecord, queries: Queries): Promise<void>
  /** A user as the interface shows one. */
  present (user: Pick<UserRecord, 'id' | 'username' | 'email' | 'roles' | 'createdAt'>): User
}

export interface AccountsOptions {
  registration: 'open' | 'closed'
}

export default fp<AccountsOptions>(async (app, { registration }) => {
  const present: Accounts['present'] = ({ id, username, email, roles, createdAt }) => {
    return { id, username, email, roles, created_at: new Date(createdAt).toISOString() }
  }

  const admit: Accounts['admitPassword'] = (password, { id, username, email }, by) => {
    try {
      app.passwords.admit(password, [username, ...email === null ? [] : [email, email.slice(0, email.lastIndexOf('@'))]])
    } catch (error) {
      app.audit.tally({ event: 'input_validation_fail', userId: id, ...by, detail: { field: 'password' } }, `${id ?? ''} ${by.actor ?? ''} ${by.origin?.network ?? ''}`)
      throw error
    }
  }

  /** Changes a user whose digest is still the one that the password was checked against. */
  async function change<T> (user: UserRecord, work: (queries: Queries, now: UserRecord) => Promise<T>): Promise<T> {
    const changed = await app.database.transaction(async (queries) => {
      const now = await app.users.within(queries).findUnchanged(user)
      if (now === null) throw app.errors.create('invalid_credentials')
      return work(queries, now)
    })
    await app.revocations.hear()
    return changed
  }

  app.decorate('accounts', {
    present,
    admitPassword: admit,
    async keepAdministrator ({ id, roles, disabled }, queries) {
      if (disabled || !roles.includes('admin')) return
      await app.database.takeTurn('administrators', queries)
      if (!await app.users.within(queries).isHeldBeside(id, 'admin')) throw app.errors.create('last_admin')
    },
    async register ({ username, password, email = null }, origin) {
      if (registration === 'closed') throw app.errors.create('registration_closed')
      admit(password, { id: null, username, email }, { origin })
      const user = {
        id: randomUUIDv7(),
        username: username.toLowerCase(),
        email,
        passwordHash: await app.passwords.hash(password, origin),
        createdAt: app.clock.now()
      }
      await app.database.transaction(async (queries) => {
        const outcome = await app.users.within(queries).add(user)
        if (outcome !== 'added') throw app.errors.create(outcome)
        await app.audit.record({ event: 'user_created', userId: user.id, origin }, queries)
      })
      return present({ ...user, roles: [] })
    },
    async profile (userId) {
      const user = await app.users.findById(userId)
      if (user === null || user.disabled) throw app.errors.create('invalid_token', { cause: 'user gone' })
      return present(user)
    },
    async changePassword (user, sessionId, password, origin) {
      admit(password, user, { origin })
      const passwordHash = await app.passwords.hash(password, origin)
      await change(user, async (queries) => {
        await app.users.within(queries).replacePasswordHash(user.id, user.passwordHash as string, passwordHash)
        await app.sessions.endOthers(user.id, sessionId, queries)
        await app.audit.record({ event: 'authn_password_change', userId: user.id, origin }, queries)
      })
    },
    async changeEmail (user, email, origin) {
      await change(user, async (queries) => {
        if (await app.users.within(queries).setEmail(user.id, email) === 'email_taken') throw app.errors.create('email_taken')
        await app.audit.record({ event: 'user_updated', userId: user.id, origin, detail: { attributes: ['email'] } }, queries)
      })
      return present({ ...user, email })
    },
    async remove (user, origin) {
      await change(user, async (queries, now) => {
        await app.accounts.keepAdministrator(now, queries)
        await app.sessions.endAll(user.id, queries)
        await app.users.within(queries).remove(user.id)
        await app.audit.record({ event: 'user_deleted', userId: user.id, origin }, queries)
      })
    }
  } satisfies Accounts)
}, { name: 'accounts', dependencies: ['audit', 'clock', 'database', 'errors', 'passwords', 'revocations', 'sessions', 'users'], fastify: '5.x' })
