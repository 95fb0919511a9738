import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import t from 'tap'
import { startAttacked } from '../support/attacked.ts'
import { answersIn, createAttacker, workOf } from '../support/attacker.ts'
import { alice, aliceSignedIn, build, costly, withAlice } from '../support/build.ts'
import { segment, signSegments } from '../support/forge.ts'
import { temporaryFolder } from '../support/service.ts'
import { macToken } from '../support/target.ts'

// What is wrong with the three Flask endpoints of the article that this service grew out of, fault by fault.

t.setTimeout(120_000)

const post = (url: string, payload: object) => ({ method: 'POST' as const, url, payload })
const bearer = (token: string) => ({ url: '/protected', headers: { authorization: `Bearer ${token}` } })

t.test('fault 1, passwords in clear in the memory of one process: digests that outlive it', async (t) => {
  const folder = temporaryFolder(t)
  const first = await startAttacked(t, { folder })
  t.equal((await createAttacker(first).post('/register', alice)).outcome, '201')
  t.equal(await first.stop(), 0)
  const stored = readFileSync(first.databaseFile, 'latin1')
  t.match(stored, /alice/)
  t.match(stored, /\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
  t.notOk(stored.includes(alice.password))

  const second = await startAttacked(t, { folder, secretKey: first.secretKey })
  t.equal((await createAttacker(second).post('/login', alice)).outcome, '200')
})

t.test('fault 2, registering a name that exists replaces its password: refused, and the first one stays', async (t) => {
  const app = await build(t)
  await withAlice(app)
  const takeover = { ...alice, password: 'another one of many words' }
  t.equal((await app.inject(post('/register', takeover))).statusCode, 409)
  t.equal((await app.inject(post('/login', takeover))).statusCode, 401)
  t.equal((await app.inject(post('/login', alice))).statusCode, 200)
})

t.test('fault 3, time and code path tell which names exist: one answer, after the same work', async (t) => {
  const app = await build(t, { environment: costly })
  await withAlice(app)
  const fail = (username: string) => app.inject(post('/login', { username, password: 'not her password at all' }))
  const [wrong, unknown] = [await fail('alice'), await fail('nobody')]
  t.equal(wrong.statusCode, 401)
  t.equal(unknown.body, wrong.body)
  t.same(Object.keys(unknown.headers), Object.keys(wrong.headers))

  const work = { alice: await workOf(() => fail('alice')), nobody: await workOf(() => fail('nobody')) }
  t.ok(work.nobody > work.alice / 2 && work.nobody < work.alice * 2, `${work.alice} and ${work.nobody} ms`)
})

t.test('fault 4, a shared secret in the source: keys of its own, and whoever checks tokens cannot make them', async (t) => {
  const [app, other] = [await build(t), await build(t)]
  const { access_token: token } = await aliceSignedIn(app)
  const { access_token: foreign } = await aliceSignedIn(other)
  const { keys } = (await app.inject('/.well-known/jwks.json')).json<{ keys: Array<Record<string, string>> }>()
  t.same(keys.filter(({ d }) => d !== undefined), [], 'no private member is published')
  t.equal((await app.inject(bearer(token))).statusCode, 200)
  t.equal((await app.inject(bearer(foreign))).statusCode, 401, 'no two services share a key')

  const [header, claims] = token.split('.').slice(0, 2).map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()))
  const published = createPublicKey({ key: { ...keys[0] }, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
  t.equal((await app.inject(bearer(macToken(header, claims, published)))).statusCode, 401, 'the published key makes no token')
  const own = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const forged = signSegments(segment(header), segment(claims), { alg: 'ES256', privateKey: own.privateKey })
  t.equal((await app.inject(bearer(forged))).statusCode, 401, 'nor does any other')
})

t.test('fault 5, a guard that does not guard: no route without one, and all but the public ones ask for a token', async (t) => {
  await t.rejects(build(t, { extend: (server) => { server.get('/unguarded', () => 'for members') } }), { message: 'GET /unguarded does not say who may call it' })
  const app = await build(t, { extend: (server) => { server.get('/guarded', { config: { access: 'user' } }, () => 'for members') } })
  const guarded = app.routeTable.entries.filter(({ access, method }) => access !== 'public' && method !== 'ANY')
  for (const url of ['/guarded', '/me', '/protected']) t.ok(guarded.some((route) => route.url === url), url)
  for (const { method, url, access } of guarded) {
    const answer = await app.inject({ method: method as 'GET', url })
    t.equal(answer.statusCode, 401, url)
    t.notMatch(answer.body, /for members/, url)
    t.match(answer.headers['www-authenticate'], access === 'client' ? /^Basic / : /^Bearer /, url)
  }
})

t.test('fault 6, tokens without an end: theirs comes, to the second', async (t) => {
  let now = Date.UTC(2026, 0, 1)
  const app = await build(t, { now: () => now, environment: { ACCESS_TOKEN_TTL: '10m', CLOCK_SKEW: '5s' } })
  const { access_token: token } = await aliceSignedIn(app)
  const statusAfter = async (seconds: number) => {
    now = Date.UTC(2026, 0, 1) + seconds * 1000
    return (await app.inject(bearer(token))).statusCode
  }
  t.same([await statusAfter(0), await statusAfter(599), await statusAfter(604), await statusAfter(605), await statusAfter(86_400)], [200, 200, 200, 401, 401])
  const endless = `${segment({ alg: 'none', typ: 'at+jwt' })}.${token.split('.')[1]}.`
  t.equal((await app.inject(bearer(endless))).statusCode, 401)
})

t.test('fault 7, input that nobody validates: 400 and a code, never 500', async (t) => {
  const app = await build(t)
  const headers = { 'content-type': 'application/json' }
  for (const url of ['/register', '/login']) {
    for (const payload of ['{}', '{"username":"alice"}', '{"username":12345,"password":"correct horse battery staple"}', 'username=alice', '[]', 'null', '']) {
      const answer = await app.inject({ method: 'POST', url, headers, payload })
      t.match(answer.json(), { statusCode: 400, code: 'invalid_request', error: 'Bad Request', message: String }, `${url}: ${payload}`)
    }
  }
})

t.test('fault 8, nothing is logged and guessing costs nothing: each attempt is on record, after a slow check', async (t) => {
  const log: Array<Record<string, unknown>> = []
  const app = await build(t, { log, environment: costly })
  await withAlice(app)
  const guess = () => app.inject(post('/login', { ...alice, password: 'not her password at all' }))
  const { id } = (await app.inject(post('/login', alice))).json().user
  t.equal((await guess()).statusCode, 401)
  t.match(log.filter(({ msg }) => msg === 'audit'), [
    { event: 'user_created', user_id: id, ip: '127.0.0.1' },
    { event: 'authn_login_success', user_id: id, ip: '127.0.0.1' },
    { event: 'authn_login_fail', user_id: id, ip: '127.0.0.1' }
  ])
  t.ok(await workOf(guess) > 3 * await workOf(() => app.inject(post('/login', {}))), 'a guess costs far more than the call itself')
})

t.test('fault 9, no health check and no way to stop it without dropping requests: both are there', async (t) => {
  const service = await startAttacked(t)
  const { get, post } = createAttacker(service)
  t.equal((await get('/health/live')).body, '{"status":"ok"}')
  t.equal((await get('/health/ready')).body, '{"status":"ok"}')
  t.equal((await post('/register', alice)).outcome, '201')

  const body = JSON.stringify(alice)
  const socket = connect(service.port, '127.0.0.1')
  socket.write(`POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, -1)}`)
  await once(socket, 'connect')
  await get('/health/live')
  const begun = performance.now()
  const ended = service.stop('SIGTERM')
  await service.written(/draining/)
  socket.write(body.slice(-1))
  const [answer] = answersIn(Buffer.concat(await socket.toArray()))
  t.equal(answer?.outcome, '200', 'what had begun to arrive is answered')
  t.equal(answer?.headers.connection, 'close')
  t.equal(await ended, 0)
  t.ok(performance.now() - begun < 10_000)
})
