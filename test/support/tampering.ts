import { generateKeyPairSync } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { digestOf, type Head, signHead } from '../../plugins/audit-chain/link.ts'
import { createChainRepository } from '../../plugins/audit-chain/repository.ts'
import type { Queries, Tables } from '../../plugins/database.ts'
import type { createClock } from './calls.ts'

const tables = ['audit_events', 'audit_heads', 'audit_keys'] as const

/** Twelve events, linked by fours with a head each. */
export async function writeTwelve (app: FastifyInstance, clock: ReturnType<typeof createClock>): Promise<void> {
  for (let i = 1; i <= 12; i++) {
    await app.audit.record({ event: 'user_updated', userId: `user-${i}`, detail: { attributes: ['email'] } })
    clock.turn(30)
    if (i % 4 === 0) await app.auditChain.link()
  }
}

/** What somebody does who can write to the database and knows the source. */
export interface Tampering {
  name: string
  tamper (queries: Queries): Promise<unknown>
  /** Where it has to be found, and how that is told. */
  place: number
  what: RegExp
}

const set = (place: number, values: Partial<Tables['audit_events']>) => (queries: Queries) => queries.updateTable('audit_events').set(values).where('place', '=', place).execute()
const remove = (...places: number[]) => (queries: Queries) => queries.deleteFrom('audit_events').where('place', 'in', places).execute()
const removeHeads = (...places: number[]) => (queries: Queries) => queries.deleteFrom('audit_heads').where('place', 'in', places).execute()
const setHead = (place: number, values: Partial<Tables['audit_heads']>) => (queries: Queries) => queries.updateTable('audit_heads').set(values).where('place', '=', place).execute()
const all = (queries: Queries) => queries.selectFrom('audit_events').selectAll().where('place', 'is not', null).orderBy('place').execute()
const add = (queries: Queries, members: Partial<Tables['audit_events']>) => queries.insertInto('audit_events').values({
  id: '019ca945-0000-7000-8000-000000000000', at: 1, event: 'authn_login_success', user_id: 'mallory', actor: 'mallory', ip: null, request_id: null, detail: null, place: null, digest: '', ...members
}).execute()

/** Gives every entry from a place on the digest that it would have, had it been written as it stands. */
async function redigest (queries: Queries, from: number): Promise<void> {
  let before = ''
  for (const row of await all(queries)) {
    const place = row.place as number
    const digest = place < from ? row.digest as string : digestOf({ ...row, userId: row.user_id, requestId: row.request_id }, place, before)
    await set(place, { digest })(queries)
    before = digest
  }
}

async function insert (queries: Queries, place: number): Promise<void> {
  for (const row of (await all(queries)).toReversed()) if (row.place as number >= place) await set(row.place as number, { place: row.place as number + 1 })(queries)
  await add(queries, { place })
}

async function forge (queries: Queries, vouched: boolean): Promise<void> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const kid = vouched ? (await queries.selectFrom('audit_keys').select('kid').executeTakeFirstOrThrow()).kid : 'mallory'
  const publicJwk = JSON.stringify({ ...publicKey.export({ format: 'jwk' }), use: 'sig', alg: 'EdDSA', kid })
  const { signedAt, ...newest } = (await createChainRepository(queries, { given: () => { throw new Error('unused') } }).newestHeads(1))[0] as Head
  const { signature } = signHead({ ...newest, signedAt }, { kid, alg: 'EdDSA', privatePem: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string })
  if (vouched) await queries.updateTable('audit_keys').set({ public_jwk: publicJwk }).execute()
  else await queries.insertInto('audit_keys').values({ kid, public_jwk: publicJwk, seal: 'v1.AAAA' }).execute()
  await setHead(12, { kid, signature })(queries)
}

