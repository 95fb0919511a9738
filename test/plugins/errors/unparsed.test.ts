import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Socket } from 'node:net'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { answerConnect, answerExpectation, unparsedOptions } from '../../../plugins/errors/unparsed.ts'
import { errors } from '../../../schemas/errors.ts'
import { oauthErrors } from '../../../schemas/oauth.ts'
import { exchange, headerOf } from '../../support/http.ts'
import { dial, listen } from '../../support/wire.ts'

const headers = { 'x-safe': 'always' }
const request = 'GET / HTTP/1.1\r\nHost: a\r\n'

/** A server with nothing of ours but these answers, and little patience. */
async function start (t: Test): Promise<number> {
  const server = Fastify({ ...unparsedOptions(headers), requestTimeout: 100, http: { headersTimeout: 100, connectionsCheckingInterval: 20, maxHeaderSize: 2048 }, routerOptions: { maxParamLength: 20 } })
  t.teardown(() => server.close())
  server.get('/', async () => 'ok')
  server.get('/part', (_request, reply) => { reply.hijack().raw.writeHead(200).write('part') })
  server.post('/', async () => 'ok')
  server.get('/of/:name', async () => 'ok')
  return listen(server)
}

t.test('answers broken HTTP in our shape, with our headers, and hangs up', async (t) => {
  const port = await start(t)
  const cases = [
    ['garbage\r\n\r\n', 'invalid_request'], [`${request}broken header\r\n\r\n`, 'invalid_request'], ['GET / HTTP/9.9\r\nHost: a\r\n\r\n', 'invalid_request'], [`${request}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`, 'invalid_request'],
    [`${request}x-long: ${'y'.repeat(4000)}\r\n\r\n`, 'headers_too_large'], [`POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1;${'x'.repeat(20_000)}\r\n`, 'payload_too_large']
  ] as const
  for (const [bytes, code] of cases) {
    const answer = await exchange(port, bytes)
    t.equal(answer.status, errors[code].status, bytes.slice(0, 40))
    t.match(JSON.parse(answer.body), { statusCode: errors[code].status, code, message: errors[code].message })
    const { connection, date, 'content-type': type, 'content-length': length, 'x-safe': safe } = Object.fromEntries(answer.headers)
    t.same([connection, type, length, safe], ['close', 'application/json; charset=utf-8', String(answer.body.length), 'always'])
    t.ok(Math.abs(Date.parse(date ?? '') - Date.now()) < 10_000)
  }
})

t.test('answers 401 to a gateway whose question cannot be read', async (t) => {
  const port = await start(t)
  const ask = (target: string, lines = '') => exchange(port, `GET ${target} HTTP/1.1\r\nHost: a\r\n${lines}\r\n`)
  for (const [target, lines] of [['/verify/caf\xe9'], ['/verify?q=caf\xe9'], ['/verify', `cookie: ${'y'.repeat(4000)}\r\n`], ['/verify', 'broken header\r\n'], ['/verify', 'Content-Length: 1\r\nTransfer-Encoding: chunked\r\n']] as const) {
    const answer = await ask(target, lines)
    t.equal(answer.status, 401, target)
    t.equal(JSON.parse(answer.body).code, 'invalid_token')
    t.match(Object.fromEntries(answer.headers), { connection: 'close', 'x-safe': 'always', 'www-authenticate': 'Bearer realm="gatehouse", error="invalid_token"' })
  }
  for (const target of ['/verifying/caf\xe9', '/x/verify/caf\xe9']) t.equal((await ask(target)).status, 400, target)
})

