import { createHash } from 'node:crypto'
import fp from 'fastify-plugin'
import type { Jwk } from './keys.ts'

declare module 'fastify' {
  interface FastifyInstance {
    discovery: Discovery
  }
}

interface Metadata {
  issuer: string
  jwks_uri: string
  response_types_supported: string[]
  grant_types_supported: string[]
  token_endpoint_auth_methods_supported: string[]
  subject_types_supported: string[]
  id_token_signing_alg_values_supported: string[]
}

export interface Discovery {
  /** RFC 8414 and OpenID Connect Discovery: what is really there, by addresses below the issuer. */
  metadata (): Metadata
  /** The published keys as they go out, with an entity tag of exactly these bytes (RFC 9110, section 8.8.3). */
  jwks (): { body: { keys: Jwk[] }, etag: string }
  /** Whether an If-None-Match header names this entity tag (RFC 9110, section 13.1.2). */
  isCurrent (ifNoneMatch: string | undefined, etag: string): boolean
  /** A published key as PEM, by the name `{kid}.pem`. Throws `not_found`. */
  pem (file: string): string
}

export default fp<{ issuer: string }>(async (app, { issuer }) => {
  app.decorate('discovery', {
    metadata: () => ({
      issuer,
      jwks_uri: `${issuer}/.well-known/jwks.json`,
      response_types_supported: [],
      grant_types_supported: [],
      token_endpoint_auth_methods_supported: [],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: [...new Set(app.keys.jwks().keys.map(({ alg }) => alg))]
    }),
    jwks () {
      const body = app.keys.jwks()
      return { body, etag: `"${createHash('sha256').update(JSON.stringify(body)).digest('base64url')}"` }
    },
    isCurrent: (ifNoneMatch = '', etag) => ifNoneMatch.split(',').some((tag) => [etag, `W/${etag}`, '*'].includes(tag.trim())),
    pem (file) {
      const key = file.endsWith('.pem') ? app.keys.find(file.slice(0, -'.pem'.length)) : undefined
      if (key === undefined) throw app.errors.create('not_found')
      return key.publicPem
    }
  } satisfies Discovery)
}, { name: 'discovery', dependencies: ['errors', 'keys'], fastify: '5.x' })
