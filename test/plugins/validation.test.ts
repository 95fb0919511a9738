import { Type } from '@sinclair/typebox'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import app, { fastifyOptions } from '../../app.ts'
import { readConfig } from '../../config.ts'
import { alice, build } from '../support/build.ts'

const server = await build(t)

async function register (payload: unknown): Promise<{ status: number, body: { code: string, message: string } }> {
  const reply = await server.inject({ method: 'POST', url: '/register', payload: JSON.stringify(payload), headers: { 'content-type': 'application/json' } })
  return { status: reply.statusCode, body: reply.json() }
}

/** Whether each is refused with 400, in words that begin like this and do not hold what was sent. */
async function refuses (t: Test, cases: [payload: unknown, message: string | RegExp][]) {
  for (const [payload, message] of cases) {
    const { status, body } = await register(payload)
    t.equal(status, 400, JSON.stringify(payload)?.slice(0, 60))
    t.match(body, { code: 'invalid_request', message })
  }
}

t.test('takes no type for another', async (t) => {
  const others = [['alice'], { name: 'alice' }, 12_345_678, true, false, null]
  await refuses(t, [
    ...others.map((username) => [{ ...alice, username }, 'body.username must be string'] as [unknown, string]),
    ...others.map((password) => [{ ...alice, password }, 'body.password must be string'] as [unknown, string]),
    ...[['a@b.example'], {}, 1, true].map((email) => [{ ...alice, email }, /^body\.email /] as [unknown, RegExp]),
    ...[null, [], 'text', 5, true, [alice]].map((body) => [body, 'body must be object'] as [unknown, string])
  ])
})

t.test('asks for what is missing and drops nothing', async (t) => {
  const strange = 'body has a member that is not known here'
  await refuses(t, [
    [{}, 'body must have required property \'username\''],
    [{ username: 'alice' }, 'body must have required property \'password\''],
    ...['role', 'roles', 'is_admin', 'id', 'created_at', 'verified', 'scope', 'aud', 'Role', 'roles[]', 'user', 'password_hash', '$set', 'disabled', 'toString', 'Password', ''].map((name) => [{ ...alice, [name]: 'admin' }, strange] as [unknown, string])
  ])
})

t.test('keeps to the profile of usernames', async (t) => {
  const characters = 'body.username has characters that are not allowed here'
  await refuses(t, [
    ...['', 'al'].map((username) => [{ ...alice, username }, 'body.username must NOT have fewer than 3 characters'] as [unknown, string]),
    [{ ...alice, username: 'a'.repeat(33) }, 'body.username must NOT have more than 32 characters'],
    ...[' alice', 'alice ', 'al ice', 'alice\t', 'alice\n', 'ali\0ce', 'al\r\nice', 'ali\x7fce', '.alice', 'alice.', '-alice', 'alice_', 'al/ice', 'alice@home', 'ａｌｉｃｅ', 'älice', 'aﬀice', 'ali\u200dce', '\u212aelvin', 'ali\u202ece', '\' OR 1=1--', 'x";drop table users']
      .map((username) => [{ ...alice, username }, characters] as [unknown, string])
  ])
  for (const username of ['abc', 'a1-_.b2', '007', 'A'.repeat(32)]) t.equal((await register({ ...alice, username })).status, 201, username)
})

t.test('keeps to the lengths and the alphabet of passwords', async (t) => {
  const illFormed = 'body.password is not a well-formed password'
  await refuses(t, [
    [{ ...alice, password: 'x'.repeat(129) }, 'body.password must NOT have more than 128 characters'],
    [{ ...alice, password: '🐴'.repeat(129) }, 'body.password must NOT have more than 128 characters'],
    [{ ...alice, password: 'sixteen letters!\0 and more' }, illFormed],
    [{ ...alice, password: 'a lone \ud800 surrogate' }, illFormed],
    [{ ...alice, password: 'another lone \udfff' }, illFormed]
  ])
  t.equal((await register({ username: 'horses', password: '🐴🐎🦓🦄🫏🐂🐃🎠'.repeat(16) })).status, 201, '128 characters of 4 bytes')
  const accented = 'příliš žluťoučký kůň úpěl ďábelské ódy, než čtyři sýčci zahoukali: šestnáct tlustých žížal plíží se k včelám, ťuká déšť, a řeřicha kvílí ž'.slice(0, 128)
  t.ok(accented.normalize('NFD').length > 150)
  t.equal((await register({ username: 'czech', password: accented.normalize('NFD') })).status, 201, '128 characters, whatever an accent is typed as')
  await refuses(t, [[{ ...alice, password: `${accented}é`.normalize('NFD') }, 'body.password must NOT have more than 128 characters']])
  t.equal((await register({ username: 'control', password: 'tab\tbell\u0007newline\n' })).status, 201)
})

