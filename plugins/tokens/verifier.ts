import { hash } from 'node:crypto'
import { createCache } from './cache.ts'
import { type AccessTokenClaims, createReader, type ReaderOptions, type TokenAlgorithm, timesHold } from './reader.ts'

/** Why a token is refused that names a key which is not trusted, or not for that algorithm. */
export const unknownKey = 'key'

/** Who a verified token speaks for. */
export interface Identity {
  /** The user's id; empty, as are the next two, where a client speaks for itself. */
  readonly userId: string
  readonly username: string
  readonly sessionId: string
  readonly clientId: string
  readonly roles: readonly string[]
  readonly scopes: readonly string[]
  /** The token's own id. */
  readonly tokenId: string
  /** Seconds since 1970. */
  readonly expiresAt: number
  /** Seconds since 1970. */
  readonly issuedAt: number
}

export interface VerificationKey {
  alg: TokenAlgorithm
  /** SPKI in PEM. */
  publicPem: string
}

/** The keys that are trusted now. */
export interface KeySource {
  find (kid: string): VerificationKey | undefined
  /** Another number whenever the set is another one. */
  readonly version: number
}

export interface VerifierOptions extends ReaderOptions {
  keys: KeySource
  /** Verifies the signature of a token with one key. Throws where it does not hold. */
  verifySignature (token: string, key: VerificationKey): void
  /** Whether the tokens of this bearer have ended; asked every time, also for a token that is remembered. */
  isRevoked (bearer: Identity, token: string): boolean
  /** Verified tokens remembered; 0 remembers none. */
  cacheSize: number
}

export interface Verifier {
  /**
   * Who `token` speaks for, if it is whole, ours and of this moment. A token seen before is known again by the SHA-256 of
   * all of it; its times are judged anew, and a change of keys forgets everything. Failures are not remembered.
   * Throws, with a `reason` where the reader found it.
   */
  verify (token: string): Identity
  /** How many tokens are remembered. */
  readonly remembered: number
  /** How many were known again since the start, and how many had to be read and verified, whatever came of it. */
  readonly lookups: Readonly<{ hit: number, miss: number }>
}

interface Known {
  claims: Pick<AccessTokenClaims, 'exp' | 'iat' | 'nbf'>
  identity: Identity
}

/** Synchronous throughout: a promise would wait behind the password hashes in libuv's pool. */
export function createVerifier (options: VerifierOptions): Verifier {
  const { keys, verifySignature, isRevoked, cacheSize, clockSkew, now } = options
  const reader = createReader(options)
  const cache = createCache<Known>(cacheSize, ({ claims }) => !timesHold(claims, now(), clockSkew))
  const lookups = { hit: 0, miss: 0 }
  let version = keys.version

  function recall (digest: string): Identity | null {
    if (version !== keys.version) {
      version = keys.version
      cache.clear()
    }
    const known = cache.get(digest)
    if (known === undefined) return null
    if (timesHold(known.claims, now(), clockSkew)) return known.identity
    cache.delete(digest)
    return null
  }

  return {
    verify (token) {
      const identity = recognise(token)
      if (isRevoked(identity, token)) throw Object.assign(new Error('token rejected'), { reason: 'revoked' })
      return identity
    },
    get remembered () { return cache.size },
    lookups
  }

  function recognise (token: string): Identity {
    const digest = hash('sha256', token, 'base64')
    const recalled = recall(digest)
    if (recalled !== null) {
      lookups.hit++
      return recalled
    }
    lookups.miss++
    const { alg, kid, claims } = reader.read(token)
    const key = keys.find(kid)
    if (key === undefined || key.alg !== alg) throw Object.assign(new Error('token rejected'), { reason: unknownKey })
    verifySignature(token, key)
    const identity = identityOf(claims)
    cache.set(digest, { claims: { exp: claims.exp, iat: claims.iat, ...claims.nbf === undefined ? {} : { nbf: claims.nbf } }, identity })
    return identity
  }
}

function identityOf ({ sub, sid, client_id: clientId, preferred_username: username, roles, scope, jti, exp, iat }: AccessTokenClaims): Identity {
  return Object.freeze({
    userId: sid === undefined ? '' : sub,
    username: username ?? '',
    sessionId: sid ?? '',
    clientId,
    roles: Object.freeze(roles),
    scopes: Object.freeze(scope === '' ? [] : scope.split(' ')),
    tokenId: jti,
    expiresAt: exp,
    issuedAt: iat
  })
}
