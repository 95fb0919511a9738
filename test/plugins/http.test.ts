import { once } from 'node:events'
import Fastify from 'fastify'
import t from 'tap'
import app from '../../app.ts'
import { readConfig } from '../../config.ts'
import { alice, build } from '../support/build.ts'
import { createClient, exchange, headerOf } from '../support/http.ts'
import { dial, listen } from '../support/wire.ts'

const secure = {
  'content-security-policy': 'default-src \'none\'; frame-ancestors \'none\'',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'strict-transport-security': 'max-age=31536000'
}

const server = await build(t)
const port = await listen(server)

t.test('sends the same safe headers with every answer, and none that tells what runs here', async (t) => {
  const calls = [{ url: '/health/live' }, { url: '/nothing' }, { url: '/protected' }, { method: 'POST', url: '/login' }, { method: 'DELETE', url: '/login' }, { url: '/%zz' }, { url: '/.well-known/jwks.json' }, { method: 'POST', url: '/register', payload: alice }] as const
  for (const call of calls) {
    const { headers } = await server.inject(call)
    t.match(headers, secure, call.url)
    for (const name of ['server', 'x-powered-by', 'access-control-allow-credentials', 'set-cookie']) t.notOk(name in headers, name)
  }
  const plain = await build(t, { environment: { PUBLIC_URL: 'http://localhost:3000' } })
  t.equal((await plain.inject('/health/live')).headers['strict-transport-security'], undefined, 'nobody is sent to HTTPS where there is none')
})

t.test('sends every request\'s id back', async (t) => {
  t.equal((await server.inject({ url: '/nothing', headers: { 'x-request-id': 'from-the-gateway' } })).headers['x-request-id'], 'from-the-gateway')
  t.match((await server.inject({ url: '/nothing', headers: { 'x-request-id': 'two words' } })).headers['x-request-id'], /^[0-9a-f-]{36}$/)
})

t.test('sets every limit of a connection', async (t) => {
  t.match(server.server, { headersTimeout: 8000, requestTimeout: 13_000, keepAliveTimeout: 10_000, timeout: 20_000, maxConnections: 20_000 })
})

t.test('reads bodies of 16 KiB and no more', async (t) => {
  const login = (length: number) => server.inject({ method: 'POST', url: '/login', headers: { 'content-type': 'application/json' }, payload: ' '.repeat(length) })
  t.equal((await login(16_384)).statusCode, 400)
  const reply = await login(16_385)
  t.equal(reply.statusCode, 413)
  t.equal(reply.json().code, 'payload_too_large')
})

t.test('knows one spelling of each route', async (t) => {
  const call = createClient(t, port)
  for (const path of ['/healt%68/live', '/health%2Flive', '/health/live/', '//health/live', '/Health/live', '/health/./live', '/x/../health/live', '/health/live;a=b', '/health/live%00', 'http://a/health/live']) t.equal((await call({ path })).status, 404, path)
  for (const path of ['/health/live', '/health/live?a=%2F']) t.equal((await call({ path })).status, 200, path)
})

