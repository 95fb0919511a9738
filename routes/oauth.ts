import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { GrantReply, Introspection, OauthErrorReply, TokenForm, TokenQueryForm } from '../schemas/oauth.ts'

const failures = { '4xx': OauthErrorReply, '5xx': OauthErrorReply }
const consumes = ['application/x-www-form-urlencoded']

/** What registered clients call: every route is theirs alone. */
const oauth: FastifyPluginAsyncTypebox = async (app) => {
  app.oauth.speak(app)
  await app.register(async (below) => {
    below.setNotFoundHandler(() => { throw app.errors.create('not_found') })
  }, { prefix: '/oauth' })

  app.post('/oauth/token', {
    config: { access: 'client', errors: ['invalid_grant', 'unsupported_grant_type', 'invalid_scope'] },
    schema: { operationId: 'token', summary: 'A token for a client, or for a refresh token (RFC 6749)', tags: ['oauth'], consumes, body: TokenForm, response: { 200: GrantReply, ...failures } }
  }, (request) => app.oauth.grant(request.client, request.body, request.origin))

  app.post('/oauth/introspect', {
    config: { access: 'client' },
    schema: { operationId: 'introspect', summary: 'What a token is worth now (RFC 7662)', tags: ['oauth'], consumes, body: TokenQueryForm, response: { 200: Introspection, ...failures } }
  }, (request) => app.oauth.introspect(request.body.token))

  app.post('/oauth/revoke', {
    config: { access: 'client', errors: ['unauthorized_client'] },
    schema: { operationId: 'revoke', summary: 'End a token and its session (RFC 7009)', tags: ['oauth'], consumes, body: TokenQueryForm, response: { 200: Type.Unsafe<undefined>(Type.Null()), ...failures } }
  }, async (request, reply) => {
    await app.oauth.revoke(request.body.token, request.client, request.origin)
    return reply.send(undefined)
  })
}

export default oauth
