import { spawn } from 'node:child_process'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import jwt from '@fastify/jwt'
import sensible from '@fastify/sensible'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import verifier, { type VerifierOptions } from '../verifier.ts'
import { alice } from './support/build.ts'
import { beside } from './support/cli.ts'
import { command } from './support/command.ts'
import { liveKeys, segment, signSegments } from './support/forge.ts'
import { issuer, type Service, startService } from './support/service.ts'
import { until } from './support/until.ts'

// Services are processes of their own: each takes seconds where the machine is busy.
t.setTimeout(120_000)

const seconds = 1000

/** Asks `service` where the issuer is meant, and counts. */
function askedAt (service: Pick<Service, 'url'>) {
  const asked: string[] = []
  const ask: typeof fetch = (address, init) => {
    asked.push(`${address}`)
    return fetch(`${address}`.replace(issuer, service.url), init)
  }
  return { asked, fetch: ask, readings: () => asked.filter((address) => address.endsWith('/jwks.json')).length }
}

/** Another service of the same user: a guarded route and a public one. */
async function startHost (t: Test, options: Partial<VerifierOptions>, before: (app: FastifyInstance) => Promise<void> | void = () => {}) {
  const app = Fastify()
  t.teardown(() => app.close())
  await before(app)
  await app.register(verifier, { issuer, audience: 'api', ...options })
  app.get('/guarded', { config: { access: 'user' } }, async ({ identity }) => identity)
  app.get('/open', { config: { access: 'public' } }, async () => 'open')
  for (const [url, access] of [['/token', 'token'], ['/role', { role: 'editor' }], ['/scope', { scope: 'read' }]] as const) app.get(url, { config: { access } }, async ({ identity }) => identity)
  app.get('/mistaken', { config: { access: 'public' } }, async ({ identity }) => identity)
  const address = await app.listen({ port: 0, host: '127.0.0.1' })
  return { app, port: Number(new URL(address).port) }
}

interface Answer {
  status: number
  /** In small letters, but for what differs from answer to answer. */
  headers: Record<string, unknown>
  body: string
}

/** A GET with these header lines as they are, repeated ones too. */
async function ask (port: number, path: string, ...lines: string[]): Promise<Answer> {
  const outgoing = request({ host: '127.0.0.1', port, path, agent: false, headers: ['host', 'test', ...lines] })
  outgoing.end()
  const [response] = await once(outgoing, 'response') as [IncomingMessage]
  const { date: _date, 'x-request-id': _id, ...headers } = response.headers
  return { status: response.statusCode as number, headers, body: await text(response) }
}

async function signIn (service: Service): Promise<string> {
  const json = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(alice) }
  await fetch(`${service.url}/register`, json)
  const reply = await fetch(`${service.url}/login`, json)
  return (await reply.json() as { access_token: string }).access_token
}

const kidOf = (token: string) => (JSON.parse(Buffer.from(token.split('.')[0] as string, 'base64url').toString()) as { kid: string }).kid
const bearer = (token: string) => ['authorization', `Bearer ${token}`]

function claimsNow (changes: object = {}): object {
  const iat = Math.floor(Date.now() / seconds)
  return {
    iss: issuer, aud: 'api', sub: randomUUID(), exp: iat + 300, iat, jti: randomUUID(), sid: randomUUID(), client_id: 'gatehouse', scope: '', roles: [], preferred_username: 'alice', ...changes
  }
}

/** Signed with a key of the service. */
function forge (service: Service, changes: object): string {
  const key = liveKeys(service)[0] as ReturnType<typeof liveKeys>[0]
  return signSegments(segment({ alg: key.alg, kid: key.kid, typ: 'at+jwt' }), segment(claimsNow(changes)), key)
}

// For all who leave it as it is.
const service = await startService(t)

