import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import type { TokenReply } from '../../schemas/login.ts'
import { startAttacked } from '../support/attacked.ts'
import { concludes, createAttacker, faultsOf } from '../support/attacker.ts'
import { alice, build } from '../support/build.ts'

const attacker = createAttacker(await startAttacked(t, { environment: { DATABASE_TIMEOUT: '100ms' } }))
const { service, post, get, send, secrets } = attacker
await post('/register', { ...alice, email: 'alice@example.com' })
const reply = (await post('/login', alice)).json<TokenReply>()

/** What stands in the log so far, but for a line that is still on its way. */
function lines (): string[] {
  return service.output().split('\n').slice(0, -1)
}

t.test('O244 answers each kind of failure with its own code in the one shape', async (t) => {
  const { access_token: token } = reply
  const failures = {
    '400 invalid_request': await post('/register', {}),
    '400 weak_password': await post('/register', { username: 'bob', password: 'short' }),
    '401 missing_token': await get('/protected'),
    '401 invalid_token': await get('/protected', `${token}x`),
    '401 invalid_credentials': await post('/login', { ...alice, password: 'not her password at all' }),
    '404 not_found': await get('/nothing'),
    '405 method_not_allowed': await get('/login'),
    '409 username_taken': await post('/register', alice),
    '409 email_taken': await post('/register', { ...alice, username: 'bob', email: 'ALICE@example.com' }),
    '413 payload_too_large': await post('/register', ' '.repeat(17_000)),
    '414 uri_too_long': await get(`/.well-known/keys/${'x'.repeat(1000)}`),
    '415 unsupported_media_type': await send({ method: 'POST', path: '/login', headers: ['Content-Type: text/plain'], body: 'x' }),
    '417 expectation_failed': await send({ method: 'POST', path: '/login', headers: ['Expect: tea'], body: alice }),
    '431 headers_too_large': await send({ method: 'GET', path: '/protected', headers: [`X: ${'x'.repeat(17_000)}`] })
  }
  for (const [outcome, answer] of Object.entries(failures)) {
    t.equal(answer.outcome, outcome)
    t.same(faultsOf(answer), [], outcome)
  }
})

t.test('O244 says 503 and when to come again while another process holds the database', async (t) => {
  const other = new DatabaseSync(service.databaseFile, { timeout: 5000 })
  t.teardown(() => other.close())
  other.exec('begin immediate')
  const answers = [await post('/register', { ...alice, username: 'bob' }), await post('/login', alice)]
  other.exec('rollback')
  for (const answer of answers) {
    t.equal(answer.outcome, '503 unavailable')
    t.match(answer.headers['retry-after'], /^\d+$/)
    t.same(faultsOf(answer), [])
  }
  t.equal((await post('/login', alice)).outcome, '200', 'and serves again afterwards')
})

t.test('O244 says 500 and nothing of the cause where something broke inside', async (t) => {
  const log: Array<Record<string, unknown>> = []
  const app = await build(t, { log })
  app.users.findByLogin = async () => { throw new Error('select secret_column from /srv/gatehouse.db') }
  const answer = await app.inject({ method: 'POST', url: '/login', payload: alice })
  t.equal(answer.statusCode, 500)
  t.same(answer.json(), { statusCode: 500, code: 'internal', error: 'Internal Server Error', message: 'Something went wrong on our side' })
  t.match(log.find(({ msg }) => msg === 'internal'), { level: 50, err: { message: /secret_column/ } }, 'the log knows more')
})

t.test('O244 gives a page whole, whatever part of it or condition is asked for', async (t) => {
  const of = (line: string) => send({ method: 'GET', path: '/documentation/static/swagger-ui.css', headers: [line] })
  for (const line of ['Range: bytes=0-9', 'Range: bytes=99999999-', 'If-Match: "another"', 'If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT', 'If-None-Match: "another"']) {
    const { outcome, body } = await of(line)
    t.equal(outcome, '200', line)
    t.ok(body.length > 10_000)
  }
})

t.test('O244 says 403 where registration is closed', async (t) => {
  const app = await build(t, { environment: { REGISTRATION: 'closed' } })
  const answer = await app.inject({ method: 'POST', url: '/register', payload: alice })
  t.match(answer.json(), { statusCode: 403, code: 'registration_closed', error: 'Forbidden' })
})

t.test('O245 K217 keeps no address in its log, whatever a client put there by mistake', async (t) => {
  const { access_token: token, refresh_token: refresh } = reply
  const password = encodeURIComponent(alice.password)
  secrets.add(password)
  for (const path of [
    `/${token}`, `/users/${refresh}`, `/reset/0123456789abcdef?password=${password}`, `/nothing?access_token=${token}`, `/refresh/${refresh}`, `/refresh?refresh_token=${refresh}`,
    `/.well-known/keys/${refresh}`, `/documentation/${refresh}`, `/documentation/static/${refresh}`, `/%zz${refresh}`
  ]) t.match((await get(path)).outcome, /^4(00|04|05) /, path.slice(0, 12))
  t.equal((await get(`/protected?access_token=${token}&refresh_token=${refresh}`)).outcome, '401 missing_token')
})

