import { once } from 'node:events'
import Fastify from 'fastify'
import t from 'tap'
import errors from '../../plugins/errors.ts'
import strictJson from '../../plugins/strict-json.ts'
import { build } from '../support/build.ts'
import { dial, listen } from '../support/wire.ts'

type Headers = Record<string, string>

/** Sends a body to a route that answers what it understood. */
async function mirror (t: Parameters<typeof build>[0]) {
  const server = await build(t, {
    extend: (app) => {
      app.post('/mirror', { config: { access: 'public' }, preParsing: async () => {} }, (request) => ({ body: request.body ?? null }))
    }
  })
  return (payload: string | Buffer, headers: Headers) => server.inject({ method: 'POST', url: '/mirror', payload, headers })
}

t.test('reads application/json in every legal spelling', async (t) => {
  const send = await mirror(t)
  for (const type of ['application/json', 'APPLICATION/JSON', 'application/json; charset=utf-8', 'application/json;charset=UTF-8', 'application/json ; charset="utf-8"', 'application/json; CHARSET = utf-8', 'application/json; profile=x; charset=utf-8', ' application/json', 'application/json;']) {
    const reply = await send('{"a":[1,"é",null]}', { 'content-type': type })
    t.equal(reply.statusCode, 200, type)
    t.same(reply.json(), { body: { a: [1, 'é', null] } })
  }
})

t.test('reads nothing else', async (t) => {
  const send = await mirror(t)
  const types = ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/xml', 'application/jsonx', 'application/json2', 'application/vnd.api+json', 'application/problem+json', 'text/json', 'application', '*/*',
    'application/json; charset=latin1', 'application/json; charset=utf-16', 'application/json; charset=', 'application/json; charset', 'application/json; charset=utf-8; charset=utf-16', 'application/json, text/plain']
  for (const type of types) {
    const reply = await send('{"a":1}', { 'content-type': type })
    t.equal(reply.statusCode, 415, type)
    t.same(reply.json(), { statusCode: 415, code: 'unsupported_media_type', error: 'Unsupported Media Type', message: 'Send the body as application/json in UTF-8, not encoded' })
  }
  t.equal((await send(Buffer.from('{"a":1}'), {})).statusCode, 415, 'no type at all')
})

t.test('takes a body of no type for none where it is empty, in chunks too, and where none is needed', async (t) => {
  const server = await build(t, { extend: (app) => { app.post('/mirror', { config: { access: 'public' } }, (request) => ({ body: request.body ?? null })) } })
  const port = await listen(server)
  async function send (chunks: string, { path = '/mirror', type = '' } = {}): Promise<string> {
    const { socket, received } = await dial(t, port)
    socket.write(`POST ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n${type}\r\n${chunks}`)
    await once(socket, 'close')
    return received().slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length)
  }
  const [empty, some] = ['0\r\n\r\n', '2\r\n{}\r\n0\r\n\r\n']
  t.strictSame([await send(empty), await send(some), await send(some, { type: 'Content-Type: application/json\r\n' })], ['200', '415', '200'])
  t.equal(await send(empty, { type: 'Content-Type: text/plain\r\n' }), '415')
  t.equal(await send(empty, { path: '/login' }), '415', 'one is needed')
  t.equal(await send(some, { path: '/nowhere' }), '404', 'nobody is there to read it')
})

t.test('says which rule a body broke, and nothing of it', async (t) => {
  const send = await mirror(t)
  for (const [payload, rule] of [
    ['{"hunter2":', 'not well-formed JSON'], ['\ufeff{}', 'not well-formed JSON'], ['{"hunter2":1,"hunter2":2}', 'a member name occurs twice in one object'],
    ['{"__proto__":1}', 'a member name is not allowed'], ['['.repeat(9), 'nested too deeply'], [Buffer.from([0x22, 0xff, 0x22]), 'not well-formed UTF-8']
  ] as const) {
    const reply = await send(payload, { 'content-type': 'application/json' })
    t.strictSame(reply.json(), { statusCode: 400, code: 'invalid_request', error: 'Bad Request', message: `The body cannot be read: ${rule}` }, String(payload))
  }
})

t.test('undoes no content coding', async (t) => {
  const send = await mirror(t)
  for (const coding of ['gzip', 'br', 'deflate', 'identity, gzip', 'x']) {
    t.equal((await send('{"a":1}', { 'content-type': 'application/json', 'content-encoding': coding })).json().code, 'unsupported_media_type', coding)
  }
  t.equal((await send('{"a":1}', { 'content-type': 'application/json', 'content-encoding': 'identity' })).statusCode, 200)
})

t.test('asks for no coding where no body is read', async (t) => {
  const server = await build(t)
  t.equal((await server.inject({ url: '/health/live', headers: { 'content-encoding': 'gzip' } })).statusCode, 200)
})

t.test('answers what is not well-formed alike, and tells the log why', async (t) => {
  const log: Array<Record<string, unknown>> = []
  const server = await build(t, { log })
  const bodies: [payload: string | Buffer, why: string][] = [
    ['', 'nothing'], ['{', 'an end'], ['{"a":1,}', 'a comma'], ['{"a":NaN}', 'NaN'], ['{\'a\':1}', 'quotes'], ['{"a":1} {"b":2}', 'two'], ['{"a":1 /* x */}', 'a comment'], ['{"a":1,"a":2}', 'a member twice'],
    ['{"a":1,"\\u0061":2}', 'twice, escaped'], ['{"__proto__":{"x":1}}', 'a prototype'], ['\ufeff{"a":1}', 'a BOM'], [Buffer.from([0x22, 0xff, 0x22]), 'bad UTF-8'], ['['.repeat(8000), 'depth']
  ]
  for (const [payload, why] of bodies) {
    const reply = await server.inject({ method: 'POST', url: '/login', payload, headers: { 'content-type': 'application/json' } })
    t.equal(reply.statusCode, 400, why)
    t.equal(reply.json().code, 'invalid_request', why)
    t.notMatch(reply.body, /position|token|Unexpected/, 'no words of a parser')
  }
  t.ok(log.filter(({ msg, cause }) => msg === 'refused' && typeof cause === 'string').length >= bodies.length)
  t.equal(({} as Record<string, unknown>).x, undefined, 'no prototype was changed')
})

