import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { TokenAlgorithm } from '../../plugins/tokens/reader.ts'
import { segment, signSegments } from '../support/forge.ts'

export type Members = Record<string, unknown>

export interface Key {
  kid: string
  alg: TokenAlgorithm
  privateKey: KeyObject
  publicKey: KeyObject
  publicPem: string
}

/** A token as the service would issue it, with all that is needed to make another of it. */
export interface Seed {
  key: Key
  header: Members
  claims: Members
  parts: readonly [header: string, payload: string, signature: string]
  text: string
}

/** The moment of every campaign, in seconds: what is refused does not hang on when it is tried. */
export const moment = 1_763_939_500
export const expected = { issuer: 'https://auth.test', audience: 'api', maxLifetime: 600, clockSkew: 5, now: moment * 1000 }
export const algorithms: readonly TokenAlgorithm[] = ['ES256', 'RS256', 'EdDSA']

const generators: Record<TokenAlgorithm, () => { privateKey: KeyObject, publicKey: KeyObject }> = {
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 3072 }),
  EdDSA: () => generateKeyPairSync('ed25519')
}

/** A fresh key. Its id looks like a thumbprint, which is all that a verifier asks of it. */
function createKey (alg: TokenAlgorithm): Key {
  const { privateKey, publicKey } = generators[alg]()
  const publicPem = publicKey.export({ type: 'spki', format: 'pem' }) as string
  return { kid: createHash('sha256').update(publicPem).digest('base64url'), alg, privateKey, publicKey, publicPem }
}

const user = {
  iss: expected.issuer, aud: expected.audience, sub: '019aaf3e-7c1c-7c3e-9a53-0d2f6c1b2a3d', exp: moment + 500, iat: moment - 100, jti: '019aaf3e-7c1c-7c3e-9a53-0d2f6c1b2a3e',
  sid: '019aaf3e-7c1c-7c3e-9a53-0d2f6c1b2a3f', client_id: 'gatehouse', scope: '', roles: [], preferred_username: 'alice'
}
const { sid: _sid, preferred_username: _username, ...client } = { ...user, sub: 'billing', client_id: 'billing', jti: '019aaf3e-7c1c-7c3e-9a53-0d2f6c1b2a41' }
const kinds = [user, { ...user, aud: ['orders', 'api'], scope: 'read orders:write', roles: ['admin', 'editor'], nbf: moment, jti: '019aaf3e-7c1c-7c3e-9a53-0d2f6c1b2a40' }, client]

function createSeed (key: Key, claims: Members): Seed {
  const header = { alg: key.alg, kid: key.kid, typ: 'at+jwt' }
  const text = signSegments(segment(header), segment(claims), key)
  return { key, header, claims, text, parts: text.split('.') as unknown as Seed['parts'] }
}

/** For each algorithm the key that signs and the next one: what a verifier trusts. */
export const keys: readonly Key[] = algorithms.flatMap((alg) => [createKey(alg), createKey(alg)])
/** Keys of nobody that is trusted, one for each algorithm. */
export const strangers: readonly Key[] = algorithms.map(createKey)

/** For each algorithm a token of a user, one with all there can be in it, and one of a client, the last under the next key. */
export const seeds: readonly Seed[] = algorithms.flatMap((alg) => {
  const [active, next] = keys.filter((key) => key.alg === alg) as [Key, Key]
  return kinds.map((claims) => createSeed(claims === client ? next : active, claims))
})
