import { createConfig, lintFromString } from '@redocly/openapi-core'
import { Ajv } from 'ajv'
import t from 'tap'
import { errors } from '../../schemas/errors.ts'
import { oauthErrors } from '../../schemas/oauth.ts'
import { build } from '../support/build.ts'
import { type Description as Checked, createCheck } from '../support/description.ts'

interface Media { schema: { $ref?: string }, example?: unknown, examples?: Record<string, { value: unknown }> }
interface Operation { operationId: string, summary: string, tags: string[], security: object[], parameters?: Array<{ name: string, required: boolean }>, requestBody?: { required: boolean, content: Record<string, Media> }, responses: Record<string, { description: string, content?: Record<string, Media> }> }
interface Description { openapi: string, info: { description: string }, servers: object[], paths: Record<string, Record<string, Operation>>, components: { schemas: Record<string, unknown>, securitySchemes: object } }

const api = 'default-src \'none\'; frame-ancestors \'none\''

async function describe (t: Parameters<typeof build>[0], environment: Record<string, string> = {}) {
  const server = await build(t, { environment })
  const reply = await server.inject('/openapi.json')
  return { server, reply, description: reply.json() as Description }
}

/** By what an operation asks for: nothing, a client's secret or a token. */
function accessOf (security: object[]): string {
  return security.length === 0 ? 'public' : security.some((one) => 'client' in one) ? 'client' : 'bearer'
}

const { server, reply, description } = await describe(t)

