import t from 'tap'
import { build } from '../support/build.ts'

interface Operation { operationId: string, summary: string, tags: string[], security?: object[], requestBody?: object, responses: Record<string, { content?: Record<string, { schema: Record<string, unknown> }> }> }
interface Description { openapi: string, servers: object[], paths: Record<string, Record<string, Operation>>, components: { schemas: Record<string, unknown>, securitySchemes: object } }

const api = 'default-src \'none\'; frame-ancestors \'none\''

async function describe (t: Parameters<typeof build>[0], environment: Record<string, string> = {}) {
  const server = await build(t, { environment })
  const reply = await server.inject('/openapi.json')
  return { server, reply, description: reply.json() as Description }
}

/** By what an operation asks for: nothing, a client's secret or a token. */
function accessOf (security: object[] | undefined): string {
  return security === undefined ? 'public' : security.some((one) => 'client' in one) ? 'client' : 'bearer'
}

const { server, reply, description } = await describe(t)

t.test('describes every route but hidden ones, as the route table has it', async (t) => {
  t.equal(description.openapi, '3.1.0')
  const described = Object.entries(description.paths).flatMap(([path, operations]) => Object.entries(operations).map(([method, { operationId, security }]) =>
    ({ method: method.toUpperCase(), url: path.replace(/\{(\w+)\}/g, ':$1'), access: accessOf(security), operation: operationId })))
  const there = server.routeTable.entries.filter(({ operation, method }) => operation !== '-' && method !== 'ANY')
  t.same(described, there.map(({ limit, access, ...route }) => ({ ...route, access: ['public', 'client'].includes(access) ? access : 'bearer' })))
  t.equal(new Set(described.map(({ operation }) => operation)).size, described.length, 'each by a name of its own')
})

const bodies = ['register', 'login', 'refresh', 'changeEmail', 'deleteAccount', 'changePassword', 'token', 'introspect', 'revoke', 'createUser', 'updateUser', 'createClient', 'rotateClientSecret', 'rotateKeys']

t.test('says of every operation what it is, takes and answers', async (t) => {
  for (const [path, operations] of Object.entries(description.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      t.match(operation, { summary: /^[A-Z].+[^.]$/, tags: [String] }, `${method} ${path}`)
      t.equal(operation.requestBody !== undefined, bodies.includes(operation.operationId))
      t.ok(Object.keys(operation.responses).some((status) => status.startsWith('2')))
    }
  }
  t.same(description.paths['/me']?.get?.security, [{ bearer: [] }])
  t.same(description.paths['/oauth/token']?.post?.security, [{ client: [] }])
  t.match(description.components.securitySchemes, { client: { type: 'http', scheme: 'basic' }, bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } })
})

t.test('says the errors in one shape, and those of OAuth in its own', async (t) => {
  const shapes = { false: ['statusCode', 'code', 'error', 'message'], true: ['error', 'error_description'] }
  for (const [isOauth, required] of Object.entries(shapes)) {
    const operations = Object.entries(description.paths).filter(([path]) => `${path.startsWith('/oauth/')}` === isOauth).flatMap(([, operations]) => Object.values(operations))
    const errors = operations.flatMap(({ responses }) => Object.entries(responses).filter(([status]) => /^[45]/.test(status)))
    t.ok(errors.length >= 6)
    for (const [, { content }] of errors) t.match(content?.['application/json']?.schema, { type: 'object', required, additionalProperties: false })
  }
})

t.test('is the same from start to start, and names the public address alone', async (t) => {
  t.equal((await describe(t)).reply.body, reply.body)
  t.same(description.servers, [{ url: 'https://auth.test' }])
  const visited = await server.inject({ url: '/openapi.json', headers: { host: 'evil.example', 'x-forwarded-host': 'evil.example' } })
  t.equal(visited.body, reply.body)
})

t.test('keeps the name of a schema that is shared', async (t) => {
  const server = await build(t, {
    extend: (app) => {
      app.addSchema({ $id: 'Shared', type: 'object', properties: { a: { type: 'string' } } })
      app.get('/shared', { config: { access: 'public' }, schema: { response: { 200: { $ref: 'Shared#' } } } }, () => ({ a: 'b' }))
    }
  })
  const description = (await server.inject('/openapi.json')).json() as Description
  t.match(description.paths['/shared']?.get?.responses['200']?.content?.['application/json']?.schema, { $ref: '#/components/schemas/Shared' })
})

t.test('serves its pages under a content policy of their own', async (t) => {
  const files = ['/documentation', '/documentation/static/swagger-initializer.js', '/documentation/static/swagger-ui-bundle.js', '/documentation/static/swagger-ui.css', '/documentation/json', '/documentation/yaml']
  for (const url of files) {
    const reply = await server.inject(url)
    t.equal(reply.statusCode, 200, url)
    const policy = String(reply.headers['content-security-policy'])
    for (const directive of ['default-src \'none\'', 'script-src \'self\'', 'base-uri \'none\'', 'form-action \'none\'', 'frame-ancestors \'none\'']) t.ok(policy.split(/; ?/).includes(directive), directive)
    t.notMatch(policy, /script-src[^;]*unsafe|https?:|\*/)
    t.equal(reply.headers['x-content-type-options'], 'nosniff')
  }
  t.notMatch((await server.inject('/documentation')).body, /https?:\/\/(?!auth\.test)/, 'nothing is loaded from elsewhere')
})

t.test('serves everything else under a policy that allows nothing', async (t) => {
  for (const url of ['/openapi.json', '/health/live', '/.well-known/jwks.json', '/protected', '/nothing', '/documentation/nothing', '/login', '/%zz']) t.equal((await server.inject(url)).headers['content-security-policy'], api, url)
})

t.test('has no pages where they are off, and a description all the same', async (t) => {
  const { server, reply } = await describe(t, { DOCUMENTATION: 'off' })
  t.equal(reply.statusCode, 200)
  for (const url of ['/documentation', '/documentation/', '/documentation/json', '/documentation/static/index.html']) t.equal((await server.inject(url)).statusCode, 404, url)
})
