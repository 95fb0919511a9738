import t from 'tap'
import { type ErrorCode, errors } from '../../schemas/errors.ts'
import { build } from '../support/build.ts'

type Line = Record<string, unknown>

const log: Line[] = []
let fault: unknown

/** An app with a route that throws what it is told. */
const server = await build(t, { log, extend: (app) => app.get('/fail', { config: { access: 'public' } }, async () => { throw fault }) })

/** What is answered where a handler throws this, and what is logged beside the line of the answer. */
async function failing (thrown: unknown) {
  fault = thrown
  log.length = 0
  const reply = await server.inject('/fail')
  return { reply, body: reply.json(), lines: log.filter(({ msg }) => /refused|internal|unavailable/.test(String(msg))) }
}

t.test('answers every error of the registry with its status, code and message', async (t) => {
  for (const code of Object.keys(errors) as ErrorCode[]) {
    const { reply, body } = await failing(server.errors.create(code))
    t.equal(reply.statusCode, errors[code].status, code)
    t.match(body, { statusCode: errors[code].status, code, message: errors[code].message })
    t.equal(reply.headers['content-type'], 'application/json; charset=utf-8')
    t.equal(reply.headers['retry-after'], errors[code].status === 503 ? '1' : undefined)
  }
})

t.test('takes a message and headers for one answer, and keeps the cause for the log', async (t) => {
  const { reply, body, lines } = await failing(server.errors.create('unavailable', { message: 'Later', headers: { 'retry-after': '30', 'x-more': '1' }, cause: new Error('disk on fire') }))
  t.same(body, { statusCode: 503, code: 'unavailable', error: 'Service Unavailable', message: 'Later' })
  t.match(reply.headers, { 'retry-after': '30', 'x-more': '1' })
  t.match(lines, [{ level: 50, msg: 'unavailable', err: { message: 'disk on fire' } }])
  t.match((await failing(server.errors.create('unavailable', { cause: 'draining' }))).lines, [{ level: 40, msg: 'unavailable', err: 'draining' }])
})

t.test('notes a refusal at debug level, by our own words alone', async (t) => {
  const { lines } = await failing(server.errors.create('invalid_token', { cause: 'expired' }))
  t.match(lines, [{ level: 20, msg: 'refused', code: 'invalid_token', cause: 'expired' }])
  const other = await failing(server.errors.create('invalid_token', { cause: new Error('token eyJ… is bad') }))
  t.match(other.lines, [{ level: 20, code: 'invalid_token', cause: 'invalid_token' }])
})

t.test('says nothing of what went wrong on our side, and logs all of it', async (t) => {
  const faults: unknown[] = [
    new Error('SQLITE_ERROR: no such table users at /var/lib/x.db'), new TypeError('x is not a function'), Object.assign(new Error('other'), { statusCode: 502 }),
    Object.assign(new Error('no'), { statusCode: 302 }), 'a text', { toString: () => 'an object' }, null, undefined
  ]
  for (const thrown of faults) {
    const { reply, body, lines } = await failing(thrown)
    t.equal(reply.statusCode, 500, String(thrown))
    t.same(body, { statusCode: 500, code: 'internal', error: 'Internal Server Error', message: 'Something went wrong on our side' })
    t.equal(lines.filter(({ level }) => level === 50).length, 1)
  }
  const { lines } = await failing(new Error('what happened'))
  t.match(lines, [{ err: { message: 'what happened', stack: /errors\.test\.ts/ } }])
})

t.test('answers the framework\'s errors by their status, in our words', async (t) => {
  const cases = [[400, 'invalid_request'], [403, 'not_found'], [404, 'not_found'], [405, 'method_not_allowed'], [408, 'request_timeout'], [413, 'payload_too_large'], [414, 'uri_too_long'],
    [415, 'unsupported_media_type'], [417, 'expectation_failed'], [431, 'headers_too_large'], [503, 'unavailable']] as const
  for (const [statusCode, code] of cases) {
    const { reply, body } = await failing(Object.assign(new Error('what was submitted: hunter2'), { statusCode }))
    t.equal(reply.statusCode, errors[code].status)
    t.match(body, { code, message: errors[code].message })
    t.equal(reply.headers['retry-after'], statusCode === 503 ? '1' : undefined)
  }
  const other = await failing(Object.assign(new Error('teapot'), { statusCode: 418 }))
  t.same([other.reply.statusCode, other.body.code], [400, 'invalid_request'], 'one that has no code of ours')
})

t.test('answers in the same shape where there is nothing', async (t) => {
  for (const url of ['/', '/nothing', '/login/', '/LOGIN', '//login', '/.env', '/documentation/nothing']) {
    const reply = await server.inject(url)
    t.equal(reply.statusCode, 404, url)
    t.same(reply.json(), { statusCode: 404, code: 'not_found', error: 'Not Found', message: 'There is nothing here' })
  }
})
