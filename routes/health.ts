import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { ErrorReply } from '../schemas/errors.ts'
import { HealthReply } from '../schemas/health.ts'

/** Milliseconds the database has to answer in. */
const readyWithin = 500

const health: FastifyPluginAsyncTypebox = async (app) => {
  app.get('/health/live', {
    exposeHeadRoute: true,
    config: { access: 'public' },
    schema: {
      operationId: 'live',
      summary: 'Whether the process runs; never asks the database',
      tags: ['health'],
      response: { 200: HealthReply }
    }
  }, (_request, reply) => {
    reply.header('cache-control', 'no-store').send({ status: 'ok' })
  })

  app.get('/health/ready', {
    exposeHeadRoute: true,
    config: { access: 'public', errors: ['unavailable'] },
    schema: {
      operationId: 'ready',
      summary: 'Whether requests should be sent here',
      tags: ['health'],
      response: { 200: HealthReply, 503: ErrorReply }
    }
  }, async (_request, reply) => {
    reply.header('cache-control', 'no-store')
    if (app.drain.begun) throw app.errors.create('unavailable', { cause: 'draining' })
    await app.database.ping(readyWithin)
    return { status: 'ok' as const }
  })
}

export default health
