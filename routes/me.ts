import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { ErrorReply } from '../schemas/errors.ts'
import { User } from '../schemas/users.ts'

const me: FastifyPluginAsyncTypebox = async (app) => {
  app.get('/me', {
    config: { access: 'user' },
    schema: {
      operationId: 'me',
      summary: 'The account that the token is for',
      tags: ['accounts'],
      response: { 200: User, '4xx': ErrorReply, '5xx': ErrorReply }
    }
  }, async (request, reply) => {
    reply.header('cache-control', 'no-store')
    return app.accounts.profile(request.identity.userId)
  })
}

export default me