t.test('K217 takes a refresh token from no header', async (t) => {
  const { refresh_token: refresh } = reply
  for (const line of [`Authorization: Bearer ${refresh}`, `X-Refresh-Token: ${refresh}`, `Cookie: refresh_token=${refresh}`, `Refresh-Token: ${refresh}`]) {
    t.match((await send({ method: 'GET', path: '/protected', headers: [line] })).outcome, /^401 /, line.slice(0, 13))
    t.match((await send({ method: 'POST', path: '/refresh', headers: [line] })).outcome, /^4(00|04|15) /, line.slice(0, 13))
  }
})

t.test('O246 keeps what was sent in headers and bodies out of its log', async (t) => {
  const sent = [...secrets].filter((secret) => secret !== service.secretKey)
  for (const secret of sent) {
    await send({ method: 'POST', path: '/login', headers: [`X-Request-Id: ${secret}`, `Cookie: session=${secret}`, `Authorization: Basic ${Buffer.from(secret).toString('base64')}`], body: { password: secret } })
    await send({ method: 'POST', path: '/register', headers: [`User-Agent: ${secret}`, `Referer: https://x.example/${secret}`], body: { username: secret, password: secret, [secret.slice(0, 40)]: secret } })
    await send({ method: 'POST', path: '/login', body: `{"password":"${secret}"` })
    await post('/login', { username: secret.slice(0, 200), password: secret.slice(0, 128) })
    secrets.add(Buffer.from(secret).toString('base64'))
  }
  t.ok(sent.length >= 4, 'the tests at the end search for all of them')
})

t.test('O246 takes a request id that is safe in a log and makes one of any other', async (t) => {
  for (const id of ['gateway-0123.abc_DEF', 'a']) {
    t.equal((await send({ method: 'GET', path: '/health/live', headers: [`X-Request-Id: ${id}`] })).headers['x-request-id'], id)
  }
  for (const id of ['', 'two words', '"quoted"', 'x'.repeat(65), '{"level":60}', '<b>', reply.access_token]) {
    t.match((await send({ method: 'GET', path: '/health/live', headers: [`X-Request-Id: ${id}`] })).headers['x-request-id'], /^[0-9a-f-]{36}$/, id.slice(0, 12))
  }
})

t.test('O246 O247 lets nobody write lines into its log', async (t) => {
  const forged = '{"level":30,"event":"authn_login_success","msg":"audit"}'
  await send({ method: 'GET', path: '/health/live', headers: [`User-Agent: x ${forged}`, `X-Forwarded-For: ${forged}`, `X-Request-Id: ${forged}`] })
  await post('/login', { username: `alice\u2028${forged}`, password: 'x' })
  t.same(lines().filter((line) => line.startsWith(forged)), [])
  for (const line of lines()) t.match(JSON.parse(line), { level: Number, time: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, msg: String })
})

t.test('O247 records who registered and signed in, who failed to, when and from where', async (t) => {
  const ids = ['register', 'success', 'wrong-password', 'unknown-user']
  const bodies = [{ ...alice, username: 'carol' }, { ...alice, username: 'carol' }, { username: 'carol', password: 'not her password at all' }, { ...alice, username: 'nobody' }]
  const answers = []
  for (const [index, body] of bodies.entries()) {
    answers.push(await send({ method: 'POST', path: index === 0 ? '/register' : '/login', headers: [`X-Request-Id: ${ids[index]}`], body }))
  }
  await service.written(/"reqId":"unknown-user".*"msg":"answered"/)
  const user = answers[0]?.json<{ user: { id: string } }>().user.id
  const events = lines().map((line) => JSON.parse(line)).filter(({ msg, reqId }) => msg === 'audit' && ids.includes(reqId))
  t.match(events, [
    { event: 'user_created', user_id: user, reqId: 'register' },
    { event: 'authn_login_success', user_id: user, reqId: 'success' },
    { event: 'authn_login_fail', user_id: user, reqId: 'wrong-password' },
    { event: 'authn_login_fail', user_id: null, reqId: 'unknown-user' }
  ])
  t.equal(events.length, 4, 'one a case')
  for (const { ip, time } of events) t.match({ ip, time }, { ip: '127.0.0.1', time: /Z$/ })
})

t.test('O248 has nothing where scanners look', async (t) => {
  const paths = [
    '/metrics', '/docs', '/debug', '/debug/pprof', '/.env', '/.git/config', '/.git/HEAD', '/server-status', '/actuator', '/admin', '/swagger', '/swagger.json', '/graphql', '/package.json', '/server.ts',
    '/robots.txt', '/favicon.ico', '/wp-login.php', '/documentation/../package.json', '/documentation/static/../../../package.json', '/documentation/static/..%2f..%2fpackage.json', '/documentation/static/%2e%2e/index.js',
    '/documentation/static/.', '/data/gatehouse.db', '/'
  ]
  for (const path of paths) t.equal((await get(path)).outcome, '404 not_found', path)
  for (const path of ['/documentation', '/openapi.json']) t.equal((await get(path)).status, 200, path)
})

t.test('O248 has no pages where they are off', async (t) => {
  const app = await build(t, { environment: { DOCUMENTATION: 'off' } })
  for (const url of ['/documentation', '/documentation/json', '/documentation/static/index.html']) t.equal((await app.inject(url)).statusCode, 404, url)
})

t.test('O249 says of its health whether it is well, and no more', async (t) => {
  for (const path of ['/health/live', '/health/ready']) {
    const answer = await get(path)
    t.equal(answer.body, '{"status":"ok"}', path)
    t.notMatch(JSON.stringify(answer.headers), /\d+\.\d+\.\d+|node|fastify|sqlite/i, path)
  }
})

concludes(t, attacker)
