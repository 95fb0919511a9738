import type { Queries } from '../database.ts'

declare module '../database.ts' {
  interface Tables {
    users: {
      id: string
      /** Canonical: lower case. */
      username: string
      /** As given. */
      email: string | null
      /** In lower case, what makes addresses equal. */
      email_key: string | null
      password_hash: string | null
      disabled_at: number | null
      /** Sessions begun until then have ended. */
      sessions_not_before: number | null
      created_at: number
    }
    user_roles: {
      user_id: string
      role: string
    }
  }
}

export interface UserRecord {
  /** UUIDv7. */
  id: string
  username: string
  email: string | null
  /** A PHC string; null where the user has no password. */
  passwordHash: string | null
  disabled: boolean
  roles: string[]
  /** Milliseconds since 1970, as all times here. */
  createdAt: number
  /** Sessions begun until then have ended; 0 where none were ended together. */
  sessionsNotBefore: number
}

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
  /** By username in any case, or, where there is an @ in it, by e-mail address in any case. */
  findByLogin (login: string): Promise<UserRecord | null>
  /** Sets a new digest where the old one is still `from`. Says whether it was. */
  replacePasswordHash (id: string, from: string, to: string): Promise<boolean>
  /** Sets or clears the address. Throws where another takes it at the same moment: the transaction is to be done once more. */
  setEmail (id: string, email: string | null): Promise<'set' | 'email_taken'>
  /** Remembers that sessions begun until then have ended. */
  endSessionsUntil (id: string, notBefore: number): Promise<void>
  /** Deletes a user with all that is theirs. */
  remove (id: string): Promise<void>
}

export function createUserRepository (queries: Queries): UserRepository {
  async function find (column: 'id' | 'username' | 'email_key', value: string, { locked = false } = {}): Promise<UserRecord | null> {
    // PostgreSQL keeps no NUL in a text, and fails where it is asked for one.
    if (value.includes('\0')) return null
    const query = queries.selectFrom('users').selectAll().where(column, '=', value)
    const row = await (locked ? query.forNoKeyUpdate() : query).executeTakeFirst()
    if (row === undefined) return null
    const roles = await queries.selectFrom('user_roles').select('role').where('user_id', '=', row.id).orderBy('role').execute()
    return {
      id: row.id,
      username: row.username,
      email: row.email,
      passwordHash: row.password_hash,
      disabled: row.disabled_at !== null,
      roles: roles.map(({ role }) => role),
      createdAt: row.created_at,
      sessionsNotBefore: row.sessions_not_before ?? 0
    }
  }

  return {
    within: createUserRepository,
    async add ({ id, username, email, passwordHash, createdAt }) {
      const added = await queries.insertInto('users').values({
        id,
        username: lowerCase(username),
        email,
        email_key: email === null ? null : lowerCase(email),
        password_hash: passwordHash,
        disabled_at: null,
        sessions_not_before: null,
        created_at: createdAt
      }).onConflict((conflict) => conflict.doNothing()).returning('id').executeTakeFirst()
      if (added !== undefined) return 'added'
      return await find('username', lowerCase(username)) === null ? 'email_taken' : 'username_taken'
    },
    findById: (id) => find('id', id),
    lock: (id) => find('id', id, { locked: true }),
    async findUnchanged ({ id, passwordHash }) {
      const now = await find('id', id, { locked: true })
      return now === null || now.disabled || now.passwordHash !== passwordHash ? null : now
    },
    findByLogin: (login) => find(login.includes('@') ? 'email_key' : 'username', lowerCase(login)),
    async replacePasswordHash (id, from, to) {
      const { numUpdatedRows } = await queries.updateTable('users').set({ password_hash: to })
        .where('id', '=', id).where('password_hash', '=', from).executeTakeFirst()
      return numUpdatedRows > 0n
    },
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

/** ASCII alone: full lower-casing would fold the Kelvin sign into the k of another's name. */
function lowerCase (text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}
