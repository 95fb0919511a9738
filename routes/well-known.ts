import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { ErrorReply } from '../schemas/errors.ts'
import { JwksReply, KeyFileParams, ProviderMetadata, PublicKeyPem, ServerMetadata } from '../schemas/well-known.ts'

/** How long a verifier may keep what it read here; a key is published longer than that before it signs. */
const caching = { 'cache-control': 'public, max-age=300', 'access-control-allow-origin': '*' }

const wellKnown: FastifyPluginAsyncTypebox = async (app) => {
  app.get('/.well-known/jwks.json', {
    exposeHeadRoute: true,
    config: { access: 'public', errors: ['unavailable'] },
    schema: {
      operationId: 'jwks',
      summary: 'The public keys that tokens are checked with (RFC 7517)',
      tags: ['discovery'],
      response: { 200: JwksReply, 304: Type.Null() }
    }
  }, (request, reply) => {
    const { body, etag } = app.discovery.jwks()
    reply.headers({ ...caching, etag })
    if (app.discovery.isCurrent(request.headers['if-none-match'], etag)) reply.code(304).send(null)
    else reply.send(body)
  })

  app.get('/.well-known/keys/:file', {
    exposeHeadRoute: true,
    config: { access: 'public', errors: ['not_found', 'unavailable'] },
    schema: {
      operationId: 'keyPem',
      summary: 'One public key as PEM, for gateways that read nothing else: its key id and ".pem"',
      tags: ['discovery'],
      params: KeyFileParams,
      produces: ['application/x-pem-file'],
      response: { 200: PublicKeyPem, '4xx': ErrorReply }
    }
  }, (request, reply) => {
    const pem = app.discovery.pem(request.params.file)
    reply.headers(caching).type('application/x-pem-file').send(pem)
  })

  app.get('/.well-known/openid-configuration', {
    exposeHeadRoute: true,
    config: { access: 'public', errors: ['unavailable'] },
    schema: {
      operationId: 'providerMetadata',
      summary: 'Where verifiers of the OpenID family look for the keys (OpenID Connect Discovery)',
      tags: ['discovery'],
      response: { 200: ProviderMetadata, 503: ErrorReply }
    }
  }, (_request, reply) => { reply.headers(caching).send(app.discovery.metadata()) })

  app.get('/.well-known/oauth-authorization-server', {
    exposeHeadRoute: true,
    config: { access: 'public', errors: ['unavailable'] },
    schema: {
      operationId: 'serverMetadata',
      summary: 'What this service offers (RFC 8414)',
      tags: ['discovery'],
      response: { 200: ServerMetadata, 503: ErrorReply }
    }
  }, (_request, reply) => { reply.headers(caching).send(app.discovery.metadata()) })
}

export default wellKnown
