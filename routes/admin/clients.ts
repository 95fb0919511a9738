import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { ClientList, ClientParams, ClientWithSecret, NewClient, SecretChange } from '../../schemas/admin/clients.ts'
import { NoQuery } from '../../schemas/admin/no-query.ts'
import { config, tags } from '../../schemas/admin/stated.ts'
import { failures } from '../../schemas/errors.ts'

const clients: FastifyPluginAsyncTypebox = async (app) => {
  app.addHook('preHandler', async (_request, reply) => {
    reply.header('cache-control', 'no-store')
  })

  app.post('/admin/clients', {
    config,
    schema: { operationId: 'createClient', summary: 'Register a client; its secret is told this once', tags, querystring: NoQuery, body: NewClient, response: { 201: ClientWithSecret, ...failures } }
  }, async (request, reply) => {
    const { name, scopes = [] } = request.body
    const { client, secret } = await app.clients.create(name, scopes, request.by)
    return reply.code(201).send({ ...shown(client), client_secret: secret })
  })

  app.get('/admin/clients', {
    config,
    schema: { operationId: 'listClients', summary: 'Every registered client', tags, querystring: NoQuery, response: { 200: ClientList, ...failures } }
  }, async () => ({ clients: (await app.clients.list()).map(shown) }))

  app.post('/admin/clients/:id/secret', {
    config: { ...config, errors: ['not_found'] },
    schema: { operationId: 'rotateClientSecret', summary: 'Give a client a new secret, told this once', tags, querystring: NoQuery, params: ClientParams, body: SecretChange, response: { 200: ClientWithSecret, ...failures } }
  }, async (request) => {
    const { overlap = 0 } = request.body
    const { client, secret } = await app.clients.rotate(request.params.id, overlap, request.by)
    return { ...shown(client), client_secret: secret }
  })

  app.delete('/admin/clients/:id', {
    config: { ...config, errors: ['not_found'] },
    schema: { operationId: 'deleteClient', summary: 'Delete a client, with its tokens', tags, querystring: NoQuery, params: ClientParams, response: { 204: Type.Null(), ...failures } }
  }, async (request, reply) => {
    await app.clients.remove(request.params.id, request.by)
    return reply.code(204).send(null)
  })
}

function shown ({ id, name, scopes, createdAt }: { id: string, name: string, scopes: string[], createdAt: number }) {
  return { client_id: id, name, scopes, created_at: new Date(createdAt).toISOString() }
}

export default clients
