import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { config, tags } from '../../schemas/admin/stated.ts'
import { AuditPage, AuditQuery } from '../../schemas/audit.ts'
import { failures } from '../../schemas/errors.ts'

/** What was done to accounts, tokens, clients and keys, and by whom. */
const audit: FastifyPluginAsyncTypebox = async (app) => {
  app.get('/admin/audit', {
    config,
    schema: {
      operationId: 'listAuditEvents', summary: 'What happened, the newest first', tags,
      querystring: AuditQuery, response: { 200: AuditPage, ...failures }
    }
  }, async (request, reply) => {
    reply.header('cache-control', 'no-store')
    return app.audit.list(request.query)
  })
}

export default audit
