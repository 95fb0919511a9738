import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'

const description: FastifyPluginAsyncTypebox = async (app) => {
  app.get('/openapi.json', {
    exposeHeadRoute: true,
    config: { access: 'public' },
    schema: {
      operationId: 'openapi',
      summary: 'This description',
      tags: ['discovery'],
      response: { 200: Type.Object({}, { additionalProperties: true }) }
    }
  }, () => app.openapi.describe())

  for (const url of ['/documentation', '/documentation/*']) {
    app.get(url, { config: { access: 'public' }, schema: { hide: true } }, async (request, reply) => {
      const { status, headers: { 'content-type': type = 'text/plain', ...headers }, body } = await app.openapi.page(request.url)
      const isKnown = headers['etag'] !== undefined && request.headers['if-none-match'] === headers['etag']
      return isKnown ? reply.code(304).headers(headers).send() : reply.code(status).headers(headers).type(type).send(body)
    })
  }
}

export default description
