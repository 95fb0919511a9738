import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import Fastify, { type FastifyInstance, type RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import { ErrorReply } from '../schemas/errors.ts'
import { OauthErrorReply } from '../schemas/oauth.ts'
import { answersOf, type FailureCode, failuresOf, general, type Stated } from './openapi/failures.ts'
import { exampleOf, resolve, type Schema, share } from './openapi/schemas.ts'

declare module 'fastify' {
  interface FastifyInstance {
    openapi: Openapi
  }
  interface FastifyContextConfig {
    /** What a route may be answered beside what follows from its access, limit, body and query. */
    errors?: readonly FailureCode[]
  }
}

export interface Openapi {
  /** The description of every route (OpenAPI 3.1). */
  describe (): Promise<object>
  /** What is at an address below /documentation, whole. Throws `not_found` where nothing is, or where the pages are off. */
  page (url: string): Promise<Page>
}

export interface Page {
  status: number
  headers: Record<string, string>
  body: Buffer
}

export interface OpenapiOptions {
  publicUrl: string
  /** Whether the pages at /documentation are served. */
  pages: boolean
}

interface Media { schema: Schema, example?: unknown }
interface Answer { description: string, content?: Record<string, Media> }
interface Operation { operationId?: string, parameters?: Array<{ required?: boolean, schema: Schema }>, requestBody?: { required?: boolean, content: Record<string, Media> }, responses: Record<string, Answer> }
interface Description { paths?: Record<string, Record<string, Operation>>, components?: { schemas?: Record<string, Schema> } }

const successes: Readonly<Record<string, string>> = { 200: 'It is so', 201: 'It was made', 202: 'It has begun', 204: 'It is done', 304: 'What was read before is still so' }

/** Where the pages are, and what the package makes of them; the rest are its files. */
const prefix = '/documentation'
const made = ['', '/', '/json', '/yaml', '/static/swagger-initializer.js']
/** What of the pages' headers goes out. */
const told = ['content-type', 'content-security-policy', 'cache-control', 'etag', 'location']

/**
 * The description of the interface, made from the routes' schemas, and its pages. What makes them is loaded when somebody
 * asks: a Fastify of their own, which has the routes and answers none of them.
 */
export default fp<OpenapiOptions>(async (app, { publicUrl, pages }) => {
  const routes: RouteOptions[] = []
  const stated = new Map<string, Stated>()
  let described: Promise<FastifyInstance> | null = null
  /** By their paths, in the one spelling of each: one copy for all who ask. */
  const shown = new Map<string, Promise<Page>>()
  const known = new Set(pages ? pagePaths() : [])
  app.addHook('onRoute', (route) => { routes.push(route) })
  app.addHook('onClose', async () => { await described?.then((server) => server.close(), () => {}) })

  app.decorate('openapi', {
    describe: async () => (await description()).swagger(),
    async page (url) {
      const [path = ''] = url.split('?')
      if (!known.has(path)) throw app.errors.create('not_found')
      const page = shown.get(path) ?? load(path)
      shown.set(path, page)
      return page.catch((error) => {
        shown.delete(path)
        throw error
      })
    }
  } satisfies Openapi)

  async function load (path: string): Promise<Page> {
    const { statusCode: status, headers, rawPayload: body } = await (await description()).inject(path)
    if (status >= 400) throw app.errors.create('unavailable', { cause: 'unreadable' })
    return { status, headers: Object.fromEntries(told.filter((name) => headers[name] !== undefined).map((name) => [name, String(headers[name])])), body }
  }

  function description (): Promise<FastifyInstance> {
    // Loading takes descriptors, of which there may be none for now.
    described ??= describe().catch((cause) => {
      described = null
      throw app.errors.create('unavailable', { cause })
    })
    return described
  }

  async function describe (): Promise<FastifyInstance> {
    const [{ default: swagger }, { default: swaggerUi }] = await Promise.all([import('@fastify/swagger'), import('@fastify/swagger-ui')])
    const server = Fastify({ exposeHeadRoutes: false })
    for (const method of app.supportedMethods) if (!server.supportedMethods.includes(method)) server.addHttpMethod(method, { hasBody: true })
    server.setValidatorCompiler(() => () => true).setSerializerCompiler(() => JSON.stringify)
    for (const schema of Object.values(app.getSchemas())) server.addSchema(schema)
    await server.register(swagger, options)
    if (pages) await server.register(swaggerUi, { routePrefix: prefix, staticCSP: pagesPolicy })
    for (const { method, url, schema, config } of routes) if (!schema?.hide) server.route({ method, url, ...schema !== undefined && { schema }, ...config !== undefined && { config }, handler: () => '' })
    await server.ready()
    return server
  }

  const options: FastifyDynamicSwaggerOptions = {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Gatehouse',
        description: `Registers users, signs them in and issues JWT bearer tokens. Any call may also be answered, in the shape of ErrorReply or at /oauth in that of OauthErrorReply: ${general.join(', ')}.`,
        version: '1',
        license: { name: 'MIT', identifier: 'MIT' }
      },
      servers: [{ url: publicUrl }],
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' }, client: { type: 'http', scheme: 'basic' } } }
    },
    refResolver: { buildLocalReference: ({ $id }) => String($id) },
    transform: ({ schema, url, route }) => {
      const access = accessOf(route)
      if (schema?.operationId !== undefined) {
        stated.set(schema.operationId, { access, limit: route.config?.limit ?? null, hasBody: schema.body !== undefined, hasQuery: schema.querystring !== undefined, errors: route.config?.errors ?? [] })
      }
      return { url, schema: { ...withoutIds(schema), security: access === 'public' ? [] : [access === 'client' ? { client: [] } : { bearer: [] }] } }
    },
    transformObject: (document) => 'openapiObject' in document ? complete(document.openapiObject as Description) as never : document.swaggerObject
  }

  /** Names what has a name once, and says of every operation what it may fail with, with an example of all that goes in or out. */
  function complete ({ paths = {}, components = {}, ...description }: Description): Description {
    const shared = new Map<string, Schema>()
    share([ErrorReply, OauthErrorReply], shared)
    const described = Object.fromEntries(Object.entries(paths).map(([path, operations]) => [path, Object.fromEntries(Object.entries(operations).map(([method, operation]) => [method, completeOne(share(operation, shared), shared)]))]))
    return { ...description, paths: described, components: { ...components, schemas: { ...components.schemas, ...Object.fromEntries([...shared].sort(([one], [other]) => one < other ? -1 : 1)) } } }
  }

  function completeOne ({ requestBody, responses, parameters, ...operation }: Operation, shared: ReadonlyMap<string, Schema>): Operation {
    const { access, ...rest } = stated.get(operation.operationId ?? '') ?? { access: 'public', limit: null, hasBody: false, hasQuery: false, errors: [] }
    const exemplified = (content: Record<string, Media>) => Object.fromEntries(Object.entries(content).map(([type, { schema, example = exampleOf(schema, shared) }]) => [type, { schema, example }]))
    // A call whose members are all optional may come without a body.
    const needsBody = (content: Record<string, Media>) => Object.values(content).some(({ schema }) => (resolve(schema, shared).required ?? []).length > 0)
    const good = Object.entries(responses).filter(([status]) => /^[23]/.test(status)).map(([status, { description, content, ...answer }]) => [status, {
      ...answer, description: description === 'Default Response' ? successes[status] ?? description : description, ...content !== undefined && { content: exemplified(content) }
    }])
    return {
      ...operation,
      // What has a default may be left out.
      ...parameters !== undefined && { parameters: parameters.map((parameter) => parameter.schema.default === undefined ? parameter : { ...parameter, required: false }) },
      ...requestBody !== undefined && { requestBody: { ...requestBody, required: needsBody(requestBody.content), content: exemplified(requestBody.content) } },
      responses: { ...Object.fromEntries(good), ...answersOf(failuresOf({ access, ...rest }), access) }
    }
  }
}, { name: 'openapi', dependencies: ['errors'], fastify: '5.x' })

/** Whatever else somebody asks for is not looked for: that would cost more than to show a page. */
function pagePaths (): string[] {
  const files = readdirSync(join(dirname(fileURLToPath(import.meta.resolve('@fastify/swagger-ui'))), 'static'))
  return [...made, ...files.map((name) => `/static/${name}`)].map((path) => prefix + path)
}

function accessOf ({ config }: RouteOptions): Stated['access'] {
  const access = config?.access ?? 'public'
  return typeof access === 'string' ? access : 'right'
}

/** The library would put what has an `$id` where it thinks best. */
function withoutIds<T> (value: T): T {
  if (Array.isArray(value)) return value.map(withoutIds) as T
  if (typeof value !== 'object' || value === null) return value
  const { $id, ...members } = value as Schema
  return Object.fromEntries(Object.entries($id === undefined ? members : { title: $id, ...members }).map(([name, member]) => [name, withoutIds(member)])) as T
}

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