t.test('answers as the service itself does', async (t) => {
  const token = await signIn(service)
  const { port } = await startHost(t, { fetch: askedAt(service).fetch })
  const iat = Math.floor(Date.now() / seconds)

  const good = await ask(port, '/guarded', ...bearer(token))
  t.equal(good.status, 200)
  t.match(JSON.parse(good.body), { username: 'alice', clientId: 'gatehouse', roles: [], scopes: [], userId: /./, sessionId: /./, tokenId: /./, expiresAt: Number })
  t.equal((await ask(port, '/guarded', ...bearer(forge(service, {})))).status, 200, 'what is signed with its keys')
  t.equal((await ask(port, '/guarded', 'authorization', `bEaReR  ${token}`)).status, 200)

  const cases: Array<[what: string, status: number, lines: string[]]> = [
    ['no credentials', 401, []],
    ['another scheme', 401, ['authorization', 'Basic YTpi']],
    ['a scheme alone', 400, ['authorization', 'Bearer']],
    ['an empty line', 401, ['authorization', '']],
    ['two lines', 400, [...bearer(token), ...bearer(token)]],
    ['two lines of different schemes', 400, ['authorization', 'Basic YTpi', ...bearer(token)]],
    ['two tokens', 400, ['authorization', `Bearer ${token} ${token}`]],
    ['a comma', 400, ['authorization', `Bearer ${token},`]],
    ['no token at all', 401, bearer('a')],
    ['a changed token', 401, bearer(`${token.slice(0, -4)}AAAA`)],
    ['a token too long', 401, bearer('a'.repeat(9000))],
    ['an expired token', 401, bearer(forge(service, { iat: iat - 700, exp: iat - 100 }))],
    ['a token for others', 401, bearer(forge(service, { aud: 'others' }))],
    ['a token of another issuer', 401, bearer(forge(service, { iss: 'https://other.test' }))],
    ['a client\'s own token', 403, bearer(forge(service, { sub: 'billing', client_id: 'billing', sid: undefined, preferred_username: undefined }))]
  ]
  for (const [what, status, lines] of cases) {
    const [ours, theirs] = [await ask(service.port, '/protected', ...lines), await ask(port, '/guarded', ...lines)]
    t.equal(theirs.status, status, what)
    t.equal(ours.status, status, what)
    t.equal(theirs.body, ours.body, what)
    t.match(ours.headers, theirs.headers, `${what}: every header of one is the other's`)
    t.strictSame(Object.keys(ours.headers).filter((name) => !(name in theirs.headers)).sort(), surface, `${what}: beyond those that the service gives to every answer`)
  }
})

t.test('asks for any token, a role or a scope as the service does', async (t) => {
  const { port } = await startHost(t, { fetch: askedAt(service).fetch })
  const client = { sub: 'billing', client_id: 'billing', sid: undefined, preferred_username: undefined }
  for (const [claims, ...statuses] of [
    [{}, 200, 403, 403], [{ roles: ['viewer', 'editor'], scope: 'write read' }, 200, 200, 200], [{ roles: ['Editor'], scope: 'reading' }, 200, 403, 403],
    [client, 200, 403, 403], [{ ...client, scope: 'read' }, 200, 403, 200]
  ] as Array<[object, number, number, number]>) {
    const answers = await Promise.all(['/token', '/role', '/scope'].map((url) => ask(port, url, ...bearer(forge(service, claims)))))
    t.strictSame(answers.map(({ status }) => status), statuses, JSON.stringify(claims))
  }
})

/** What the service sends with every answer, and another one may or may not. */
const surface = ['content-security-policy', 'referrer-policy', 'strict-transport-security', 'x-content-type-options', 'x-frame-options'].sort()

t.test('follows a rotation at once and a key it has never seen', async (t) => {
  const service = await startService(t)
  const clock = { ahead: 0 }
  const at = askedAt(service)
  const { port } = await startHost(t, { fetch: at.fetch, now: () => Date.now() + clock.ahead })
  const before = await signIn(service)
  t.equal((await ask(port, '/guarded', ...bearer(before))).status, 200)

  const rotate = async (former: string) => {
    t.equal((await command(beside(service), 'keys', 'rotate', '--now')).code, 0)
    let token = former
    await until(async () => {
      token = await signIn(service)
      return kidOf(token) !== kidOf(former)
    })
    return token
  }
  const next = await rotate(before)
  t.equal((await ask(port, '/guarded', ...bearer(next))).status, 200, 'the next key was published')
  t.equal(at.readings(), 1)
  t.equal((await ask(port, '/guarded', ...bearer(before))).status, 200, 'tokens of the old one live out their time')

  const unseen = await rotate(next)
  t.equal((await ask(port, '/guarded', ...bearer(unseen))).status, 401, 'not within the cool-down')
  clock.ahead += 31 * seconds
  const answers = await Promise.all(Array.from({ length: 10 }, () => ask(port, '/guarded', ...bearer(unseen))))
  t.strictSame(answers.map(({ status }) => status), Array(10).fill(200))
  t.equal(at.readings(), 2, 'one look for all of them')
})

