import type { Queries } from '../database.ts'
import { fromRow, lowerCase, type UserRecord, type UserRow } from './record.ts'

export interface UserFilter {
  /** What the username or the e-mail address begins with, in any case; empty for everybody. */
  prefix: string
  /** Null for any, as the next one. */
  role: string | null
  disabled: boolean | null
}

/** A user, and the name, address or id that they stand under in the order. */
export interface FoundUser {
  user: UserRecord
  key: string
}

/**
 * The users that a filter lets through, each once, in the order of the bytes of what was searched for: their name or, where
 * only that begins so or comes first, their address. The holders of a role, where nothing was searched for, come in the order of
 * their ids. `after` is the key of the one before, empty for the first.
 */
export type UserSearch = (filter: UserFilter, after: string, limit: number) => Promise<FoundUser[]>

type Column = 'username' | 'email_key'

/** With more holders, one in five hundred of a million has a role. */
const mostFew = 2000

/** Sorts behind all that begins with a prefix, in UTF-8. */
const last = '\u{10ffff}'

export function createUserSearch (queries: Queries): UserSearch {
  /** Up to `limit` rows along the index of one column, of `few` where they are given. SQLite seeks one lower bound, the first, and makes a join of `exists`, in the order of holders. */
  function along (column: Column, { prefix, role, disabled }: UserFilter, few: string[] | null, after: string, limit: number): Promise<UserRow[]> {
    const isFirst = inOrder(after, prefix) < 0
    return queries.selectFrom('users').selectAll().orderBy(column).limit(limit)
      .where(column, isFirst ? '>=' : '>', isFirst ? prefix : after).where(column, '<', prefix + last)
      .$if(few !== null, (query) => query.where('id', 'in', few as string[]))
      .$if(role !== null && few === null, (query) => query.where((each) => each(
        each.selectFrom('user_roles').select('role').whereRef('user_roles.user_id', '=', 'users.id').where('role', '=', role as string), 'is not', null)))
      .$if(disabled !== null, (query) => query.where('disabled_at', disabled === true ? 'is not' : 'is', null))
      .execute()
  }

  /** Up to `limit` holders of a role, along the index that knows them. */
  function holders ({ disabled }: UserFilter, role: string, after: string, limit: number): Promise<UserRow[]> {
    return queries.selectFrom('user_roles').innerJoin('users', 'users.id', 'user_roles.user_id').selectAll('users')
      .where('role', '=', role).where('user_id', '>', after).orderBy('user_id').limit(limit)
      .$if(disabled !== null, (query) => query.where('disabled_at', disabled === true ? 'is not' : 'is', null))
      .execute()
  }

  /**
   * The ids of a role's holders, where they are so few that they are sooner sorted than met along the way; otherwise null. They are named to the next
   * statement and not looked up by it: PostgreSQL guesses how many those would be, and may go along all who begin alike instead.
   */
  async function fewHolders (role: string): Promise<string[] | null> {
    const rows = await queries.selectFrom('user_roles').select('user_id').where('role', '=', role).limit(mostFew + 1).execute()
    return rows.length <= mostFew ? rows.map(({ user_id: id }) => id) : null
  }

  async function withRoles (found: ReadonlyArray<{ row: UserRow, key: string }>): Promise<FoundUser[]> {
    if (found.length === 0) return []
    const held = await queries.selectFrom('user_roles').selectAll().where('user_id', 'in', found.map(({ row }) => row.id)).orderBy('role').execute()
    const roles = Map.groupBy(held, ({ user_id: id }) => id)
    return found.map(({ row, key }) => ({ key, user: fromRow(row, (roles.get(row.id) ?? []).map(({ role }) => role)) }))
  }

  return async (filter, after, limit) => {
    const prefix = lowerCase(filter.prefix)
    if (prefix === '' && filter.role !== null) return withRoles((await holders(filter, filter.role, after, limit)).map((row) => ({ row, key: row.id })))
    const columns: Column[] = prefix === '' ? ['username'] : ['username', 'email_key']
    const few = filter.role === null ? null : await fewHolders(filter.role)
    if (few?.length === 0) return []
    const found: Array<{ row: UserRow, key: string }> = []
    for (let from = after, over = false; !over && found.length < limit;) {
      const streams = await Promise.all(columns.map(async (column) => ({ column, rows: await along(column, { ...filter, prefix }, few, from, limit) })))
      // Beyond where the shorter of two full pages ends, nobody knows what the other one has.
      const ends = streams.filter(({ rows }) => rows.length === limit).map(({ column, rows }) => rows.at(-1)?.[column] as string)
      const horizon = ends.sort(inOrder)[0]
      found.push(...streams.flatMap(({ column, rows }) => rows.map((row) => ({ row, key: row[column] as string })))
        .filter(({ row, key }) => key === firstKey(row, columns, prefix) && (horizon === undefined || inOrder(key, horizon) <= 0))
        .sort((one, other) => inOrder(one.key, other.key)))
      over = horizon === undefined
      from = horizon ?? from
    }
    return withRoles(found.slice(0, limit))
  }
}

/** Under what a user stands in the order: the first of what matches. */
function firstKey (row: UserRow, columns: readonly Column[], prefix: string): string | undefined {
  return columns.map((column) => row[column]).filter((key) => key?.startsWith(prefix)).sort((one, other) => inOrder(one as string, other as string))[0] as string
}

function inOrder (one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other))
}