t.test('describes every route but hidden ones, as the route table has it', async (t) => {
  t.equal(description.openapi, '3.1.0')
  const described = Object.entries(description.paths).flatMap(([path, operations]) => Object.entries(operations).map(([method, { operationId, security }]) =>
    ({ method: method.toUpperCase(), url: path.replace(/\{(\w+)\}/g, ':$1'), access: accessOf(security), operation: operationId })))
  const there = server.routeTable.entries.filter(({ operation, method }) => operation !== '-' && !['ANY', 'HEAD'].includes(method))
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

t.test('lists every failure of every operation, each with an example in the words of the registry', async (t) => {
  const registry: Record<string, { status: number }> = { ...oauthErrors, ...errors }
  for (const [path, operations] of Object.entries(description.paths)) {
    for (const [method, { responses, security }] of Object.entries(operations)) {
      const failures = Object.entries(responses).filter(([status]) => !/^[23]/.test(status))
      if (accessOf(security) !== 'public') t.ok(failures.some(([status]) => status === '401'), `${method} ${path}`)
      for (const [status, { content = {} }] of failures) {
        const { schema, examples = {} } = content['application/json'] as Media
        t.equal(schema.$ref, `#/components/schemas/${path.startsWith('/oauth/') ? 'OauthErrorReply' : 'ErrorReply'}`)
        for (const code of Object.keys(examples)) t.equal(registry[code]?.status, Number(status), `${method} ${path} ${code}`)
      }
    }
  }
  const failuresOf = (path: string, method: string) => Object.values(description.paths[path]?.[method]?.responses ?? {}).flatMap(({ content }) => Object.keys(content?.['application/json']?.examples ?? {}))
  t.same(failuresOf('/login', 'post'), ['invalid_request', 'invalid_credentials', 'payload_too_large', 'unsupported_media_type', 'too_many_attempts', 'overloaded', 'unavailable'])
  const said = [...JSON.stringify(description).matchAll(/"code":"(\w+)"/g)].map(([, code]) => code)
  const anywhere = description.info.description.split(/\W+/)
  t.same(Object.keys(errors).filter((code) => !said.includes(code) && !anywhere.includes(code)), [], 'no error of the registry is left out')
})

t.test('has an example of all that goes in and out, made of no fallback, that fits its schema', async (t) => {
  const ajv = new Ajv({ strict: false, validateFormats: false, schemas: { openapi: description as object } })
  const media = Object.values(description.paths).flatMap((operations) => Object.values(operations)).flatMap(({ operationId, requestBody, responses }) =>
    [...Object.values(requestBody?.content ?? {}), ...Object.values(responses).flatMap(({ content = {} }) => Object.values(content))].map((one) => ({ operationId, ...one })))
  t.ok(media.length > 50)
  for (const { operationId, schema, example, examples } of media) {
    const validate = ajv.compile(schema.$ref === undefined ? schema : { $ref: `openapi${schema.$ref}` })
    for (const one of [example, ...Object.values(examples ?? {}).map(({ value }) => value)].filter((one) => one !== undefined)) {
      t.ok(validate(one), operationId, { errors: validate.errors, one })
      t.notMatch(JSON.stringify(one), /"text"/, operationId)
    }
    t.ok(example !== undefined || examples !== undefined, operationId)
  }
})

t.test('takes these members and no other: no hint, no question and no end of a password among them', async (t) => {
  const taken = Object.values(description.paths).flatMap((operations) => Object.values(operations)).flatMap(({ operationId, requestBody }) =>
    Object.values(requestBody?.content ?? {}).map(({ schema: { $ref = '' } }) => [operationId, Object.keys((description.components.schemas[$ref.slice('#/components/schemas/'.length)] as { properties: object }).properties).sort().join(' ')]))
  t.strictSame(Object.fromEntries(taken), {
    register: 'email password username',
    login: 'password username',
    refresh: 'refresh_token',
    changeEmail: 'email password',
    deleteAccount: 'password',
    changePassword: 'current_password new_password',
    token: 'grant_type refresh_token scope',
    introspect: 'token token_type_hint',
    revoke: 'token token_type_hint',
    createUser: 'email password roles username',
    updateUser: 'disabled email password roles',
    createClient: 'name scopes',
    rotateClientSecret: 'overlap',
    rotateKeys: 'now'
  })
})

t.test('asks for nothing that may be left out', async (t) => {
  t.match(description.paths['/logout']?.post?.parameters, [{ name: 'scope', required: false }])
  t.equal(description.paths['/login']?.post?.requestBody?.required, true)
  t.equal(description.paths['/admin/keys/rotate']?.post?.requestBody?.required, false)
})

t.test('passes a linter that knows nothing of it', async (t) => {
  const config = await createConfig({
    extends: ['recommended-strict'],
    // Some calls need nothing and have nothing that could be wrong; the address is where the service is, which may be here.
    rules: { 'operation-4xx-response': 'off', 'no-server-example.com': 'off' }
  })
  const problems = await lintFromString({ source: reply.body, absoluteRef: '/openapi.json', config })
  t.same(problems.map(({ ruleId, message, location }) => `${ruleId}: ${message} ${location[0]?.pointer}`), [])
  const broken = await lintFromString({ source: reply.body.replace('"operationId":"login"', '"operationId":"me"'), absoluteRef: '/openapi.json', config })
  t.ok(broken.some(({ ruleId }) => ruleId === 'operation-operationId-unique'), 'a fault is found')
})

t.test('is what the answers of all other tests are compared with', async (t) => {
  const check = createCheck(description as unknown as Checked)
  const ofLive = (status: number, body: object | string, type = 'application/json; charset=utf-8') => check({ operation: 'live', status, type, body: typeof body === 'string' ? body : JSON.stringify(body) })
  const notFound = { statusCode: 404, code: 'not_found', error: 'Not Found', message: 'There is nothing here' }
  t.equal(ofLive(200, { status: 'ok' }), null)
  t.equal(ofLive(404, notFound), null, 'which any call may answer')
  t.match(ofLive(200, { status: 'good' }), /^live 200: data\/status must be equal/)
  t.match(ofLive(200, { status: 'ok', more: 1 }), 'live 200: data must NOT have additional properties')
  t.match(ofLive(200, 'ok', 'text/plain'), 'live 200 is text/plain')
  t.match(ofLive(200, ''), 'live 200 has no body')
  t.match(ofLive(201, {}), 'live 201 is not described')
  t.match(ofLive(404, '', ''), 'live 404 is empty')
  t.match(ofLive(403, { ...notFound, code: 'forbidden' }), 'live 403 forbidden is not described: the route\'s config.errors has to say so')
  t.match(ofLive(404, { code: 'not_found' }), /^live 404: data must have required property/)
  t.match(check({ operation: undefined, status: 404, type: 'text/html', body: '' }), 'unknown 404 is text/html')
  t.equal(check({ operation: undefined, status: 200, type: 'text/html', body: '' }), null, 'nothing of ours')
  t.equal(check({ operation: 'a test\'s own', status: 200, type: 'text/html', body: '' }), null)
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

t.test('has one copy of a page for all who ask, and says when it is known', async (t) => {
  const [one, other] = await Promise.all([server.openapi.page('/documentation/static/swagger-ui-bundle.js'), server.openapi.page('/documentation/static/swagger-ui-bundle.js?again')])
  t.equal(one.body, other.body)
  const { etag = '' } = one.headers
  t.not(etag, '')
  const known = await server.inject({ url: '/documentation/static/swagger-ui-bundle.js', headers: { 'if-none-match': etag } })
  t.strictSame([known.statusCode, known.body, known.headers['content-type'], known.headers['content-length'], known.headers.etag], [304, '', undefined, undefined, etag])
})

t.test('serves everything else under a policy that allows nothing', async (t) => {
  for (const url of ['/openapi.json', '/health/live', '/.well-known/jwks.json', '/protected', '/nothing', '/documentation/nothing', '/login', '/%zz']) t.equal((await server.inject(url)).headers['content-security-policy'], api, url)
})

t.test('has no pages where they are off, and a description all the same', async (t) => {
  const { server, reply } = await describe(t, { DOCUMENTATION: 'off' })
  t.equal(reply.statusCode, 200)
  for (const url of ['/documentation', '/documentation/', '/documentation/json', '/documentation/static/index.html']) t.equal((await server.inject(url)).statusCode, 404, url)
})
