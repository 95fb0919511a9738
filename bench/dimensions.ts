import { createHash, generateKeyPairSync, randomUUIDv7 } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { tokensFor } from './token-source.ts'

/** One thing that there can be more or less of. */
export interface Dimension {
  name: string
  counts: readonly number[]
  /** Puts so many into a stopped service's file. */
  plant? (file: string, count: number): void
  environment?: Record<string, string>
  /** A token to ask with, instead of one from a sign-in. */
  tokenOf? (environment: Record<string, string>, url: string, count: number): Promise<string>
}

const day = 86_400_000
/** What the reader takes. */
const mostRoles = 64

export function dimensions (quick: boolean): Dimension[] {
  if (quick) return [{ name: 'users', counts: [10, 1000], plant: plantUsers }]
  const many = [1000, 10_000, 100_000, 1_000_000]
  return [
    { name: 'users', counts: many, plant: plantUsers },
    { name: 'sessions of others', counts: many, plant: plantSessions },
    { name: 'live revocations', counts: many, plant: plantRevocations },
    { name: 'keys', counts: [1, 10, 100, 1000], plant: plantKeys },
    { name: 'characters of a token', counts: [500, 1000, 2000, 4000, 8000], tokenOf: tokenOfLength }
  ]
}

/** One transaction of so many rows. */
function insert (file: string, statement: string, count: number, row: (index: number) => Array<string | number | null>): void {
  const database = new DatabaseSync(file)
  const prepared = database.prepare(statement)
  database.exec('pragma synchronous = off; begin')
  for (let i = 0; i < count; i++) prepared.run(...row(i))
  database.exec('commit')
  database.close()
}

function plantUsers (file: string, count: number): void {
  insert(file, 'insert into users (id, username, email, email_key, created_at) values (?, ?, ?, ?, ?)', count, (i) => [randomUUIDv7(), `user-${i}`, `user-${i}@example.com`, `user-${i}@example.com`, Date.now()])
}

/** Ten for each of as many others as that takes. */
function plantSessions (file: string, count: number): void {
  const users = Array.from({ length: Math.ceil(count / 10) }, () => randomUUIDv7())
  insert(file, 'insert into users (id, username, created_at) values (?, ?, ?)', users.length, (i) => [users[i] as string, `user-${i}`, Date.now()])
  const now = Date.now()
  insert(file, 'insert into sessions (id, user_id, client_id, counter, created_at, rotated_at, last_used_at, idle_expires_at, expires_at, ip) values (?, ?, ?, 0, ?, ?, ?, ?, ?, ?)', count,
    (i) => [randomUUIDv7(), users[i % users.length] as string, 'gatehouse', now, now, now, now + 7 * day, now + 30 * day, '127.0.0.1'])
}

function plantRevocations (file: string, count: number): void {
  insert(file, 'insert into revocations (subject, subject_id, expires_at) values (\'session\', ?, ?)', count, () => [randomUUIDv7(), Date.now() + day])
}

/** Retired a moment ago, each with tokens that may still be alive. */
function plantKeys (file: string, count: number): void {
  const database = new DatabaseSync(file)
  const { active } = database.prepare('select min(signs_from) as active from signing_keys').get() as { active: number }
  database.close()
  insert(file, 'insert into signing_keys (kid, alg, public_jwk, private_key, created_at, signs_from) values (?, \'ES256\', ?, null, ?, ?)', count - 1, (i) => {
    const { crv, kty, x, y } = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' })
    // RFC 7638: the required members alone, in this order.
    const kid = createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url')
    return [kid, JSON.stringify({ kty, crv, x, y }), active - day, active - count + i]
  })
}

/** Of about that length, by roles with long names. */
async function tokenOfLength (environment: Record<string, string>, url: string, length: number): Promise<string> {
  const [bare = ''] = await tokensFor(environment, url, 1)
  // Base64 makes four characters of three, and each name of the list brings two quotes and a comma.
  const characters = Math.floor((length - bare.length) * 3 / 4)
  const roles = Array.from({ length: Math.min(mostRoles, Math.floor(characters / 20)) }, (_, i) => i)
  const size = Math.floor(characters / Math.max(1, roles.length)) - 3
  const [token = ''] = await tokensFor(environment, url, 1, { roles: roles.map((i) => String(i).padStart(size, 'r')) })
  return token
}
