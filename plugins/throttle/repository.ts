import type { Queries } from '../database.ts'
import type { Tally } from './verdict.ts'

declare module '../database.ts' {
  interface Tables {
    failures: {
      /** Never a name as it was typed: people type passwords there. */
      key: string
      count: number
      last_at: number
      expires_at: number
    }
    known_networks: {
      user_id: string
      network: string
      seen_at: number
    }
  }
}

/** What failed, kept by key, and where users were let in before. Times are milliseconds since 1970. */
export interface ThrottleRepository {
  /** What is known of these keys at `now`; a key that is not there has no failures. */
  tallies (keys: readonly string[], now: number): Promise<Map<string, Tally>>
  /** Counts one failure for each, in one statement, and says how many each has now. */
  fail (keys: ReadonlyArray<{ key: string, expiresAt: number }>, now: number): Promise<Map<string, number>>
  forget (keys: readonly string[]): Promise<void>
  /** When the user was last let in from this network. */
  seenAt (userId: string, network: string): Promise<number | null>
  /** Remembers that the user was let in from this network, and at most `most` networks of theirs, the latest. */
  see (userId: string, network: string, now: number, most: number): Promise<void>
  /** Deletes up to `limit` tallies that are over. Says how many. */
  sweepOver (now: number, limit: number): Promise<number>
  /** How many tallies there are. */
  count (): Promise<number>
  /** Deletes so many tallies: those with the fewest failures first, so that what matters is kept. */
  sweepLeast (limit: number): Promise<void>
  /** Deletes up to `limit` networks that were seen last before `before`. Says how many. */
  sweepNetworks (before: number, limit: number): Promise<number>
}

export function createThrottleRepository (queries: Queries): ThrottleRepository {
  return {
    async tallies (keys, now) {
      const rows = await queries.selectFrom('failures').selectAll().where('key', 'in', keys).where('expires_at', '>', now).execute()
      return new Map(rows.map(({ key, count, last_at: lastFailedAt }) => [key, { failures: count, lastFailedAt }]))
    },
    async fail (keys, now) {
      // In one order everywhere: whoever locks several rows does not wait in a circle.
      const rows = await queries.insertInto('failures')
        .values(keys.toSorted((a, b) => a.key < b.key ? -1 : 1).map(({ key, expiresAt }) => ({ key, count: 1, last_at: now, expires_at: expiresAt })))
        .onConflict((conflict) => conflict.column('key').doUpdateSet(({ eb, ref }) => ({
          count: eb.case().when('failures.expires_at', '<=', now).then(1).else(eb('failures.count', '+', 1)).end(),
          last_at: now,
          expires_at: ref('excluded.expires_at')
        })))
        .returning(['key', 'count'])
        .execute()
      return new Map(rows.map(({ key, count }) => [key, count]))
    },
    async forget (keys) {
      for (const key of keys) await queries.deleteFrom('failures').where('key', '=', key).execute()
    },
    async seenAt (userId, network) {
      const row = await queries.selectFrom('known_networks').select('seen_at').where('user_id', '=', userId).where('network', '=', network).executeTakeFirst()
      return row?.seen_at ?? null
    },
    async see (userId, network, now, most) {
      await queries.insertInto('known_networks').values({ user_id: userId, network, seen_at: now })
        .onConflict((conflict) => conflict.columns(['user_id', 'network']).doUpdateSet({ seen_at: now }))
        .execute()
      const kept = queries.selectFrom('known_networks').select('network').where('user_id', '=', userId).orderBy('seen_at', 'desc').orderBy('network').limit(most)
      await queries.deleteFrom('known_networks').where('user_id', '=', userId).where('network', 'not in', kept).execute()
    },
    async sweepOver (now, limit) {
      const over = queries.selectFrom('failures').select('key').where('expires_at', '<=', now).limit(limit)
      const { numDeletedRows } = await queries.deleteFrom('failures').where('key', 'in', over).executeTakeFirst()
      return Number(numDeletedRows)
    },
    async count () {
      const { held } = await queries.selectFrom('failures').select(({ fn }) => fn.countAll<number>().as('held')).executeTakeFirstOrThrow()
      return Number(held)
    },
    async sweepLeast (limit) {
      const least = queries.selectFrom('failures').select('key').orderBy('count').orderBy('last_at').limit(limit)
      await queries.deleteFrom('failures').where('key', 'in', least).execute()
    },
    async sweepNetworks (before, limit) {
      const old = queries.selectFrom('known_networks').select(['user_id', 'network']).where('seen_at', '<=', before).limit(limit)
      const rows = await old.execute()
      for (const { user_id: userId, network } of rows) await queries.deleteFrom('known_networks').where('user_id', '=', userId).where('network', '=', network).execute()
      return rows.length
    }
  }
}
