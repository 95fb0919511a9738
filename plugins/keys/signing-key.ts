import { createHash, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'

export type Algorithm = 'ES256'

/** A public JWK as it is published (RFC 7517, section 4). */
export interface Jwk {
  kty: string
  use: 'sig'
  alg: Algorithm
  kid: string
  [member: string]: string
}

export interface SigningKey {
  /** RFC 7638 thumbprint of the public key. */
  kid: string
  alg: Algorithm
  publicJwk: Jwk
  /** SPKI in PEM, for verification and for gateways that read only PEM. */
  publicPem: string
  /** PKCS #8 in PEM. */
  privatePem: string
  /** Milliseconds since 1970. */
  createdAt: number
  /** When it begins to sign: milliseconds since 1970. */
  signsFrom: number
}

export function generateKey (alg: Algorithm, createdAt: number, signsFrom: number): SigningKey {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const publicJwk = publicJwkOf(publicKey, alg)
  return { kid: publicJwk.kid, alg, publicJwk, publicPem: pemOf(publicKey), privatePem: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, createdAt, signsFrom }
}

/** The PEM of a published JWK. */
export function pemOfJwk (jwk: Jwk): string {
  return pemOf(createPublicKey({ key: jwk, format: 'jwk' }))
}

function pemOf (key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' }) as string
}

function publicJwkOf (publicKey: KeyObject, alg: Algorithm): Jwk {
  const { kty = '', crv = '', x = '', y = '' } = publicKey.export({ format: 'jwk' }) as Record<string, string>
  const members = { crv, kty, x, y }
  return { kty, use: 'sig', alg, kid: thumbprint(members), crv, x, y }
}

/** RFC 7638: SHA-256 over the required members in alphabetical order without white space. */
function thumbprint (members: Record<string, string>): string {
  return createHash('sha256').update(JSON.stringify(members)).digest('base64url')
}
