import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import type { FastifyRequest } from 'fastify'
import { ClientList, ClientParams, ClientWithSecret, NewClient, SecretChange } from '../../schemas/admin/clients.ts'
import { ErrorReply } from '../../schemas/errors.ts'

const failures = { '4xx': ErrorReply, '5xx': ErrorReply }
const config = { access: { role: 'admin' } } as const
const tags = ['administration']

const clients: FastifyPluginAsyncTypebox = async (app) => {
  app.addHook('preHandler', async (_request, reply) => {
    reply.header('cache-control', 'no-store')
  })

  app.post('/admin/clients', {
    config,
    schema: { operationId: 'createClient', summary: 'Register a client; its secret is told this once', tags, body: NewClient, response: { 201: ClientWithSecret, ...failures } }
  }, async (request, reply) => {
    const { name, scopes = [] } = request.body
    const { client, secret } = await app.clients.create(name, scopes, by(request))
    return reply.code(201).send({ ...shown(client), client_secret: secret })
  })

  app.get('/admin/clients', {
    config,
    schema: { operationId: 'listClients', summary: 'Every registered client', tags, response: { 200: ClientList, ...failures } }
  }, async () => ({ clients: (await app.clients.list()).map(shown) }))

  app.post('/admin/clients/:id/secret', {
    config: { ...config, errors: ['not_found'] },
    schema: { operationId: 'rotateClientSecret', summary: 'Give a client a new secret, told this once', tags, params: ClientParams, body: SecretChange, response: { 200: ClientWithSecret, ...failures } }
  }, async (request) => {
    const { overlap = 0 } = request.body
    const { client, secret } = await app.clients.rotate(request.params.id, overlap, by(request))
    return { ...shown(client), client_secret: secret }
  })

  app.delete('/admin/clients/:id', {
    config: { ...config, errors: ['not_found'] },
    schema: { operationId: 'deleteClient', summary: 'Delete a client, with its tokens', tags, params: ClientParams, response: { 204: Type.Null(), ...failures } }
  }, async (request, reply) => {
    await app.clients.remove(request.params.id, by(request))
    return reply.code(204).send(null)
  })
}

function by ({ identity, origin }: Pick<FastifyRequest, 'identity' | 'origin'>) {
  return { actor: identity.userId, origin }
}

function shown ({ id, name, scopes, createdAt }: { id: string, name: string, scopes: string[], createdAt: number }) {
  return { client_id: id, name, scopes, created_at: new Date(createdAt).toISOString() }
}

export default clients
