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
  /** Milliseconds since 1970. */
  createdAt: number
}

export type NewUser = Pick<UserRecord, 'id' | 'username' | 'email' | 'passwordHash' | 'createdAt'>

export interface UserRepository {
  /** The same repository inside a transaction. */
  within (queries: Queries): UserRepository
  /** Inserts and never updates: where the username or the address is held already, says which and changes nothing. */
  add (user: NewUser): Promise<'added' | 'username_taken' | 'email_taken'>
  findById (id: string): Promise<UserRecord | null>
  /** By username in any case, or, where there is an @ in it, by e-mail address in any case. */
  findByLogin (login: string): Promise<UserRecord | null>
  /** Sets a new digest where the old one is still `from`. Says whether it was. */
  replacePasswordHash (id: string, from: string, to: string): Promise<boolean>
}

export function createUserRepository (queries: Queries): UserRepository {
  async function find (column: 'id' | 'username' | 'email_key', value: string): Promise<UserRecord | null> {
    const row = await queries.selectFrom('users').selectAll().where(column, '=', value).executeTakeFirst()
    if (row === undefined) return null
    const roles = await queries.selectFrom('user_roles').select('role').where('user_id', '=', row.id).orderBy('role').execute()
    return {
      id: row.id,
      username: row.username,
      email: row.email,
      passwordHash: row.password_hash,
      disabled: row.disabled_at !== null,
      roles: roles.map(({ role }) => role),
      createdAt: row.created_at
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
        created_at: createdAt
      }).onConflict((conflict) => conflict.doNothing()).returning('id').executeTakeFirst()
      if (added !== undefined) return 'added'
      return await find('username', lowerCase(username)) === null ? 'email_taken' : 'username_taken'
    },
    findById: (id) => find('id', id),
    findByLogin: (login) => find(login.includes('@') ? 'email_key' : 'username', lowerCase(login)),
    async replacePasswordHash (id, from, to) {
      const { numUpdatedRows } = await queries.updateTable('users').set({ password_hash: to })
        .where('id', '=', id).where('password_hash', '=', from).executeTakeFirst()
      return numUpdatedRows > 0n
    }
  }
}

/** ASCII alone: full lower-casing would fold the Kelvin sign into the k of another's name. */
function lowerCase (text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}
