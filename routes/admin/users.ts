import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { NoQuery } from '../../schemas/admin/no-query.ts'
import { config, tags } from '../../schemas/admin/stated.ts'
import { AdminUser, NewUser, UserChange, UserPage, UserParams, UserQuery } from '../../schemas/admin/users.ts'
import { failures } from '../../schemas/errors.ts'
import { SessionList } from '../../schemas/sessions.ts'

const users: FastifyPluginAsyncTypebox = async (app) => {
  app.addHook('preHandler', async (_request, reply) => {
    reply.header('cache-control', 'no-store')
  })

  app.get('/admin/users', {
    config,
    schema: { operationId: 'listUsers', summary: 'Users, by name, address, role and state', tags, querystring: UserQuery, response: { 200: UserPage, ...failures } }
  }, (request) => app.administration.listUsers(request.query))

  app.post('/admin/users', {
    config: { ...config, errors: ['weak_password', 'username_taken', 'email_taken', 'overloaded'] },
    schema: { operationId: 'createUser', summary: 'Make an account for somebody', tags, querystring: NoQuery, body: NewUser, response: { 201: AdminUser, ...failures } }
  }, async (request, reply) => reply.code(201).send(await app.administration.createUser(request.body, request.by)))

  app.get('/admin/users/:id', {
    config: { ...config, errors: ['not_found'] },
    schema: { operationId: 'findUser', summary: 'One user', tags, querystring: NoQuery, params: UserParams, response: { 200: AdminUser, ...failures } }
  }, (request) => app.administration.findUser(request.params.id))

  app.patch('/admin/users/:id', {
    config: { ...config, errors: ['weak_password', 'not_found', 'email_taken', 'last_admin', 'overloaded'] },
    schema: { operationId: 'updateUser', summary: 'Set roles, password or e-mail address of a user, or disable one', tags, querystring: NoQuery, params: UserParams, body: UserChange, response: { 200: AdminUser, ...failures } }
  }, (request) => app.administration.updateUser(request.params.id, request.body, request.by))

  app.delete('/admin/users/:id', {
    config: { ...config, errors: ['not_found', 'last_admin'] },
    schema: { operationId: 'deleteUser', summary: 'Delete a user', tags, querystring: NoQuery, params: UserParams, response: { 204: Type.Null(), ...failures } }
  }, async (request, reply) => {
    await app.administration.deleteUser(request.params.id, request.by)
    return reply.code(204).send(null)
  })

  app.get('/admin/users/:id/sessions', {
    config: { ...config, errors: ['not_found'] },
    schema: { operationId: 'userSessions', summary: 'The sessions of a user', tags, querystring: NoQuery, params: UserParams, response: { 200: SessionList, ...failures } }
  }, async (request) => {
    const { id } = await app.administration.findUser(request.params.id)
    return app.signOut.list({ userId: id, sessionId: request.identity.sessionId })
  })

  app.delete('/admin/users/:id/sessions', {
    config: { ...config, errors: ['not_found'] },
    schema: { operationId: 'endUserSessions', summary: 'End every session of a user', tags, querystring: NoQuery, params: UserParams, response: { 204: Type.Null(), ...failures } }
  }, async (request, reply) => {
    await app.administration.endSessions(request.params.id, request.by)
    return reply.code(204).send(null)
  })
}

export default users