t.test('takes addresses that a mail server will take', async (t) => {
  const bad = ['', 'alice', '@example.org', 'alice@', 'alice@localhost', 'alice@@example.org', 'al ice@example.org', 'alice@exa mple.org', 'alice@-example.org', 'alice@example-.org', 'alice@.org', 'alice@example..org', 'alice@example.org.', 'alice@exämple.org', 'älice@example.org',
    `${'a'.repeat(65)}@example.org`, `alice@${'a'.repeat(64)}.org`, 'a\0@example.org', 'alice@example.org\n', '"alice"@example.org', 'alice@[127.0.0.1]', 'alice@example_1.org', 'Alice <alice@example.org>']
  await refuses(t, bad.map((email) => [{ ...alice, email }, 'body.email is not a well-formed email']))
  await refuses(t, [[{ ...alice, email: `a@${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(60)}.${'e'.repeat(60)}.example.org` }, 'body.email must NOT have more than 254 characters']])
  const good = ['alice@example.org', 'A.l-i_c+e@sub.example.org', 'o\'neil@example.co', `${'a'.repeat(64)}@example.org`, '!#$%&*/=?^`{|}~@x.yz']
  for (const [index, email] of good.entries()) t.equal((await register({ ...alice, username: `user${index}`, email })).status, 201, email)
  t.equal((await register({ ...alice, username: 'without', email: null })).status, 201)
})

t.test('is quick to refuse what grows', async (t) => {
  for (const text of ['a'.repeat(15_000), `${'a'.repeat(15_000)}!`, '('.repeat(15_000), '.@'.repeat(7500), '-a'.repeat(7500), `${'a.'.repeat(7500)}@`]) {
    const before = performance.now()
    const answers = await Promise.all([{ ...alice, username: text }, { ...alice, password: text }, { ...alice, email: text }].map(register))
    t.same(answers.map(({ status }) => status), [400, 400, 400])
    t.ok(performance.now() - before < 500, 'within half a second for the three, on a busy machine')
  }
})

t.test('never says what was sent', async (t) => {
  for (const payload of [{ ...alice, password: ['hunter2-hunter2'] }, { ...alice, 'hunter2-hunter2': 1 }, { ...alice, username: 'hunter2 hunter2' }, { ...alice, email: 'hunter2-hunter2' }, { ...alice, password: 'hunter2\0hunter2' }, 'hunter2']) {
    t.notMatch(JSON.stringify(await register(payload)), 'hunter2')
  }
})

t.test('converts queries and parameters, fills in defaults, and drops nothing there either', async (t) => {
  const server = await build(t, {
    extend: (app) => app.get('/list/:page', {
      config: { access: 'public' },
      schema: {
        params: Type.Object({ page: Type.Integer({ minimum: 1 }) }),
        querystring: Type.Object({ limit: Type.Integer({ minimum: 1, default: 50 }), role: Type.Optional(Type.Array(Type.String())) }, { additionalProperties: false })
      }
    }, (request) => ({ ...request.params as object, ...request.query as object }))
  })
  t.same((await server.inject('/list/3')).json(), { page: 3, limit: 50 })
  t.same((await server.inject('/list/3?limit=7&role=admin')).json(), { page: 3, limit: 7, role: ['admin'] })
  t.same((await server.inject('/list/3?role=a&role=b')).json(), { page: 3, limit: 50, role: ['a', 'b'] })
  for (const [url, message] of [['/list/zero', 'params.page must be integer'], ['/list/0', 'params.page must be >= 1'], ['/list/0x5', 'params.page must be integer'], ...['0x5', '1e1', '%201', '1.0', '+1', '-1', '1%20', ''].map((limit) => [`/list/1?limit=${limit}`, 'querystring.limit must be integer'] as const), ['/list/1?limit=many', 'querystring.limit must be integer'], ['/list/1?limt=5', 'querystring has a member that is not known here']] as const) {
    const reply = await server.inject(url)
    t.equal(reply.statusCode, 400, url)
    t.equal(reply.json().message, message)
  }
})

t.test('understands every schema of every route', async (t) => {
  const parts = ['body', 'querystring', 'params'] as const
  const schemas: object[] = []
  const config = readConfig({ DATABASE_URL: 'sqlite::memory:', LOG_LEVEL: 'silent' })
  const server = Fastify(fastifyOptions(config))
  t.teardown(() => server.close())
  server.addHook('onRoute', ({ schema = {} }) => { schemas.push(...parts.map((part) => schema[part]).filter((one) => typeof one === 'object' && one !== null)) })
  await server.register(app, { config })
  await server.ready()
  const { validation } = server
  t.ok(schemas.length > 20, `${schemas.length} schemas`)
  for (const schema of schemas) t.doesNotThrow(() => validation.judgeOf(schema, 'body')({}))
})

t.test('lets nothing in by a schema that it does not understand', async (t) => {
  const handler = () => t.fail('was let in')
  const server = await build(t, { extend: (app) => app.post('/odd', { config: { access: 'public' }, schema: { body: { type: 'object', requird: ['a'] } } }, handler) })
  for (const _ of [1, 2]) t.equal((await server.inject({ method: 'POST', url: '/odd', payload: {} })).statusCode, 500)
})

t.test('judges what came otherwise than in a request as it judges a body', async (t) => {
  const { validation } = await build(t)
  const judge = validation.judgeOf(Type.Object({ username: Type.String({ maxLength: 3 }) }, { additionalProperties: false }), 'line')
  t.equal(judge({ username: 'bob' }), null)
  t.equal(judge({ username: 'hunter2' }), 'line.username must NOT have more than 3 characters')
  t.equal(judge({ username: 'bob', hunter2: 1 }), 'line has a member that is not known here')
  t.equal(judge({ username: 7 }), 'line.username must be string')
})
