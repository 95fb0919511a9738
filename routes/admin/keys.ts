import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { KeyList, KeyParams, KeyRotation } from '../../schemas/admin/keys.ts'
import { NoQuery } from '../../schemas/admin/no-query.ts'
import { config, tags } from '../../schemas/admin/stated.ts'
import { failures } from '../../schemas/errors.ts'

const keys: FastifyPluginAsyncTypebox = async (app) => {
  app.addHook('preHandler', async (_request, reply) => {
    reply.header('cache-control', 'no-store')
  })

  app.get('/admin/keys', {
    config,
    schema: { operationId: 'listKeys', summary: 'The signing keys, and where each stands', tags, querystring: NoQuery, response: { 200: KeyList, ...failures } }
  }, async () => ({ keys: app.keys.list().map(shown) }))

  app.post('/admin/keys/rotate', {
    config,
    schema: { operationId: 'rotateKeys', summary: 'Let the next key sign as soon as it has been published for long enough', tags, querystring: NoQuery, body: KeyRotation, response: { 202: KeyList, ...failures } }
  }, async (request, reply) => {
    const keys = await app.keys.rotate(request.body, request.by)
    return reply.code(202).send({ keys: keys.map(shown) })
  })

  app.post('/admin/keys/:kid/revoke', {
    config: { ...config, errors: ['not_found'] },
    schema: { operationId: 'revokeKey', summary: 'For a stolen key: out of the key set, its tokens refused at once', tags, querystring: NoQuery, params: KeyParams, response: { 204: Type.Null(), ...failures } }
  }, async (request, reply) => {
    await app.keys.revoke(request.params.kid, request.by)
    return reply.code(204).send(null)
  })
}

function shown ({ kid, alg, state, createdAt, signsFrom, endsAt }: ReturnType<FastifyInstance['keys']['list']>[number]) {
  return { kid, alg, state, created_at: time(createdAt), signs_from: time(signsFrom), ends_at: endsAt === null ? null : time(endsAt) }
}

function time (milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}

export default keys
