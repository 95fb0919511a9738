import { randomUUIDv7 } from 'node:crypto'
import fp from 'fastify-plugin'
import type { RegisterBody } from '../schemas/register.ts'
import type { User } from '../schemas/users.ts'
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
  /** A user as the interface shows one. */
  present (user: Omit<UserRecord, 'passwordHash' | 'disabled'>): User
}

export interface AccountsOptions {
  registration: 'open' | 'closed'
}

export default fp<AccountsOptions>(async (app, { registration }) => {
  const present: Accounts['present'] = ({ id, username, email, roles, createdAt }) => {
    return { id, username, email, roles, created_at: new Date(createdAt).toISOString() }
  }

  app.decorate('accounts', {
    present,
    async register ({ username, password, email = null }, origin) {
      if (registration === 'closed') throw app.errors.create('registration_closed')
      app.passwords.admit(password, [username, ...email === null ? [] : [email.slice(0, email.lastIndexOf('@'))]])
      const user = {
        id: randomUUIDv7(),
        username: username.toLowerCase(),
        email,
        passwordHash: await app.passwords.hash(password),
        createdAt: app.clock.now()
      }
      const outcome = await app.users.add(user)
      if (outcome !== 'added') throw app.errors.create(outcome)
      app.audit.record({ event: 'user_created', userId: user.id, origin })
      return present({ ...user, roles: [] })
    },
    async profile (userId) {
      const user = await app.users.findById(userId)
      if (user === null || user.disabled) throw app.errors.create('invalid_token', { cause: 'user gone' })
      return present(user)
    }
  } satisfies Accounts)
}, { name: 'accounts', dependencies: ['audit', 'clock', 'errors', 'passwords', 'users'], fastify: '5.x' })
