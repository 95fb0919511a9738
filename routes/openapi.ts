import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'

const description: FastifyPluginAsyncTypebox = async (app) => {
  app.get('/openapi.json', {
    config: { access: 'public' },
    schema: {
      operationId: 'openapi',
      summary: 'This description',
      tags: ['discovery'],
      response: { 200: Type.Object({}, { additionalProperties: true }) }
    }
  }, () => app.swagger())
}

export default description