t.test('refuses what another server might read otherwise, and hangs up', async (t) => {
  const lines = Array.from({ length: 101 }, (_, index) => `x-${index}: y\r\n`).join('')
  const cases = [
    [`GET /health/live HTTP/1.1\r\nHost: a\r\n${lines}\r\n`, 431, 'headers_too_large'], ['GET /health/live HTTP/1.1\r\n\r\n', 400, 'invalid_request'], ['GET /health/live HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400, 'invalid_request']
  ] as const
  for (const [bytes, status, code] of cases) {
    const answer = await exchange(port, bytes)
    t.equal(answer.status, status, bytes.slice(0, 60))
    t.equal(JSON.parse(answer.body).code, code)
    t.equal(headerOf(answer.headers, 'connection'), 'close')
  }
})

t.test('tells a client to go on with a body that it will take, and no other', async (t) => {
  const head = (length: string) => `POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nConnection: close\r\nExpect: 100-continue\r\n${length}\r\n\r\n`
  const body = JSON.stringify({ ...alice, username: 'nobody' })
  for (const [length, rest] of [[`Content-Length: ${body.length}`, body], ['Transfer-Encoding: chunked', `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`]] as const) {
    const { socket, received } = await dial(t, port)
    socket.write(head(length))
    await once(socket, 'data')
    t.equal(received(), 'HTTP/1.1 100 Continue\r\n\r\n', length)
    socket.write(rest)
    await once(socket, 'close')
    t.match(received(), /\r\n\r\nHTTP\/1\.1 401 Unauthorized\r\n/)
  }
  const refused = await exchange(port, head('Content-Length: 10485760'))
  t.equal(refused.status, 413, 'no 100 comes first')
  t.equal((await exchange(port, head('Content-Length: 5').replace('100-continue', 'magic'))).status, 417)
})

t.test('does not start in a server without its limits', async (t) => {
  for (const options of [{}, { exposeHeadRoutes: false }]) {
    const bare = Fastify(options)
    t.teardown(() => bare.close())
    await t.rejects(async () => { await bare.register(app, { config: readConfig({ DATABASE_URL: 'sqlite::memory:' }) }) }, { message: /^This app needs Fastify\(fastifyOptions\(config\)\)/ })
  }
})

const crossOriginOf = (headers: object) => Object.keys(headers).filter((name) => name.startsWith('access-control'))

t.test('lets no other origin\'s scripts in where none is named', async (t) => {
  for (const origin of ['https://evil.example', 'null', 'https://auth.test']) {
    for (const method of ['GET', 'OPTIONS'] as const) {
      const { headers } = await server.inject({ method, url: '/health/live', headers: { origin, 'access-control-request-method': 'POST' } })
      t.same(crossOriginOf(headers), [], `${method} from ${origin}`)
    }
  }
})

t.test('lets in scripts of the origins that are named, exactly', async (t) => {
  const server = await build(t, { environment: { CORS_ORIGINS: 'https://app.example.org, http://localhost:5173' } })
  const visit = (origin: string) => server.inject({ url: '/health/live', headers: { origin } })
  for (const origin of ['https://app.example.org', 'http://localhost:5173']) {
    const { headers } = await visit(origin)
    t.equal(headers['access-control-allow-origin'], origin)
    t.equal(headers['access-control-expose-headers'], 'retry-after, ratelimit, ratelimit-policy, www-authenticate, x-request-id')
    t.equal(headers.vary, 'Origin')
    t.match(headers, secure)
  }
  for (const origin of ['https://evil.example', 'null', 'https://app.example.org.evil.example', 'https://xapp.example.org', 'http://app.example.org', 'https://app.example.org:8443', 'HTTPS://APP.EXAMPLE.ORG']) {
    const { headers } = await visit(origin)
    t.same(crossOriginOf(headers), [], origin)
    t.equal(headers.vary, 'Origin')
  }
})

t.test('answers preflights for those, and takes any other OPTIONS for a method that is not there', async (t) => {
  const server = await build(t, { environment: { CORS_ORIGINS: 'https://app.example.org' } })
  const options = (url: string, headers: Record<string, string>) => server.inject({ method: 'OPTIONS', url, headers })
  const preflight = { origin: 'https://app.example.org', 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' }
  for (const url of ['/login', '/protected', '/nothing']) {
    const reply = await options(url, preflight)
    t.equal(reply.statusCode, 204, url)
    t.match(reply.headers, { 'access-control-allow-origin': 'https://app.example.org', 'access-control-allow-methods': 'GET, POST, PUT, PATCH, DELETE', 'access-control-allow-headers': 'authorization, content-type', 'access-control-max-age': '600' })
    t.equal(reply.headers['access-control-allow-credentials'], undefined)
  }
  for (const origin of ['https://evil.example', 'null']) {
    const { headers, statusCode } = await options('/login', { ...preflight, origin })
    t.strictSame([statusCode, headers.vary, crossOriginOf(headers)], [405, 'Origin', []], origin)
  }
  for (const headers of [{}, { origin: 'https://app.example.org' }, { 'access-control-request-method': 'POST' }]) {
    const reply = await options('/login', headers)
    t.equal(reply.statusCode, 405)
    t.same([reply.json().code, reply.headers.allow], ['method_not_allowed', 'POST'])
    t.equal((await options('/nothing', headers)).json().code, 'not_found')
  }
})

t.test('survives header names that objects have of their own', async (t) => {
  const call = createClient(t, port)
  t.equal((await call({ path: '/health/live', headers: [['__proto__', 'x'], ['constructor', 'y'], ['toString', 'z']] })).status, 200)
})
