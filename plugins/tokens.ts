import { randomUUID } from 'node:crypto'
import jwt from '@fastify/jwt'
import fp from 'fastify-plugin'
import type { OpenedSession } from './sessions.ts'
import { type AccessTokenClaims, createReader, TokenRejected } from './tokens/reader.ts'
import type { UserRecord } from './users.ts'

declare module 'fastify' {
  interface FastifyInstance {
    tokens: Tokens
  }
}

/** Who a verified token speaks for. */
export interface Identity {
  /** The token's subject: a user's id. */
  userId: string
  username: string
  sessionId: string
  clientId: string
  roles: readonly string[]
  scopes: readonly string[]
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
}

export default fp<TokensOptions>(async (app, { issuer, audience, lifetime, clockSkew }) => {
  // Every call names its key. What the library would remember of tokens is switched off: its caches have had advisories.
  const { publicPem, privatePem } = app.keys.active()
  await app.register(jwt, {
    secret: { private: privatePem, public: publicPem },
    sign: { algorithm: 'ES256' },
    verify: { algorithms: ['ES256'], cache: false, errorCacheTTL: 0 }
  })

  const { now } = app.clock
  const reader = createReader({ parseJson: app.strictJson.parse, issuer, audience, maxLifetime: lifetime, clockSkew, now })

  function verifySignature (token: string): AccessTokenClaims {
    const { alg, kid, claims } = reader.read(token)
    const key = app.keys.find(kid)
    if (key === undefined || key.alg !== alg) throw new Error('key')
    app.jwt.verify(token, { key: key.publicPem, algorithms: [alg], allowedIss: issuer, allowedAud: audience, clockTimestamp: now(), clockTolerance: clockSkew * 1000 })
    return claims
  }

  app.decorate('tokens', {
    issue ({ user, session }) {
      const { kid, alg, privatePem: key } = app.keys.active()
      const iat = Math.floor(now() / 1000)
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
        return identityOf(verifySignature(token))
      } catch (error) {
        throw app.errors.create('invalid_token', { cause: error instanceof TokenRejected ? error.reason : 'signature' })
      }
    }
  } satisfies Tokens)
}, { name: 'tokens', dependencies: ['clock', 'errors', 'keys', 'strict-json'], fastify: '5.x' })

function identityOf (claims: AccessTokenClaims): Identity {
  return {
    userId: claims.sid === undefined ? '' : claims.sub,
    username: claims.preferred_username ?? '',
    sessionId: claims.sid ?? '',
    clientId: claims.client_id,
    roles: claims.roles,
    scopes: claims.scope === '' ? [] : claims.scope.split(' ')
  }
}
