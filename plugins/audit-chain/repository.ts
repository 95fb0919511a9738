import { type Selectable, sql } from 'kysely'
import type { Database, Queries, Tables } from '../database.ts'
import type { Entry, Head, HeadKind, Position } from './link.ts'

interface HeadTable {
  kind: HeadKind
  place: number
  digest: string
  signed_at: number
  kid: string
  signature: string
}

interface KeyTable {
  kid: string
  public_jwk: string
  /** Opens under SECRET_KEY for this kid, and so says that the service itself has put the key there. */
  seal: string
}

declare module '../database.ts' {
  interface Tables {
    audit_heads: HeadTable
    audit_keys: KeyTable
  }
}

/** An entry that is a link of the chain. */
export type Link = Entry & Position

/** A key that has signed heads. */
export interface HeadKey {
  kid: string
  /** As JSON. */
  publicJwk: string
  seal: string
}

export interface ChainRepository {
  /** Whether there are entries that are no links yet. */
  hasNews (): Promise<boolean>
  /** How many they are. */
  countNews (): Promise<number>
  /** Those, in the order of their ids. */
  news (limit: number): Promise<Entry[]>
  /** Gives entries their places and digests. */
  link (links: ReadonlyArray<Position & { id: string }>): Promise<void>
  /** The place of the last link; 0 where there is none. What lies at places that no chain reaches is none. */
  lastPlace (): Promise<number>
  /** How many entries lie at places that no chain reaches. */
  countBeyond (): Promise<number>
  /** The links behind one, up to where a chain reaches, in the order of their places and ids. */
  linksAfter (position: { place: number, id: string }, limit: number): Promise<Link[]>
  /** The heads behind a place, up to another where one is given. */
  headsAfter (place: number, upTo: number | null): Promise<Head[]>
  /** The newest heads, the newest first. */
  newestHeads (limit: number): Promise<Head[]>
  start (): Promise<Head | null>
  addHead (head: Head): Promise<void>
  removeHead (place: number): Promise<void>
  /** Deletes the links up to a place, and the heads before it; the chain starts behind that. */
  cut (start: Head): Promise<void>
  keys (): Promise<HeadKey[]>
  /** Keeps a key unless it is there. */
  addKey (key: HeadKey): Promise<void>
  reseal (kid: string, seal: string): Promise<void>
}

/** Whoever writes to the database may put an entry at any place: from here on they are not counted with, nor read. */
export const beyond = 2 ** 52

/** What stands for a number that cannot be read exactly, or is none: no time and no place that was digested or signed (ECMA-262, section 21.4.1.1). */
const unreadable = Number.MAX_SAFE_INTEGER
const entryColumns = ['id', 'event', 'user_id', 'actor', 'ip', 'request_id', 'detail', 'digest'] as const

function readable<C extends string> (column: C) {
  return sql<number>`case when ${sql.ref(column)} < ${-unreadable} or ${sql.ref(column)} > ${unreadable} then ${sql.lit(unreadable)} else ${sql.ref(column)} end`.as(column)
}

export function createChainRepository (queries: Queries, { given }: Pick<Database, 'given'>): ChainRepository {
  const heads = (kind: HeadKind) => queries.selectFrom('audit_heads').select(['kind', 'digest', 'kid', 'signature', readable('place'), readable('signed_at')]).where('kind', '=', kind)
  const fresh = () => queries.selectFrom('audit_events').where('place', 'is', null)

  return {
    hasNews: async () => await fresh().select('id').limit(1).executeTakeFirst() !== undefined,
    async countNews () {
      const { count } = await fresh().select(({ fn }) => fn.countAll<number>().as('count')).executeTakeFirstOrThrow()
      return Number(count)
    },
    news: async (limit) => (await fresh().select([...entryColumns, readable('at')]).orderBy('place').orderBy('id').limit(limit).execute()).map(entryOf),
    async link (links) {
      await sql`update audit_events set place = given.place, digest = given.digest from ${given(links, { id: 'text', place: 'bigint', digest: 'text' }, queries)} where audit_events.id = given.id`.execute(queries)
    },
    async lastPlace () {
      const row = await queries.selectFrom('audit_events').select('place').where('place', '<', beyond).orderBy('place', 'desc').limit(1).executeTakeFirst()
      return row?.place ?? 0
    },
    async countBeyond () {
      const { count } = await queries.selectFrom('audit_events').select(({ fn }) => fn.countAll<number>().as('count'))
        .where(({ eb, or }) => or([eb('place', '>=', beyond), eb('place', '<=', -beyond)])).executeTakeFirstOrThrow()
      return Number(count)
    },
    async linksAfter ({ place, id }, limit) {
      const rows = await queries.selectFrom('audit_events').select([...entryColumns, 'place', readable('at')])
        .where('place', '<', beyond)
        .where(({ eb, refTuple, tuple }) => eb(refTuple('place', 'id'), '>', tuple(place, id)))
        .orderBy('place').orderBy('id').limit(limit).execute()
      return rows.map((row) => ({ ...entryOf(row), place: row.place as number, digest: row.digest ?? '' }))
    },
    async headsAfter (place, upTo) {
      const behind = heads('head').where('place', '>', place).orderBy('place')
      return (await (upTo === null ? behind : behind.where('place', '<=', upTo)).execute()).map(headOf)
    },
    newestHeads: async (limit) => (await heads('head').where('place', '<', beyond).orderBy('place', 'desc').limit(limit).execute()).map(headOf),
    async start () {
      const row = await heads('start').orderBy('place', 'desc').limit(1).executeTakeFirst()
      return row === undefined ? null : headOf(row)
    },
    async addHead ({ signedAt, ...head }) {
      await queries.insertInto('audit_heads').values({ ...head, signed_at: signedAt }).execute()
    },
    async removeHead (place) {
      await queries.deleteFrom('audit_heads').where('kind', '=', 'head').where('place', '=', place).execute()
    },
    async cut ({ signedAt, ...start }) {
      await queries.deleteFrom('audit_events').where('place', '<=', start.place).execute()
      await queries.deleteFrom('audit_heads').where('place', '<', start.place).execute()
      await queries.insertInto('audit_heads').values({ ...start, signed_at: signedAt }).execute()
    },
    async keys () {
      const rows = await queries.selectFrom('audit_keys').selectAll().execute()
      return rows.map(({ kid, public_jwk: publicJwk, seal }) => ({ kid, publicJwk, seal }))
    },
    async addKey ({ kid, publicJwk, seal }) {
      await queries.insertInto('audit_keys').values({ kid, public_jwk: publicJwk, seal }).onConflict((conflict) => conflict.doNothing()).execute()
    },
    async reseal (kid, seal) {
      await queries.updateTable('audit_keys').set({ seal }).where('kid', '=', kid).execute()
    }
  }
}

function entryOf ({ id, at, event, user_id: userId, actor, ip, request_id: requestId, detail }: Omit<Selectable<Tables['audit_events']>, 'place'>): Entry {
  return { id, at, event, userId, actor, ip, requestId, detail }
}

function headOf ({ signed_at: signedAt, ...head }: Selectable<HeadTable>): Head {
  return { ...head, signedAt }
}
