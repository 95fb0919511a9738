import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import fp from 'fastify-plugin'

export interface OpenapiOptions {
  publicUrl: string
  /** Whether the pages at /documentation are served. */
  pages: boolean
}

/**
 * The description of the interface, made from the routes' schemas, and its pages.
 * Comes before the guard: the pages are a library's routes, and all of them are public.
 */
export default fp<OpenapiOptions>(async (app, { publicUrl, pages }) => {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Gatehouse',
        description: 'Registers users, signs them in and issues JWT bearer tokens.',
        version: '1',
        license: { name: 'MIT', identifier: 'MIT' }
      },
      servers: [{ url: publicUrl }],
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' }, client: { type: 'http', scheme: 'basic' } } }
    },
    refResolver: { buildLocalReference: ({ $id }) => String($id) },
    transform: ({ schema, url, route }) => ({
      url,
      schema: route.config?.access === 'public' || route.config?.access === undefined ? schema : { ...schema, security: [route.config.access === 'client' ? { client: [] } : { bearer: [] }] }
    })
  })
  if (pages) await app.register(swaggerUi, { routePrefix: '/documentation', staticCSP: pagesPolicy })
}, { name: 'openapi', fastify: '5.x' })

/** The pages load their own scripts and styles and nothing from anywhere else. */
const pagesPolicy = {
  'default-src': "'none'",
  'script-src': "'self'",
  'style-src': ["'self'", "'unsafe-inline'"],
  'img-src': ["'self'", 'data:'],
  'connect-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'none'",
  'frame-ancestors': "'none'"
}
