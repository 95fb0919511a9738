import { randomUUID } from 'node:crypto'
import jwt from '@fastify/jwt'
import fp from 'fastify-plugin'
import type { OpenedSession } from './sessions.ts'
import { createVerifier, type Identity } from './tokens/verifier.ts'
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
  /** Who the token speaks for. Throws `invalid_token`, the same for every cause; the cause is for the debug log. */
  verify (token: string): Identity
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
  const { verifySignature, sign } = await registerSignatures()

  const verifier = createVerifier({
    parseJson: app.strictJson.parse,
    issuer,
    audience,
    maxLifetime: lifetime,
    clockSkew,
    now,
    keys: app.keys,
    verifySignature,
    cacheSize
  })

  /** Every call names its key. What the library would remember of tokens is switched off: its caches have had advisories. */
  async function registerSignatures () {
    const { publicPem, privatePem, alg } = app.keys.active()
    await app.register(jwt, {
      secret: { public: publicPem, private: privatePem },
      sign: { algorithm: alg },
      verify: { algorithms: [alg], cache: false, errorCacheTTL: 0 }
    })
    const clock = { clockTolerance: clockSkew * 1000, allowedIss: issuer, allowedAud: audience }
    return {
      verifySignature (token: string, key: { alg: 'ES256' | 'RS256' | 'EdDSA', publicPem: string }): void {
        app.jwt.verify(token, { key: key.publicPem, algorithms: [key.alg], clockTimestamp: now(), ...clock })
      },
      sign (claims: object): string {
        const { kid, alg, privatePem: key } = app.keys.active()
        return app.jwt.sign(claims, { key, algorithm: alg, kid, header: { alg, typ: 'at+jwt' } })
      }
    }
  }

  app.decorate('tokens', {
    issue ({ user, session }) {
      const iat = Math.floor(now() / 1000)
      const token = sign({
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
      })
      return { token, expiresIn: lifetime }
    },
    verify (token) {
      try {
        return verifier.verify(token)
      } catch (error) {
        throw app.errors.create('invalid_token', { cause: (error as { reason?: string }).reason ?? 'signature' })
      }
    }
  } satisfies Tokens)
}, { name: 'tokens', dependencies: ['clock', 'errors', 'keys', 'strict-json'], fastify: '5.x' })
