import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { ErrorReply } from '../schemas/errors.ts'
import { LoginBody, TokenReply } from '../schemas/login.ts'

const login: FastifyPluginAsyncTypebox = async (app) => {
  app.post('/login', {
    config: { access: 'public', limit: 'login', errors: ['invalid_credentials'] },
    schema: {
      operationId: 'login',
      summary: 'Sign in with username and password',
      tags: ['sessions'],
      body: LoginBody,
      response: { 200: TokenReply, '4xx': ErrorReply, '5xx': ErrorReply }
    }
  }, async (request, reply) => {
    const tokens = await app.signIn.withPassword(request.body, request.origin)
    return reply.header('cache-control', 'no-store').send(tokens)
  })
}

export default login
