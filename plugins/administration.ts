import { randomUUIDv7 } from 'node:crypto'
import fp from 'fastify-plugin'
import type { AdminUser, NewUser, UserChange, UserPage, UserQuery } from '../schemas/admin/users.ts'
import { cursorAfter, readCursor } from './administration/cursor.ts'
import { heldRoles } from './administration/roles.ts'
import type { Queries } from './database.ts'
import type { Origin } from './origin.ts'
import type { UserRecord } from './users.ts'

declare module 'fastify' {
  interface FastifyInstance {
    administration: Administration
  }
}

/** Who administers, as the audit has it: `cli` where neither is said. */
export interface Administrator {
  /** A user's id. */
  actor?: string | undefined
  origin?: Origin | undefined
}

/** What administrators do to other people's accounts. Each change is one transaction, with the sessions that it ends. */
export interface Administration {
  /** Makes an account, also where registration is closed. Throws `weak_password`, `username_taken`, `email_taken`, or `invalid_request` where roles are too many. */
  createUser (body: NewUser, by?: Administrator): Promise<AdminUser>
  /** A page of users in the order of their names, or of what was searched for. Throws `invalid_request` where the cursor is none. */
  listUsers (query: UserQuery): Promise<UserPage>
  /** Throws `not_found`, as all that take an id do. */
  findUser (id: string): Promise<AdminUser>
  /** The user with this name or address, in any case. Throws `not_found`. */
  findUserByLogin (login: string): Promise<AdminUser>
  /**
   * Changes what is given and leaves the rest. A new password, and being disabled, end every session; a role that is taken ends
   * the access tokens that name it. Throws as `createUser` does, and `last_admin`.
   */
  updateUser (id: string, change: UserChange, by?: Administrator): Promise<AdminUser>
  /** Deletes an account with all that is its own. Throws `last_admin`. */
  deleteUser (id: string, by?: Administrator): Promise<void>
  /** Whether one user may hold all of these roles. */
  areRoles (asked: readonly string[]): boolean
  /** Ends every session of a user; says how many there were. */
  endSessions (id: string, by?: Administrator): Promise<number>
}

export interface AdministrationOptions {
  /** The first administrator, made at the start where nobody has that role; null where there is to be none. */
  first: { username: string, password: string } | null
}

/** Whose turn it is to hash where no request asks. */
const nowhere = { network: '' }