/** Of the twelve, with heads at 4, 8 and 12. */
export const tamperings: Tampering[] = [
  { name: 'a changed detail', tamper: set(5, { detail: '{"attributes":[]}' }), place: 5, what: /^the entry \S+ is not the one that was written there$/ },
  { name: 'another user', tamper: set(12, { user_id: 'bob' }), place: 12, what: /is not the one that was written there/ },
  { name: 'another time', tamper: set(1, { at: 7 }), place: 1, what: /is not the one that was written there/ },
  { name: 'a changed entry, its digest and all behind it made anew', tamper: async (queries) => { await set(6, { event: 'user_created' })(queries); await redigest(queries, 6) }, place: 5, what: /^the entries up to place 8 are not those that were signed$/ },
  { name: 'a missing entry', tamper: remove(6), place: 6, what: /^the entry is missing$/ },
  { name: 'missing entries, a signed one among them', tamper: remove(3, 4, 5), place: 3, what: /^the entries up to place 5 are missing$/ },
  { name: 'an entry that is no link any more', tamper: set(6, { place: null, digest: null }), place: 6, what: /^the entry is missing$/ },
  { name: 'an inserted entry', tamper: (queries) => insert(queries, 7), place: 7, what: /is not the one that was written there/ },
  { name: 'an inserted entry, the digests made anew', tamper: async (queries) => { await insert(queries, 7); await redigest(queries, 7) }, place: 5, what: /^the entries up to place 8 are not those that were signed$/ },
  { name: 'a second entry at a place', tamper: (queries) => add(queries, { id: 'ffffffff-0000-7000-8000-000000000000', place: 7 }), place: 7, what: /^there is another entry at this place/ },
  { name: 'entries that changed places', tamper: async (queries) => { for (const [from, to] of [[2, 100], [3, 2], [100, 3]] as const) await set(from, { place: to })(queries) }, place: 2, what: /is not the one that was written there/ },
  { name: 'an end that was cut off', tamper: remove(10, 11, 12), place: 10, what: /^the chain was cut off: it is signed up to place 12$/ },
  { name: 'all entries gone', tamper: (queries) => queries.deleteFrom('audit_events').execute(), place: 1, what: /^the chain was cut off: it is signed up to place 12$/ },
  { name: 'an end that was cut off with its head, but not as far', tamper: async (queries) => { await remove(12)(queries); await removeHeads(12)(queries) }, place: 9, what: /^the entries up to place 11 were put there behind the signed head$/ },
  { name: 'entries put behind the head', tamper: async (queries) => { await add(queries, { place: 13 }); await redigest(queries, 13) }, place: 13, what: /^the entries up to place 13 were put there behind the signed head$/ },
  { name: 'no heads', tamper: removeHeads(4, 8, 12), place: 1, what: /^the entries up to place 12 were put there/ },
  { name: 'a head with another digest', tamper: setHead(8, { digest: 'A'.repeat(43) }), place: 8, what: /^the head is not what was signed: the signature is not that of the key / },
  { name: 'a head at another place', tamper: setHead(12, { place: 11 }), place: 11, what: /^the head is not what was signed/ },
  { name: 'a head with no signature', tamper: setHead(12, { signature: '' }), place: 12, what: /^the head is not what was signed/ },
  { name: 'a head signed by a key that was put there', tamper: (queries) => forge(queries, false), place: 12, what: /^the head is not what was signed: no key of this service has the id mallory$/ },
  { name: 'a key that was replaced', tamper: (queries) => forge(queries, true), place: 4, what: /^the head is not what was signed: the key \S+ was changed$/ },
  { name: 'a beginning that was cut off', tamper: remove(1, 2, 3, 4), place: 1, what: /^the entries up to place 4 are missing$/ },
  {
    name: 'a beginning that was cut off, with a head as the start',
    tamper: async (queries) => { await remove(1, 2, 3, 4)(queries); await setHead(4, { kind: 'start' })(queries) },
    place: 4,
    what: /^what the chain starts behind is not what was signed/
  },
  { name: 'an entry beyond all places', tamper: (queries) => add(queries, { place: Number.MAX_SAFE_INTEGER }), place: 2 ** 52, what: /^and further, or far before the first, lie entries that were put there: 1$/ },
  { name: 'an entry where no number can be read exactly', tamper: (queries) => add(queries, { place: 2 ** 60 }), place: 2 ** 52, what: /^and further, or far before the first, lie entries that were put there: 1$/ },
  { name: 'a place that cannot be read exactly', tamper: set(12, { place: -(2 ** 60) }), place: 12, what: /^the chain was cut off/ },
  { name: 'a time that cannot be read exactly', tamper: set(5, { at: 2 ** 60 }), place: 5, what: /is not the one that was written there/ },
  { name: 'a time before all that can be read exactly', tamper: set(12, { at: -(2 ** 60) }), place: 12, what: /is not the one that was written there/ },
  { name: 'a head at a place that cannot be read exactly', tamper: setHead(12, { place: 2 ** 60 }), place: 13, what: /^the chain was cut off/ },
  { name: 'a head signed at a time that cannot be read exactly', tamper: setHead(8, { signed_at: 2 ** 60 }), place: 8, what: /^the head is not what was signed: the signature is not that of the key / },
  { name: 'a start at a place that cannot be read exactly', tamper: setHead(4, { kind: 'start', place: 2 ** 60 }), place: Number.MAX_SAFE_INTEGER, what: /^what the chain starts behind is not what was signed/ },
  { name: 'an entry ahead of the first', tamper: (queries) => add(queries, { place: -3 }), place: -3, what: /is there, before the first that is kept$/ }
]

/** Does something to the tables of the audit, and puts them back as they were. */
export async function withTampered (queries: Queries, tamper: Tampering['tamper'], work: () => Promise<void>): Promise<void> {
  const before = await Promise.all(tables.map((table) => queries.selectFrom(table).selectAll().execute()))
  await tamper(queries)
  await work()
  for (const [index, table] of tables.entries()) {
    await queries.deleteFrom(table).execute()
    for (const row of before[index] ?? []) await queries.insertInto(table).values(row as never).execute()
  }
}