t.test('goes by the keys it knows when the service is gone', async (t) => {
  const service = await startService(t)
  const clock = { ahead: 0 }
  const at = askedAt(service)
  const { port } = await startHost(t, { fetch: at.fetch, now: () => Date.now() + clock.ahead })
  const token = await signIn(service)
  const [key] = liveKeys(service)
  if (key === undefined) throw new Error('there is no key')
  await service.stop('SIGKILL')

  clock.ahead += 31 * seconds
  t.equal((await ask(port, '/guarded', ...bearer(token))).status, 200)
  t.equal((await ask(port, '/guarded', ...bearer(signSegments(segment({ alg: key.alg, kid: key.kid, typ: 'at+jwt' }), segment(claimsNow()), key)))).status, 200, 'first seen now')

  const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  const forge = () => signSegments(segment({ alg: 'ES256', kid: `${'A'.repeat(42)}E`, typ: 'at+jwt' }), segment(claimsNow()), { alg: 'ES256', privateKey: stranger })
  const known = at.asked.length
  t.equal((await ask(port, '/guarded', ...bearer(forge()))).status, 401, 'an unknown key')
  t.equal(at.asked.length, known + 1, 'after one look for it')
  t.equal((await ask(port, '/guarded', ...bearer(forge()))).status, 401)
  t.equal(at.asked.length, known + 1, 'and not another one a moment later')
})

t.test('is unavailable before it ever read a key, and recovers by itself', async (t) => {
  const at = askedAt(service)
  const world = { ahead: 0, down: true }
  const { port } = await startHost(t, {
    now: () => Date.now() + world.ahead,
    fetch: (address, init) => world.down ? Promise.reject(new Error('unreachable')) : at.fetch(address, init)
  })
  const token = await signIn(service)
  const answer = await ask(port, '/guarded', ...bearer(token))
  t.match(answer, { status: 503, headers: { 'retry-after': '1' } })
  t.match(JSON.parse(answer.body), { statusCode: 503, code: 'unavailable', error: 'Service Unavailable' })
  t.equal((await ask(port, '/guarded')).status, 401, 'who shows nothing is told so all the same')
  t.equal((await ask(port, '/open')).status, 200)
  world.down = false
  world.ahead += 2 * seconds
  await until(async () => (await ask(port, '/guarded', ...bearer(token))).status === 200)
})

t.test('guards what it is told to and nothing else', async (t) => {
  const { port, app } = await startHost(t, { fetch: askedAt(service).fetch }, (app) => { app.get('/before', async () => 'before') })
  t.equal((await ask(port, '/open')).body, 'open')
  t.equal((await ask(port, '/before')).body, 'before', 'routes that were there already are the host\'s')
  t.equal((await ask(port, '/nowhere')).status, 404)
  t.equal((await app.inject({ method: 'HEAD', url: '/guarded' })).statusCode, 401)
  const mistaken = await app.inject('/mistaken')
  t.equal(mistaken.statusCode, 500, 'nobody is anybody on a public route')
})

t.test('does not start with a route that does not say who may call it', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(verifier, { issuer, audience: 'api', fetch: () => Promise.reject(new Error('unreachable')) })
  t.throws(() => app.get('/forgotten', async () => ''), { message: /^(GET|HEAD) \/forgotten does not say who may call it$/ })
  t.throws(() => app.get('/half', { config: {} }, async () => ''), { message: /does not say who may call it/ })
})