t.test('offers the same reading to others', async (t) => {
  const server = await build(t)
  t.same(server.strictJson.parse(Buffer.from('{"a":1}')), { a: 1 })
  t.throws(() => server.strictJson.parse(Buffer.from('{"a":1,"a":1}')))
})

t.test('takes a call without a body where none is read, whatever type it says that has', async (t) => {
  const server = await build(t, { extend: (app) => app.post('/nothing', { config: { access: 'public' } }, async ({ body }) => ({ body: body ?? null })) })
  for (const type of ['application/json', 'application/json; charset=utf-16']) {
    const reply = await server.inject({ method: 'POST', url: '/nothing', headers: { 'content-type': type, 'content-length': '0' } })
    t.equal(reply.statusCode, 200, type)
    t.same(reply.json(), { body: null })
  }
  t.equal((await server.inject({ method: 'POST', url: '/nothing', payload: '{', headers: { 'content-type': 'application/json' } })).statusCode, 400)
})

t.test('takes no body for an empty one where every member is optional, and for none where one is not', async (t) => {
  const properties = { now: { type: 'boolean' } }
  const server = await build(t, {
    extend: (app) => {
      app.post('/optional', { config: { access: 'public' }, schema: { body: { type: 'object', properties, additionalProperties: false } } }, async ({ body }) => ({ body }))
      app.post('/required', { config: { access: 'public' }, schema: { body: { type: 'object', required: ['now'], properties, additionalProperties: false } } }, async ({ body }) => ({ body }))
    }
  })
  const withType = { 'content-type': 'application/json', 'content-length': '0' }
  for (const headers of [{}, withType]) {
    const reply = await server.inject({ method: 'POST', url: '/optional', headers })
    t.same([reply.statusCode, reply.json()], [200, { body: {} }])
    t.equal((await server.inject({ method: 'POST', url: '/required', headers })).statusCode, 400)
  }
  t.same((await server.inject({ method: 'POST', url: '/optional', payload: { now: true } })).json(), { body: { now: true } })
})

t.test('leaves the bodies of an app alone that wants the reading only', async (t) => {
  const server = Fastify()
  t.teardown(() => server.close())
  await server.register(errors, {})
  await server.register(strictJson, { bodies: false })
  server.post('/', (request) => ({ body: request.body }))
  const reply = await server.inject({ method: 'POST', url: '/', payload: 'plain', headers: { 'content-type': 'text/plain' } })
  t.same(reply.json(), { body: 'plain' })
  t.same(server.strictJson.parse(Buffer.from('[1]')), [1])
})
