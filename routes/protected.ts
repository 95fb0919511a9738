import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { ErrorReply } from '../schemas/errors.ts'
import { ProtectedReply } from '../schemas/protected.ts'

const guarded: FastifyPluginAsyncTypebox = async (app) => {
  app.get('/protected', {
    config: { access: 'user' },
    schema: {
      operationId: 'protected',
      summary: 'A resource for anyone who is signed in',
      tags: ['gateway'],
      response: { 200: ProtectedReply, '4xx': ErrorReply, '5xx': ErrorReply }
    }
  }, (request, reply) => {
    reply.send({ message: `Hello, ${request.identity.username}! This is a protected resource.` })
  })
}

export default guarded
