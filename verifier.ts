import Fastify from 'fastify'
import fp from 'fastify-plugin'
import { guard } from './plugins/access.ts'
import clock from './plugins/clock.ts'
import errors from './plugins/errors.ts'
import { createRemoteKeys } from './plugins/keys.ts'
import { createRemoteRevocations } from './plugins/revocations.ts'
import strictJson from './plugins/strict-json.ts'
import tokens from './plugins/tokens.ts'

export type { Access } from './plugins/access.ts'
export type { Identity } from './plugins/tokens.ts'

/** The registered client that asks the issuer about tokens. */
export interface IntrospectionOptions {
  clientId: string
  clientSecret: string
  /** Seconds an answer is believed; 5 by default. */
  maxAge?: number
}

export interface VerifierOptions {
  /** The `iss` of the tokens, which is Gatehouse's PUBLIC_URL. */
  issuer: string
  /** The `aud` of the tokens, which is Gatehouse's AUDIENCE. */
  audience: string
  /** Seconds clocks may differ; 5 by default. */
  clockSkew?: number
  /** Verified tokens remembered; 10,000 by default. */
  cacheSize?: number
  /**
   * Where a token that ended must be refused before its `exp`: the issuer is asked about each. Without it a token is good
   * until `exp`.
   */
  introspection?: IntrospectionOptions
  /** How the issuer is asked, for a test or a proxy. */
  fetch?: typeof fetch
  /** Milliseconds since 1970, for a test that turns the clock. */
  now?: () => number
}

/** Seconds. */
const introspectionAge = 5
const neverRevoked = { isRevoked: () => false }

/** The longest life of an access token that Gatehouse can be configured to issue, in seconds. */
const longestLifetime = 3600

/**
 * For other Fastify services: guards the routes registered after it as Gatehouse guards its own. `config.access` of each
 * says who may call it, `request.identity` who does. It opens no database; keys come from the issuer's published set.
 * Throws at start where a route does not state its access.
 */
export default fp<VerifierOptions>(async (app, { issuer, audience, clockSkew = 5, cacheSize = 10_000, introspection, fetch = globalThis.fetch, now }) => {
  // An instance of its own: of the pieces it is made of the host sees none, and whatever it calls by the same names stays its own.
  const pieces = Fastify()
  app.addHook('onClose', () => pieces.close())
  await pieces.register(clock, now === undefined ? {} : { now })
  await pieces.register(errors, {})
  await pieces.register(strictJson, { bodies: false })
  const shared = { fetch, now: pieces.clock.now, readJson: pieces.strictJson.readAnswer }
  const keys = createRemoteKeys({
    issuer,
    ...shared,
    onFailure: (error) => app.log.warn({ err: error }, 'the keys of the issuer could not be read'),
    unavailable: () => pieces.errors.create('unavailable', { cause: 'no keys of the issuer' })
  })
  await keys.search()
  const revocations = introspection === undefined ? neverRevoked : createRemoteRevocations({
    introspectionEndpoint: `${issuer}/oauth/introspect`,
    ...introspection,
    maxAge: introspection.maxAge ?? introspectionAge,
    ...shared,
    onFailure: (error) => app.log.warn({ err: error }, 'the issuer could not be asked about a token'),
    unavailable: () => pieces.errors.create('unavailable', { cause: 'the issuer does not answer' })
  })
  await pieces.register(fp(async (scope) => { scope.decorate('keys', keys as never) }, { name: 'keys' }))
  await pieces.register(fp(async (scope) => { scope.decorate('revocations', revocations as never) }, { name: 'revocations' }))
  await pieces.register(tokens, { issuer, audience, lifetime: longestLifetime, clockSkew, cacheSize })

  guard(app, pieces)
}, { name: 'gatehouse-verifier', fastify: '5.x' })
