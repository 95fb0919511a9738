import { createHash, createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'

export type Algorithm = 'ES256' | 'RS256' | 'EdDSA'

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
  /** PKCS #8 in PEM; null once the key is retired. */
  privatePem: string | null
  /** Milliseconds since 1970. */
  createdAt: number
  /** When it begins to sign: milliseconds since 1970. */
  signsFrom: number
}

/** The least strength of an RSA key, in bits (ASVS 11.2.3). */
const rsaBits = 3072
const rsaExponent = 65_537n

const generate = promisify(generateKeyPair)

const generators: Record<Algorithm, () => Promise<{ publicKey: KeyObject, privateKey: KeyObject }>> = {
  ES256: () => generate('ec', { namedCurve: 'P-256' }),
  RS256: () => generate('rsa', { modulusLength: rsaBits }),
  EdDSA: () => generate('ed25519')
}

/** The members of a public key that its thumbprint is made of, in the order of RFC 7638 (RFC 8037 for Ed25519). */
const members: Record<Algorithm, string[]> = {
  ES256: ['crv', 'kty', 'x', 'y'],
  RS256: ['e', 'kty', 'n'],
  EdDSA: ['crv', 'kty', 'x']
}

/** A new key, whose times are for whoever stores it to say. Its id begins with a letter or digit, so that no command takes it for an option. */
export async function generateKey (alg: Algorithm): Promise<Omit<SigningKey, 'createdAt' | 'signsFrom'>> {
  const { publicKey, privateKey } = await generators[alg]()
  const key = assemble(alg, publicKey, privateKey)
  return /^[A-Za-z0-9]/.test(key.kid) ? key : generateKey(alg)
}

/**
 * A key as it was stored. Throws where it is not what it says it is: another type or curve, RSA below 3072 bits or with
 * an unusual exponent, a private part that does not belong to the public one, a wrong thumbprint.
 */
export function restoreKey (stored: Omit<SigningKey, 'publicPem'>): SigningKey {
  const publicKey = publicKeyOf(stored.publicJwk, stored.alg)
  const privateKey = stored.privatePem === null ? null : createPrivateKey(stored.privatePem)
  if (privateKey !== null && pemOf(createPublicKey(privateKey)) !== pemOf(publicKey)) throw new Error('its private part belongs to another key')
  const key = assemble(stored.alg, publicKey, privateKey)
  if (key.kid !== stored.kid) throw new Error('its id is not its thumbprint')
  return { ...key, createdAt: stored.createdAt, signsFrom: stored.signsFrom }
}

function publicKeyOf (jwk: Jwk, alg: Algorithm): KeyObject {
  const publicKey = createPublicKey({ key: jwk, format: 'jwk' })
  if (!isStrong(publicKey, alg)) throw new Error('it is too weak or of another kind than its algorithm')
  return publicKey
}

/** A published key. Throws where it cannot verify tokens: too weak, of an algorithm not known here, or a wrong thumbprint. */
export function publishedKey (jwk: Jwk): Pick<SigningKey, 'kid' | 'alg' | 'publicPem'> {
  const { kid, alg, publicPem } = assemble(jwk.alg, publicKeyOf(jwk, jwk.alg), null)
  if (kid !== jwk.kid) throw new Error('its id is not its thumbprint')
  return { kid, alg, publicPem }
}

function isStrong ({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject, alg: Algorithm): boolean {
  if (alg === 'RS256') return type === 'rsa' && (details?.modulusLength as number) >= rsaBits && details?.publicExponent === rsaExponent
  return alg === 'ES256' ? type === 'ec' && details?.namedCurve === 'prime256v1' : alg === 'EdDSA' && type === 'ed25519'
}

function assemble (alg: Algorithm, publicKey: KeyObject, privateKey: KeyObject | null): Omit<SigningKey, 'createdAt' | 'signsFrom'> {
  const jwk = publicKey.export({ format: 'jwk' }) as Record<string, string>
  const required = Object.fromEntries(members[alg].map((name) => [name, jwk[name] as string])) as { kty: string }
  const kid = createHash('sha256').update(JSON.stringify(required)).digest('base64url')
  return {
    kid,
    alg,
    publicJwk: { ...required, use: 'sig', alg, kid },
    publicPem: pemOf(publicKey),
    privatePem: privateKey?.export({ type: 'pkcs8', format: 'pem' }) as string | undefined ?? null
  }
}

function pemOf (key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' }) as string
}
