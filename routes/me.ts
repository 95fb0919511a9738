import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { ErrorReply } from '../schemas/errors.ts'
import { EmailChange, PasswordChange, PasswordProof } from '../schemas/me.ts'
import { SessionList, SessionParams } from '../schemas/sessions.ts'
import { User } from '../schemas/users.ts'

const failures = { '4xx': ErrorReply, '5xx': ErrorReply }

/** The caller's own account and sessions. */
const me: FastifyPluginAsyncTypebox = async (app) => {
  app.addHook('preHandler', async (_request, reply) => {
    reply.header('cache-control', 'no-store')
  })

  app.get('/me', {
    config: { access: 'user' },
    schema: { operationId: 'me', summary: 'The account that the token is for', tags: ['accounts'], response: { 200: User, ...failures } }
  }, (request) => app.accounts.profile(request.identity.userId))

  app.patch('/me', {
    config: { access: 'user', limit: 'register', errors: ['invalid_credentials', 'email_taken'] },
    schema: { operationId: 'changeEmail', summary: 'Set or clear the e-mail address, with the password', tags: ['accounts'], body: EmailChange, response: { 200: User, ...failures } }
  }, async (request) => {
    const user = await app.signIn.confirm(request.identity.userId, request.body.password, request.origin)
    return app.accounts.changeEmail(user, request.body.email, request.origin)
  })

  app.delete('/me', {
    config: { access: 'user', limit: 'login', errors: ['invalid_credentials', 'last_admin'] },
    schema: { operationId: 'deleteAccount', summary: 'Delete the account, with the password', tags: ['accounts'], body: PasswordProof, response: { 204: Type.Null(), ...failures } }
  }, async (request, reply) => {
    const user = await app.signIn.confirm(request.identity.userId, request.body.password, request.origin)
    await app.accounts.remove(user, request.origin)
    return reply.code(204).send(null)
  })

  app.put('/me/password', {
    config: { access: 'user', limit: 'login', errors: ['weak_password', 'invalid_credentials'] },
    schema: { operationId: 'changePassword', summary: 'Set another password; every other session ends', tags: ['accounts'], body: PasswordChange, response: { 204: Type.Null(), ...failures } }
  }, async (request, reply) => {
    const { identity, body, origin } = request
    const user = await app.signIn.confirm(identity.userId, body.current_password, origin)
    await app.accounts.changePassword(user, identity.sessionId, body.new_password, origin)
    return reply.code(204).send(null)
  })

  app.get('/me/sessions', {
    config: { access: 'user' },
    schema: { operationId: 'sessions', summary: 'The sessions of the account', tags: ['sessions'], response: { 200: SessionList, ...failures } }
  }, (request) => app.signOut.list(request.identity))

  app.delete('/me/sessions/:id', {
    config: { access: 'user', errors: ['not_found'] },
    schema: { operationId: 'endSession', summary: 'End one session of the account', tags: ['sessions'], params: SessionParams, response: { 204: Type.Null(), ...failures } }
  }, async (request, reply) => {
    await app.signOut.end(request.identity, request.params.id, request.origin)
    return reply.code(204).send(null)
  })
}

export default me
