import type { Database, Queries } from '../database.ts'
import { fromRow, lowerCase, type UserRecord, type UserRow } from './record.ts'
import { createUserSearch, type UserSearch } from './search-repository.ts'

export type { UserRecord } from './record.ts'

export type NewUser = Pick<UserRecord, 'id' | 'username' | 'email' | 'passwordHash' | 'createdAt'>

export interface UserRepository {
  /** The same repository inside a transaction. */
  within (queries: Queries): UserRepository
  /** Inserts and never updates: where the username or the address is held already, says which and changes nothing. */
  add (user: NewUser): Promise<'added' | 'username_taken' | 'email_taken'>
  findById (id: string): Promise<UserRecord | null>
  /** The same inside a transaction, until whose end every other that asks so waits: who changes a user or their sessions does it alone. */
  lock (id: string): Promise<UserRecord | null>
  /** The user as they are now, locked as `lock` does, where a password that was checked against `user` is still theirs; null where they are gone, disabled or have another. */
  findUnchanged (user: Pick<UserRecord, 'id' | 'passwordHash'>): Promise<UserRecord | null>
  /** The same, and remembers that they signed in at `moment`. */
  signIn (user: Pick<UserRecord, 'id' | 'passwordHash'>, moment: number): Promise<UserRecord | null>
  /** By username in any case, or, where there is an @ in it, by e-mail address in any case. */
  findByLogin (login: string): Promise<UserRecord | null>
  /** Sets a new digest where the old one is still `from`. Says whether it was. */
  replacePasswordHash (id: string, from: string, to: string): Promise<boolean>
  /** Sets a digest whatever was there. */
  setPasswordHash (id: string, passwordHash: string): Promise<void>
  /** Sets all that a user holds. */
  setRoles (id: string, roles: readonly string[]): Promise<void>
  /** Null enables the user again. */
  setDisabled (id: string, disabledAt: number | null): Promise<void>
  /** Whether anybody has this role, disabled or not. */
  isHeld (role: string): Promise<boolean>
  /** Whether anybody who can sign in, with a password and not disabled, has this role, beside this user. */
  isHeldBeside (id: string, role: string): Promise<boolean>
  /** Users by filter, in the order of what was searched for. */
  search: UserSearch
  /** Sets or clears the address. Throws where another takes it at the same moment: the transaction is to be done once more. */
  setEmail (id: string, email: string | null): Promise<'set' | 'email_taken'>
  /** Remembers that sessions begun until then have ended. */
  endSessionsUntil (id: string, notBefore: number): Promise<void>
  /** Deletes a user with all that is theirs. */
  remove (id: string): Promise<void>
}

const withRolesBy = (key: 'id' | 'username' | 'email_key') => (queries: Queries, { value }: { value: string }) => queries.selectFrom('users')
  .leftJoin('user_roles', 'user_roles.user_id', 'users.id').selectAll('users').select('user_roles.role')
  .where(`users.${key}`, '=', value).orderBy('user_roles.role')
const finders = { id: withRolesBy('id'), username: withRolesBy('username'), email_key: withRolesBy('email_key') }

export function createUserRepository (queries: Queries, { run }: Pick<Database, 'run'>): UserRepository {
  /** PostgreSQL keeps no NUL in a text, and fails where it is asked for one. */
  const isText = (value: string) => !value.includes('\0')

  async function find (key: keyof typeof finders, value: string): Promise<UserRecord | null> {
    if (!isText(value)) return null
    const { rows } = await run(finders[key], { value }, queries)
    const [user] = rows
    return user === undefined ? null : fromRow(user, rows.flatMap(({ role }) => role ?? []))
  }

  /** In two steps: the roles are read when the wait for the lock is over, and PostgreSQL would join those from before it. */
  async function lock (id: string): Promise<UserRecord | null> {
    return isText(id) ? withRoles(await queries.selectFrom('users').selectAll().where('id', '=', id).forNoKeyUpdate().executeTakeFirst()) : null
  }

  async function withRoles (row: UserRow | undefined): Promise<UserRecord | null> {
    if (row === undefined) return null
    const roles = await queries.selectFrom('user_roles').select('role').where('user_id', '=', row.id).orderBy('role').execute()
    return fromRow(row, roles.map(({ role }) => role))
  }

  return {
    within: (others) => createUserRepository(others, { run }),
    async add ({ id, username, email, passwordHash, createdAt }) {
      const added = await queries.insertInto('users').values({
        id,
        username: lowerCase(username),
        email,
        email_key: email === null ? null : lowerCase(email),
        password_hash: passwordHash,
        disabled_at: null,
        sessions_not_before: null,
        last_login_at: null,
        created_at: createdAt
      }).onConflict((conflict) => conflict.doNothing()).returning('id').executeTakeFirst()
      if (added !== undefined) return 'added'
      return await find('username', lowerCase(username)) === null ? 'email_taken' : 'username_taken'
    },
    findById: (id) => find('id', id),
    lock,
    async findUnchanged ({ id, passwordHash }) {
      const now = await lock(id)
      return now === null || now.disabled || now.passwordHash !== passwordHash ? null : now
    },
    async signIn ({ id, passwordHash }, moment) {
      return withRoles(await queries.updateTable('users').set({ last_login_at: moment })
        .where('id', '=', id).where('password_hash', '=', passwordHash).where('disabled_at', 'is', null).returningAll().executeTakeFirst())
    },
    findByLogin: (login) => find(login.includes('@') ? 'email_key' : 'username', lowerCase(login)),
    async replacePasswordHash (id, from, to) {
      const { numUpdatedRows } = await queries.updateTable('users').set({ password_hash: to })
        .where('id', '=', id).where('password_hash', '=', from).executeTakeFirst()
      return numUpdatedRows > 0n
    },
    async setPasswordHash (id, passwordHash) {
      await queries.updateTable('users').set({ password_hash: passwordHash }).where('id', '=', id).execute()
    },
    async setRoles (id, roles) {
      await queries.deleteFrom('user_roles').where('user_id', '=', id).execute()
      if (roles.length > 0) await queries.insertInto('user_roles').values(roles.map((role) => ({ user_id: id, role }))).execute()
    },
    async setDisabled (id, disabledAt) {
      await queries.updateTable('users').set({ disabled_at: disabledAt }).where('id', '=', id).execute()
    },
    async isHeld (role) {
      return await queries.selectFrom('user_roles').select('user_id').where('role', '=', role).limit(1).executeTakeFirst() !== undefined
    },
    async isHeldBeside (id, role) {
      const holder = await queries.selectFrom('user_roles').innerJoin('users', 'users.id', 'user_roles.user_id').select('users.id')
        .where('user_roles.role', '=', role).where('users.id', '!=', id).where('users.disabled_at', 'is', null).where('users.password_hash', 'is not', null).limit(1).executeTakeFirst()
      return holder !== undefined
    },
    search: createUserSearch(queries),
    async setEmail (id, email) {
      const key = email === null ? null : lowerCase(email)
      const holder = key === null ? null : await find('email_key', key)
      if (holder !== null && holder.id !== id) return 'email_taken'
      await queries.updateTable('users').set({ email, email_key: key }).where('id', '=', id).execute()
      return 'set'
    },
    async endSessionsUntil (id, notBefore) {
      await queries.updateTable('users').set({ sessions_not_before: notBefore }).where('id', '=', id).execute()
    },
    async remove (id) {
      await queries.deleteFrom('users').where('id', '=', id).execute()
    }
  }
}
