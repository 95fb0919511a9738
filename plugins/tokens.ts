import { randomUUID } from 'node:crypto'
import jwt from '@fastify/jwt'
import fp from 'fastify-plugin'
import type { AbleKey } from './keys.ts'
import type { OpenedSession } from './sessions.ts'
import { createVerifier, type Identity, type KeySource, unknownKey, type VerificationKey } from './tokens/verifier.ts'
import type { UserRecord } from './users.ts'

export type { Identity } from './tokens/verifier.ts'

declare module 'fastify' {
  interface FastifyInstance {
    tokens: Tokens
  }
}

export interface Tokens {
  /** A signed access token (RFC 9068) and the seconds it lives. */
  issue (grant: { user: UserRecord, session: OpenedSession }): { token: string, expiresIn: number }
  /** Who the token speaks for. Throws `invalid_token`, the same for every cause (the cause is for the debug log), or `unavailable` where no key is to be had. */
  verify (token: string): Identity
  /** After `verify` threw: a promise to wait for, where keys may come that change the answer, else null. */
  news (error: unknown): Promise<void> | null
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
}

export default fp<TokensOptions>(async (app, { issuer, audience, lifetime, clockSkew, cacheSize }) => {
  const { now } = app.clock
  const keys: TokenKeys = app.keys
  const times = { clockTolerance: clockSkew * 1000, allowedIss: issuer, allowedAud: audience }

  // Every call names its key. What the library would remember of tokens is switched off: its caches have had advisories.
  await app.register(jwt, { secret: { public: nameTheKey, private: nameTheKey }, verify: { cache: false, errorCacheTTL: 0 } })

  const verifier = createVerifier({
    parseJson: app.strictJson.parse,
    issuer,
    audience,
    maxLifetime: lifetime,
    clockSkew,
    now,
    keys,
    verifySignature,
    cacheSize
  })

  function verifySignature (token: string, { alg, publicPem }: VerificationKey): void {
    app.jwt.verify(token, { key: publicPem, algorithms: [alg], clockTimestamp: now(), ...times })
  }

  app.decorate('tokens', {
    issue ({ user, session }) {
      const iat = Math.floor(now() / 1000)
      const { kid, alg, privatePem: key } = app.keys.active()
      const claims = {
        iss: issuer,
        aud: audience,
        sub: user.id,
        exp: iat + lifetime,
        iat,
        jti: randomUUID(),
        sid: session.id,
        client_id: session.clientId,
        scope: '',
        roles: user.roles,
        preferred_username: user.username
      }
      return { token: app.jwt.sign(claims, { key, algorithm: alg, kid, header: { alg, typ: 'at+jwt' } }), expiresIn: lifetime }
    },
    verify (token) {
      try {
        return verifier.verify(token)
      } catch (error) {
        if (app.errors.isOurs(error)) throw error
        throw app.errors.create('invalid_token', {
          headers: { 'www-authenticate': 'Bearer realm="gatehouse", error="invalid_token"' },
          cause: (error as { reason?: string }).reason ?? 'signature'
        })
      }
    },
    news: (error) => (error as Error).cause === unknownKey ? keys.search?.() ?? null : null
  } satisfies Tokens)
}, { name: 'tokens', dependencies: ['clock', 'errors', 'keys', 'strict-json'], fastify: '5.x' })

function nameTheKey (): never {
  throw new Error('a token was signed or verified without naming the key')
}
