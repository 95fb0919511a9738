import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { ErrorReply } from '../schemas/errors.ts'
import { LogoutQuery } from '../schemas/sessions.ts'

const logout: FastifyPluginAsyncTypebox = async (app) => {
  app.post('/logout', {
    config: { access: 'user' },
    schema: {
      operationId: 'logout',
      summary: 'End sessions, with their tokens',
      tags: ['sessions'],
      querystring: LogoutQuery,
      response: { 204: Type.Null(), '4xx': ErrorReply, '5xx': ErrorReply }
    }
  }, async (request, reply) => {
    await app.signOut.logout(request.identity, request.query.scope, request.origin)
    return reply.code(204).send(null)
  })
}

export default logout