export default fp<AdministrationOptions>(async (app, { first }) => {
  if (first !== null && !await app.users.isHeld('admin')) await makeFirst(first)

  /** Of any number of processes that start together, one makes it. An account that is there is not made an administrator: anybody may have registered that name. */
  async function makeFirst ({ username, password }: { username: string, password: string }): Promise<void> {
    demandStrong(password, username)
    const id = randomUUIDv7()
    const passwordHash = await app.passwords.hash(password, nowhere)
    await app.database.transaction(async (queries) => {
      await app.database.takeTurn('administrators', queries)
      const users = app.users.within(queries)
      if (await users.isHeld('admin')) return
      if (await users.add({ id, username, email: null, passwordHash, createdAt: app.clock.now() }) !== 'added') {
        throw new Error('BOOTSTRAP_ADMIN_USERNAME is the name of an account that is there and has not the role admin: choose another one, or run "npm run --silent cli -- users set-role NAME admin" where it is yours')
      }
      await users.setRoles(id, ['admin'])
      await app.audit.record({ event: 'user_created', userId: id, actor: 'bootstrap', detail: { roles: ['admin'] } }, queries)
    })
  }

  function demandStrong (password: string, username: string): void {
    try {
      app.passwords.admit(password, [username])
    } catch (error) {
      throw new Error(`BOOTSTRAP_ADMIN_PASSWORD cannot be used: ${(error as Error).message}`)
    }
  }

  function missing (): never {
    throw app.errors.create('not_found', { message: 'There is no such user' })
  }

  function rolesOf (asked: readonly string[]): string[] {
    return heldRoles(asked) ?? invalid('All roles of a user together have at most 128 characters, a space between each two counted; a role is 1 to 64 letters, digits and . _ : -')
  }

  function invalid (message: string): never {
    throw app.errors.create('invalid_request', { message })
  }

  async function digestOf (password: string, whose: { id: string | null, username: string, email: string | null }, by: Administrator): Promise<string> {
    app.accounts.admitPassword(password, whose, by)
    return app.passwords.hash(password, by.origin ?? nowhere)
  }

  /** Does `work` to a user whom nobody else changes meanwhile. */
  async function change<T> (id: string, work: (user: UserRecord, queries: Queries) => Promise<T>): Promise<T> {
    const changed = await app.database.transaction(async (queries) => {
      return work(await app.users.within(queries).lock(id) ?? missing(), queries)
    })
    await app.revocations.hear()
    return changed
  }

  async function setRoles ({ id, roles }: UserRecord, held: readonly string[], by: Administrator, queries: Queries): Promise<void> {
    if (held.join(' ') === roles.join(' ')) return
    await app.users.within(queries).setRoles(id, held)
    await app.revocations.addHolder(id, held, queries)
    await app.audit.record({ event: 'privilege_permissions_changed', userId: id, ...by, detail: { from: roles, to: held } }, queries)
  }

  async function setEmail (user: UserRecord, email: string | null, by: Administrator, queries: Queries): Promise<void> {
    if (email === user.email) return
    if (await app.users.within(queries).setEmail(user.id, email) === 'email_taken') throw app.errors.create('email_taken')
    await app.audit.record({ event: 'user_updated', userId: user.id, ...by, detail: { attributes: ['email'] } }, queries)
  }

  async function setDisabled (user: UserRecord, disabled: boolean, by: Administrator, queries: Queries): Promise<void> {
    if (disabled === user.disabled) return
    await app.users.within(queries).setDisabled(user.id, disabled ? app.clock.now() : null)
    if (disabled) await app.sessions.endAll(user.id, queries)
    await app.audit.record({ event: 'user_updated', userId: user.id, ...by, detail: { attributes: ['disabled'], disabled } }, queries)
  }

  async function setPassword ({ id }: UserRecord, passwordHash: string, by: Administrator, queries: Queries): Promise<void> {
    await app.users.within(queries).setPasswordHash(id, passwordHash)
    await app.sessions.endAll(id, queries)
    await app.audit.record({ event: 'authn_password_change', userId: id, ...by }, queries)
  }

  function present (user: UserRecord): AdminUser {
    return { ...app.accounts.present(user), disabled: user.disabled, last_login_at: user.lastLoginAt === null ? null : new Date(user.lastLoginAt).toISOString() }
  }

  app.decorate('administration', {
    async createUser ({ username, password, email = null, roles = [] }, by = {}) {
      const held = rolesOf(roles)
      const passwordHash = await digestOf(password, { id: null, username, email }, by)
      const id = randomUUIDv7()
      await app.database.transaction(async (queries) => {
        const users = app.users.within(queries)
        const outcome = await users.add({ id, username, email, passwordHash, createdAt: app.clock.now() })
        if (outcome !== 'added') throw app.errors.create(outcome)
        await users.setRoles(id, held)
        await app.audit.record({ event: 'user_created', userId: id, ...by, detail: { roles: held } }, queries)
      })
      return app.administration.findUser(id)
    },
    async listUsers ({ q = '', role = null, disabled = null, limit, cursor }) {
      const after = cursor === undefined ? '' : readCursor(cursor) ?? invalid('The cursor is not one that a page ended with')
      const found = await app.users.search({ prefix: q, role, disabled }, after, limit + 1)
      const page = found.slice(0, limit)
      return { users: page.map(({ user }) => present(user)), next_cursor: found.length > limit ? cursorAfter(page.at(-1)?.key as string) : null }
    },
    findUser: async (id) => present(await app.users.findById(id) ?? missing()),
    findUserByLogin: async (login) => present(await app.users.findByLogin(login) ?? missing()),
    async updateUser (id, { roles, disabled, password, email }, by = {}) {
      const known = await app.users.findById(id) ?? missing()
      const held = roles === undefined ? undefined : rolesOf(roles)
      const passwordHash = password === undefined ? null : await digestOf(password, { ...known, email: email === undefined ? known.email : email }, by)
      return change(id, async (user, queries) => {
        if (disabled === true || held?.includes('admin') === false) await app.accounts.keepAdministrator(user, queries)
        if (held !== undefined) await setRoles(user, held, by, queries)
        if (email !== undefined) await setEmail(user, email, by, queries)
        if (disabled !== undefined) await setDisabled(user, disabled, by, queries)
        if (passwordHash !== null) await setPassword(user, passwordHash, by, queries)
        return present(await app.users.within(queries).findById(id) as UserRecord)
      })
    },
    async deleteUser (id, by) {
      await change(id, async (user, queries) => {
        await app.accounts.keepAdministrator(user, queries)
        await app.sessions.endAll(id, queries)
        await app.users.within(queries).remove(id)
        await app.audit.record({ event: 'user_deleted', userId: id, ...by }, queries)
      })
    },
    areRoles: (asked) => heldRoles(asked) !== null,
    endSessions: (id, by) => change(id, async (_user, queries) => {
      const sessions = await app.sessions.endAll(id, queries)
      await app.audit.record({ event: 'authn_token_revoked', userId: id, ...by, detail: { scope: 'global', sessions } }, queries)
      return sessions
    })
  } satisfies Administration)
}, { name: 'administration', dependencies: ['accounts', 'audit', 'clock', 'database', 'errors', 'passwords', 'revocations', 'sessions', 'users'], fastify: '5.x' })