t.test('answers who is too slow with request_timeout', async (t) => {
  const { socket, received } = await dial(t, await start(t))
  socket.write(request)
  await once(socket, 'close')
  t.match(received(), /^HTTP\/1\.1 408 Request Timeout\r\n(?:.+\r\n)+\r\n\{.*"code":"request_timeout"/)
})

t.test('answers addresses that cannot be decoded, or are too long', async (t) => {
  const port = await start(t)
  for (const [url, code] of [['/%zz', 'invalid_request'], ['/of/%c3', 'invalid_request'], [`/of/${'x'.repeat(21)}`, 'uri_too_long']] as const) {
    const answer = await exchange(port, `GET ${url} HTTP/1.1\r\nHost: a\r\n\r\n`)
    t.equal(answer.status, errors[code].status, url)
    t.equal(JSON.parse(answer.body).code, code)
    t.equal(headerOf(answer.headers, 'x-safe'), 'always')
    t.equal(headerOf(answer.headers, 'www-authenticate'), undefined)
  }
})

t.test('answers 401 to a gateway that asks about such an address', async (t) => {
  const port = await start(t)
  for (const url of ['/verify/%zz', '/verify/a%c3?role=admin', '/verify/%']) {
    const answer = await exchange(port, `GET ${url} HTTP/1.1\r\nHost: a\r\n\r\n`)
    t.equal(answer.status, 401, url)
    t.equal(JSON.parse(answer.body).code, 'invalid_token')
    t.equal(headerOf(answer.headers, 'www-authenticate'), 'Bearer realm="gatehouse", error="invalid_token"')
    t.equal(headerOf(answer.headers, 'x-safe'), 'always')
  }
  t.equal((await exchange(port, 'GET /verifying/%zz HTTP/1.1\r\nHost: a\r\n\r\n')).status, 400)
})

t.test('answers below /oauth as RFC 6749 has it', async (t) => {
  const port = await start(t)
  for (const url of ['/oauth/%zz', '/oauth/token%']) {
    const answer = await exchange(port, `GET ${url} HTTP/1.1\r\nHost: a\r\n\r\n`)
    t.equal(answer.status, 400, url)
    t.strictSame(JSON.parse(answer.body), { error: 'invalid_request', error_description: oauthErrors.invalid_request.description }, url)
  }
  t.equal(JSON.parse((await exchange(port, 'GET /oauths/%zz HTTP/1.1\r\nHost: a\r\n\r\n')).body).code, 'invalid_request')
})

t.test('puts no second answer behind one that is on its way', async (t) => {
  const { socket, received } = await dial(t, await start(t))
  socket.write('GET /part HTTP/1.1\r\nHost: a\r\n\r\n')
  await once(socket, 'data')
  socket.write('garbage\r\n\r\n')
  await once(socket, 'close')
  t.equal(received().match(/HTTP\/1\.1/g)?.length, 1)
  t.notMatch(received(), 'invalid_request')
})

t.test('says nothing to who is gone', async (t) => {
  const { clientErrorHandler } = unparsedOptions({})
  const handle = (code: string | undefined, writable: boolean) => {
    const seen: string[] = []
    const socket = { writable, destroy: () => seen.push('destroyed'), end: () => seen.push('answered') } as unknown as Socket
    clientErrorHandler.call(Fastify(), Object.assign(new Error('x'), code === undefined ? {} : { code }) as never, socket)
    return seen[0]
  }
  t.equal(handle('ECONNRESET', true), 'destroyed')
  t.equal(handle('HPE_INVALID_METHOD', false), 'destroyed')
  t.equal(handle('HPE_INVALID_METHOD', true), 'answered')
  t.equal(handle(undefined, true), 'answered')
})

t.test('answers an expectation that nobody knows, and a wish for a tunnel', async (t) => {
  const server = createServer().on('checkExpectation', (request, response) => answerExpectation(request, response, headers)).on('connect', (_request, socket) => answerConnect(socket, headers))
  t.teardown(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as { port: number }
  for (const [bytes, code] of [[`${request}Expect: magic\r\n\r\n`, 'expectation_failed'], ['GET /verifying HTTP/1.1\r\nHost: a\r\nExpect: magic\r\n\r\n', 'expectation_failed'],
    ...['/verify', '/verify?role=admin', '/verify/orders'].map((url) => [`GET ${url} HTTP/1.1\r\nHost: a\r\nExpect: magic\r\n\r\n`, 'invalid_token'] as const), ['CONNECT elsewhere:443 HTTP/1.1\r\nHost: elsewhere:443\r\n\r\n', 'method_not_allowed']] as const) {
    const answer = await exchange(port, bytes)
    t.equal(answer.status, errors[code].status)
    t.match(answer.body, `"code":"${code}"`)
    t.match(Object.fromEntries(answer.headers), { connection: 'close', 'x-safe': 'always' })
  }
  const { status, body } = await exchange(port, 'POST /oauth/token HTTP/1.1\r\nHost: a\r\nExpect: magic\r\n\r\n')
  t.equal(status, 417)
  t.match(body, '{"error":"invalid_request","error_description":')
})

t.test('closes a tunnel whose client resets it', async (t) => {
  const { promise: closed, resolve: close } = Promise.withResolvers<string>()
  const server = createServer().on('connect', (_request, socket) => {
    socket.on('close', () => close('closed'))
    socket.emit('error', new Error('reset'))
    answerConnect(socket, headers)
    socket.emit('error', new Error('reset'))
  })
  t.teardown(() => server.close())
  server.on('connection', (socket: Socket) => socket.on('error', () => {}))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { socket } = await dial(t, (server.address() as { port: number }).port)
  socket.write('CONNECT elsewhere:443 HTTP/1.1\r\nHost: elsewhere:443\r\n\r\n')
  t.equal(await closed, 'closed')
})
