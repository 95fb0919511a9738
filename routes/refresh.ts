import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { ErrorReply } from '../schemas/errors.ts'
import { TokenReply } from '../schemas/login.ts'
import { RefreshBody } from '../schemas/sessions.ts'

const refresh: FastifyPluginAsyncTypebox = async (app) => {
  app.post('/refresh', {
    config: { access: 'public', limit: 'refresh', errors: ['invalid_refresh_token'] },
    schema: {
      operationId: 'refresh',
      summary: 'Go on with a session: a new pair of tokens for a refresh token',
      tags: ['sessions'],
      body: RefreshBody,
      response: { 200: TokenReply, '4xx': ErrorReply, '5xx': ErrorReply }
    }
  }, async (request, reply) => {
    const tokens = await app.signIn.withRefreshToken(request.body.refresh_token, request.origin)
    return reply.header('cache-control', 'no-store').send(tokens)
  })
}

export default refresh
