import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { ErrorReply } from '../schemas/errors.ts'
import { RegisterBody, RegisterReply } from '../schemas/register.ts'

const register: FastifyPluginAsyncTypebox = async (app) => {
  app.post('/register', {
    config: { access: 'public', limit: 'register', errors: ['weak_password', 'registration_closed', 'username_taken', 'email_taken'] },
    schema: {
      operationId: 'register',
      summary: 'Make an account',
      tags: ['accounts'],
      body: RegisterBody,
      response: { 201: RegisterReply, '4xx': ErrorReply, '5xx': ErrorReply }
    }
  }, async (request, reply) => {
    const user = await app.accounts.register(request.body, request.origin)
    return reply.code(201).header('cache-control', 'no-store').send({ message: 'User registered successfully', user })
  })
}

export default register