t.test('leaves what the host calls by the same names alone', async (t) => {
  const { app, port } = await startHost(t, { fetch: askedAt(service).fetch }, async (app) => {
    await app.register(sensible)
    await app.register(jwt, { secret: 'the host signs something of its own' })
    for (const name of ['errors', 'tokens', 'clock', 'keys', 'strictJson', 'jobs', 'access']) app.decorate(name, `the host's ${name}` as never)
    app.setErrorHandler((error: Error & { code: string }, _request, reply) => reply.code(418).send({ host: error.code }))
    app.post('/text', async ({ body }) => body)
  })
  for (const name of ['errors', 'tokens', 'clock', 'keys', 'strictJson', 'jobs', 'access']) t.equal((app as unknown as Record<string, unknown>)[name], `the host's ${name}`)
  t.match(app.jwt.verify(app.jwt.sign({ own: true })), { own: true })
  t.equal((await app.inject({ method: 'POST', url: '/text', headers: { 'content-type': 'text/plain' }, payload: 'as it was' })).body, 'as it was')
  t.strictSame(await ask(port, '/guarded').then(({ status, body }) => [status, body]), [418, '{"host":"missing_token"}'], 'its own words for errors')
  t.equal((await ask(port, '/guarded', ...bearer(await signIn(service)))).status, 200)
})

t.test('loads neither the database nor the password hash', async (t) => {
  const script = `
    import { registerHooks } from 'node:module'
    const loaded = []
    registerHooks({ load: (url, context, next) => { loaded.push(url); return next(url, context) } })
    const { default: Fastify } = await import('fastify')
    const { default: verifier } = await import('./verifier.ts')
    const app = Fastify()
    await app.register(verifier, { issuer: 'http://127.0.0.1:9', audience: 'api', fetch: () => Promise.reject(new Error()) })
    app.get('/', { config: { access: 'user' } }, async () => '')
    await app.inject({ url: '/', headers: { authorization: 'Bearer a.b.c' } })
    await app.close()
    console.log(JSON.stringify(loaded))`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { cwd: resolve(import.meta.dirname, '..'), stdio: ['ignore', 'pipe', 'inherit'] })
  const loaded = JSON.parse(await text(child.stdout)) as string[]
  t.ok(loaded.some((url) => url.endsWith('/plugins/tokens/reader.ts')) && loaded.some((url) => url.includes('/fastify/')), 'what is loaded is seen')
  t.strictSame(loaded.filter((url) => /argon2|kysely|sqlite|\/plugins\/(database|passwords|users|sessions|secrets|openapi)|swagger|helmet|config\.ts$/.test(url)), [])
})

t.test('asks the issuer whether a token has ended, where it is told to', async (t) => {
  let now = Date.now()
  const { client_id: clientId, client_secret: clientSecret } = JSON.parse((await command(beside(service), 'clients', 'create', 'gateway', '--json')).out)
  const asked = askedAt(service)
  const questions = () => asked.asked.filter((address) => address === `${issuer}/oauth/introspect`).length
  const guarded = async (host: { port: number }, token: string) => (await ask(host.port, '/guarded', ...bearer(token))).status
  const host = await startHost(t, { fetch: asked.fetch, now: () => now, introspection: { clientId, clientSecret, maxAge: 3 } })
  const token = await signIn(service)
  t.strictSame(await Promise.all(Array.from({ length: 10 }, () => guarded(host, token))), Array(10).fill(200))
  t.equal(questions(), 1, 'all at once ask once')

  await fetch(`${service.url}/logout`, { method: 'POST', headers: { authorization: `Bearer ${token}` } })
  t.equal(await guarded(host, token), 200, 'believed for its max age')
  now += 3000
  const ended = await ask(host.port, '/guarded', ...bearer(token))
  t.equal(ended.status, 401)
  t.equal(JSON.parse(ended.body).code, 'invalid_token')
  t.equal(await guarded(host, token), 401)
  t.equal(questions(), 2)
  t.equal(await guarded(host, `${token}x`), 401)
  t.equal(questions(), 2, 'what is no token is not asked about')

  const stranger = await startHost(t, { fetch: asked.fetch, introspection: { clientId, clientSecret: 'wrong' } })
  const refused = await ask(stranger.port, '/guarded', ...bearer(await signIn(service)))
  t.equal(refused.status, 503)
  t.match(refused.headers, { 'retry-after': '1' })
})

t.test('has no clients of its own', async (t) => {
  const other = Fastify()
  t.teardown(() => other.close())
  await other.register(verifier, { issuer, audience: 'api', fetch: askedAt(service).fetch })
  other.get('/clients', { config: { access: 'client' } }, async ({ client }) => client)
  t.equal((await other.inject({ url: '/clients', headers: { authorization: 'Basic YTpi' } })).statusCode, 500, 'which is closed, not open')
})
