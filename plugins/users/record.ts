import type { Selectable } from 'kysely'
import type { Tables } from '../database.ts'

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
      last_login_at: number | null
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
  /** The last sign-in with the password; null where there was none. */
  lastLoginAt: number | null
}

/** A row of `users`. */
export type UserRow = Selectable<Tables['users']>

export function fromRow (row: UserRow, roles: string[]): UserRecord {
  return {
    id: row.id,
    username: row.username,
    email: row.email,
    passwordHash: row.password_hash,
    disabled: row.disabled_at !== null,
    roles,
    createdAt: row.created_at,
    sessionsNotBefore: row.sessions_not_before ?? 0,
    lastLoginAt: row.last_login_at
  }
}

/** ASCII alone: full lower-casing would fold the Kelvin sign into the k of another's name. */
export function lowerCase (text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}
