import { randomUUID } from 'node:crypto'
import jwt from '@fastify/jwt'
import fastify from 'fastify'
import fp from 'fastify-plugin'
import type { AbleKey } from './keys.ts'
import type { Grant } from './sessions.ts'
import { createVerifier, type Identity, type KeySource, unknownKey, type VerificationKey } from './tokens/verifier.ts'
import type { UserRecord } from './users.ts'

export type { Identity } from './tokens/verifier.ts'

declare module 'fastify' {
  interface FastifyInstance {
    tokens: Tokens
  }
}

export interface Tokens {
  /** An access token of a user's session (RFC 9068). It lives no longer than the session. */
  issue (to: { user: Pick<UserRecord, 'id' | 'username' | 'roles'>, session: Pick<Grant, 'id' | 'clientId' | 'expiresAt'> }): IssuedToken
  /** An access token of a client's own: it speaks for no user, in no session, with the scopes asked for. */
  issueToClient (clientId: string, scopes: readonly string[]): IssuedToken
  /** The scopes that the holder of these roles gets, in the order of the alphabet. */
  scopesOf (roles: readonly string[]): string[]
  /** What a token says, if `verify` would accept it, else null. Throws `unavailable` as `verify` does. */
  inspect (token: string): Inspection | null
  /** Who the token speaks for. Throws `invalid_token`, the same for every cause (the cause is for the debug log), or `unavailable` where no key is to be had. */
  verify (token: string): Identity
  /** After `verify` threw: a promise to wait for, where keys may come that change the answer, else null. */
  news (error: unknown): Promise<void> | null
  /** What is remembered now, and how often a token was known again or not since the start. */
  cacheStatistics (): { remembered: number, hit: number, miss: number }
}

export interface IssuedToken {
  token: string
  /** Seconds. */
  expiresIn: number
}

/** A verified token's identity and what all tokens say alike. */
export interface Inspection {
  identity: Identity
  issuer: string
  audience: string
}

/** What says whether a token has ended: this service's own log, or a question to the one that issued it. */
export interface TokenRevocations {
  isRevoked (bearer: Identity, token: string): boolean
  /** Asks about a token that `isRevoked` knew nothing of. */
  ask? (tokenId: string): Promise<void>
}

/** Where the keys come from: this service's own, or those that another one publishes. */
export interface TokenKeys extends KeySource {
  active? (): AbleKey
  /** Looks for keys that were not known a moment ago; null where there is nowhere to look, or it was done a moment ago. */
  search? (): Promise<void> | null
}

export interface TokensOptions {
  issuer: string
  audience: string
  /** Seconds. */
  lifetime: number
  /** Seconds. */
  clockSkew: number
  /** Verified tokens remembered. */
  cacheSize: number
  /** What the holders of a role may do, by the role's name. */
  roleScopes?: Readonly<Record<string, readonly string[]>>
}

export default fp<TokensOptions>(async (app, { issuer, audience, lifetime, clockSkew, cacheSize, roleScopes = {} }) => {
  const { now } = app.clock
  const keys: TokenKeys = app.keys
  const revocations: TokenRevocations = app.revocations
  const times = { clockTolerance: clockSkew * 1000, allowedIss: issuer, allowedAud: audience }

  // Every verification names its key; what signs is made once for each. What the library would remember of tokens is switched off: its caches have had advisories.
  await app.register(jwt, { secret: { public: nameTheKey, private: nameTheKey }, verify: { cache: false, errorCacheTTL: 0 } })

  let signer: { key: AbleKey, sign: (claims: object) => string } | null = null

  const verifier = createVerifier({
    parseJson: app.strictJson.parse,
    issuer,
    audience,
    maxLifetime: lifetime,
    clockSkew,
    now,
    keys,
    verifySignature,
    isRevoked: revocations.isRevoked,
    cacheSize
  })

  function verifySignature (token: string, { alg, publicPem }: VerificationKey): void {
    app.jwt.verify(token, { key: publicPem, algorithms: [alg], clockTimestamp: now(), ...times })
  }

  function sign (expiresIn: number, claims: Record<string, unknown>): IssuedToken {
    const key = app.keys.active()
    if (signer?.key !== key) signer = { key, sign: signerOf(key) }
    const iat = Math.floor(now() / 1000)
    const token = signer.sign({ iss: issuer, aud: audience, exp: iat + expiresIn, iat, jti: randomUUID(), ...claims })
    return { token, expiresIn }
  }

  function scopesOf (roles: readonly string[]): string[] {
    return [...new Set(roles.flatMap((role) => Object.hasOwn(roleScopes, role) ? roleScopes[role] ?? [] : []))].sort()
  }

  app.decorate('tokens', {
    issue ({ user, session }) {
      const left = Math.max(1, Math.floor((session.expiresAt - now()) / 1000))
      return sign(Math.min(lifetime, left), {
        sub: user.id, sid: session.id, client_id: session.clientId, scope: scopesOf(user.roles).join(' '), roles: user.roles, preferred_username: user.username
      })
    },
    scopesOf,
    issueToClient: (clientId, scopes) => sign(lifetime, { sub: clientId, client_id: clientId, scope: scopes.join(' '), roles: [] }),
    inspect (token) {
      try {
        return { identity: verifier.verify(token), issuer, audience }
      } catch (error) {
        if (app.errors.isOurs(error)) throw error
        return null
      }
    },
    verify (token) {
      try {
        return verifier.verify(token)
      } catch (error) {
        if (app.errors.isOurs(error)) throw error
        throw app.errors.create('invalid_token', { cause: causeOf(error as Rejection) })
      }
    },
    news (error) {
      const { cause } = error as Error
      if (cause === unknownKey) return keys.search?.() ?? null
      return cause instanceof Unasked ? (revocations as Required<TokenRevocations>).ask(cause.tokenId) : null
    },
    cacheStatistics: () => ({ remembered: verifier.remembered, ...verifier.lookups })
  } satisfies Tokens)
}, { name: 'tokens', dependencies: ['clock', 'errors', 'keys', 'revocations', 'strict-json'], fastify: '5.x' })

interface Rejection {
  reason?: string
  tokenId?: string
}

/** A token that the issuer has to be asked about first. */
class Unasked {
  readonly tokenId: string

  constructor (tokenId: string) {
    this.tokenId = tokenId
  }
}

function causeOf ({ reason = 'signature', tokenId }: Rejection): string | Unasked {
  return tokenId === undefined ? reason : new Unasked(tokenId)
}

/**
 * What signs with this key, which is read once. Named at each call, @fastify/jwt would have it read each time, and that takes
 * as long as the signature: so it signs for an instance of its own, which serves nothing.
 */
function signerOf ({ kid, alg, privatePem }: AbleKey): (claims: object) => string {
  const holder = fastify()
  jwt(holder, { secret: { public: nameTheKey, private: privatePem }, sign: { algorithm: alg, kid, header: { alg, typ: 'at+jwt' } } }, (error) => { if (error !== undefined) throw error })
  return (claims) => holder.jwt.sign(claims)
}

function nameTheKey (): never {
  throw new Error('a token was signed or verified without naming the key')
}
