import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { alice } from '../support/build.ts'
import type { HeaderLine } from '../support/http.ts'
import { freePort } from '../support/ports.ts'
import { until } from '../support/until.ts'
import { createGate, type Gate, type Reply } from './cases.ts'
import { type Adapter, apache, caddy, fenced, haproxy, haproxyAsking, inserted, nginx, readDeployed, replaced, startGateway } from './programs.ts'
import type { World } from './world.ts'

// What the READMEs of deploy/ and docs/gateways.md offer beside the files: their own blocks, put where they say.

/** A file of deploy/ that answers preflights. */
const withPreflight = new Map<Adapter, () => string>([
  [nginx, () => {
    const [ahead = '', below = ''] = fenced('../docs/gateways.md', 'nginx', 'A page of another origin')
    return inserted(inserted(readDeployed(nginx.file), 'before', '\n  server {', ahead), 'after', 'listen 80;', below)
  }],
  [haproxy, () => inserted(readDeployed(haproxy.file), 'before', '  # Everything below /api/', fenced('haproxy/README.md', 'haproxy')[0] ?? '')],
  [haproxyAsking, () => inserted(readDeployed(haproxyAsking.file), 'before', '  # Everything below /api/', fenced('haproxy/README.md', 'haproxy')[0] ?? '')],
  [caddy, () => inserted(readDeployed(caddy.file), 'before', '\t\t# An example of more than a token', fenced('caddy/README.md', 'caddyfile')[0] ?? '')],
  [apache, () => inserted(readDeployed(apache.file), 'before', '# Everything but what is named below', fenced('apache/README.md', 'apache')[0] ?? '')]
])

/** A file of deploy/ whose gateway verifies by itself, for a service with SIGNING_ALG=RS256: as its README says. */
export const withRs256 = new Map<Adapter, () => string>([
  [haproxy, () => replaced(readDeployed(haproxy.file), { '{85}[AQgw]$': '{512}$', 'acl right_alg var(txn.alg) -m str ES256': 'acl right_alg var(txn.alg) -m str RS256' })],
  // Takes both as it is.
  [apache, () => readDeployed(apache.file)]
])

const origin = 'https://app.example.com'
const preflight = (from: string): HeaderLine[] => [['Origin', from], ['Access-Control-Request-Method', 'POST'], ['Access-Control-Request-Headers', 'authorization']]
const allowed = ({ headers }: { headers: readonly HeaderLine[] }) => headers.filter(([name]) => name === 'access-control-allow-origin').map(([, value]) => value)

export async function answersPreflights (t: Test, adapter: Adapter, world: World): Promise<void> {
  const text = withPreflight.get(adapter)?.() ?? ''
  const { ask } = createGate(t, adapter, await startGateway(t, adapter, world, { text }), world)
  for (const path of ['/api/orders', '/api/admin/x']) {
    const answer = await ask(path, undefined, { method: 'OPTIONS', headers: preflight(origin) })
    t.equal(answer.status, 204, path)
    t.same(allowed(answer), [origin])
    t.match(answer.headers.find(([name]) => name === 'access-control-allow-headers')?.[1], /authorization/i)
  }
  for (const from of ['https://evil.example', `${origin}.evil.example`, 'null']) t.same(allowed(await ask('/api/orders', undefined, { method: 'OPTIONS', headers: preflight(from) })), [], from)
  for (const method of ['GET', 'POST', 'DELETE']) {
    const refused = await ask('/api/orders', undefined, { method, headers: [...preflight(origin), ['Content-Length', '0']] })
    t.equal(refused.status, 401, method)
    t.same(allowed(refused), [origin], 'a page learns why')
  }
  t.same(world.application.seen, [], 'the application heard of none of them')
  t.same(allowed(await ask('/api/orders', world.tokens.good, { headers: [['Origin', origin]] })), [origin])
  t.same(world.application.faults(), [])
  if (adapter !== nginx) return
  const local = 'http://localhost:5173'
  const { ask: askLocally } = createGate(t, adapter, await startGateway(t, adapter, world, { text: text.replaceAll(origin, local) }), world)
  t.equal((await askLocally('/api/orders', undefined, { method: 'OPTIONS', headers: preflight(local) })).status, 204, 'an origin without TLS')
}

/** Two processes of Gatehouse behind nginx, of which one loses what it is asked: what is asked of the other one then, and what is not. */
export async function goesOnWithAnotherProcess (t: Test, world: World): Promise<void> {
  const lost: string[] = []
  const losing = createServer((request) => {
    request.resume().on('end', () => {
      lost.push(`${request.method} ${request.url}`)
      request.socket.destroy()
    })
  }).listen(0, '127.0.0.1')
  await once(losing, 'listening')
  t.teardown(() => losing.close())
  const gone = await freePort()
  const [line = '', words = ''] = /server gatehouse:3000( .*)?;/.exec(readDeployed(nginx.file)) ?? []
  const withTwo = async (port: number, words: string) => createGate(t, nginx, await startGateway(t, nginx, world, { text: replaced(readDeployed(nginx.file), { [line]: `server 127.0.0.1:${port}${words};\n${line}` }) }), world)
  const [{ ask }, { ask: askBesideGone }] = await Promise.all([withTwo((losing.address() as AddressInfo).port, ' max_fails=0'), withTwo(gone, words)])
  const post = (askOne: Gate['ask'], path: string, body: object, token?: string) => askOne(path, token, { method: 'POST', headers: [['Content-Type', 'application/json']], body: JSON.stringify(body) })
  const { password } = alice
  /** Asks until the one that loses it was asked, which is every other time, and gives back the answer to that. */
  const answerTo = async (one: string, call: () => Promise<Reply>) => {
    lost.length = 0
    const answers: Reply[] = []
    await until(async () => {
      answers.push(await call())
      return lost.includes(one)
    })
    return answers.at(-1) as Reply
  }
  const names = Array.from({ length: 20 }, (_, number) => `roller${number}`)
  const signIn = async () => JSON.parse((await post(ask, '/login', alice)).body)

  let { refresh_token } = await signIn()
  t.equal((await answerTo('GET /verify', () => ask('/api/orders', world.tokens.good))).status, 200, 'the question about a token')
  t.equal((await answerTo('GET /me', () => ask('/me', world.tokens.good))).status, 200)
  t.equal((await answerTo('POST /login', () => post(ask, '/login', alice))).status, 200)
  t.equal((await answerTo('POST /refresh', async () => {
    const reply = await post(ask, '/refresh', { refresh_token })
    refresh_token = JSON.parse(reply.body).refresh_token
    return reply
  })).status, 200)
  const sessions: Array<{ access_token: string }> = []
  t.equal((await answerTo('POST /logout', async () => {
    sessions.push(await signIn())
    return await post(ask, '/logout', {}, sessions.at(-1)?.access_token)
  })).status, 204)
  const tried: string[] = []
  t.equal((await answerTo('POST /register', () => {
    tried.push(names.pop() as string)
    return post(ask, '/register', { username: tried.at(-1), password })
  })).status, 502, 'nobody knows whether it was done')
  t.equal((await post(askBesideGone, '/login', { username: tried.at(-1), password })).status, 401, 'and it was not sent to the other one')

  for (let times = 0; times < 6; times++) {
    t.equal((await askBesideGone('/api/orders', world.tokens.good)).status, 200)
    t.equal((await post(askBesideGone, '/register', { username: names.pop(), password })).status, 201, 'what was refused was never sent')
  }
}

/** deploy/nginx/nginx.conf, remembering answers as docs/gateways.md says. */
export function remembering (): string {
  const [ahead = '', below = ''] = fenced('../docs/gateways.md', 'nginx', 'Remembering answers')
  return inserted(inserted(readDeployed(nginx.file), 'before', '\n  server {', ahead), 'after', 'location /_verify {\n      internal;', below)
}

export async function remembersForSeconds (t: Test, world: World): Promise<void> {
  const { ask }: Gate = createGate(t, nginx, await startGateway(t, nginx, world, { text: remembering() }), world)
  const asked: string[] = []
  const ended = new Set<string>()
  await world.replaceService(({ url = '', headers: { authorization = '' } }, response) => {
    asked.push(`${url} ${authorization}`)
    const [, user = ''] = /^Bearer (alice|bob)$/.exec(authorization) ?? []
    const status = user === '' || ended.has(user) ? 401 : url.includes('role=admin') && user !== 'bob' ? 403 : 200
    response.writeHead(status, { 'cache-control': 'no-store', ...status === 200 ? { 'x-auth-user-id': user, 'x-auth-roles': user === 'bob' ? 'admin' : '' } : {} }).end()
  })
  const userOf = async (path: string, token?: string) => {
    const { status, saw } = await ask(path, token)
    return saw?.headers['x-auth-user-id'] ?? status
  }

  for (let times = 0; times < 5; times++) for (const user of ['alice', 'bob']) t.equal(await userOf('/api/orders', user), user)
  t.same(asked, ['/verify Bearer alice', '/verify Bearer bob'], 'each is asked about once')
  asked.length = 0
  for (let times = 0; times < 3; times++) {
    t.equal(await userOf('/api/orders'), 401)
    t.equal(await userOf('/api/orders', 'mallory'), 401)
    t.equal(await userOf('/api/admin/x', 'alice'), 403, 'one question does not answer the other')
    t.equal(await userOf('/api/admin/x', 'bob'), 'bob')
  }
  t.equal(asked.length, 3 * 3 + 1, 'refusals are not remembered')

  ended.add('alice')
  const since = performance.now()
  t.equal(await userOf('/api/orders', 'alice'), 'alice', 'believed a little longer')
  await until(async () => await userOf('/api/orders', 'alice') === 401)
  t.ok(performance.now() - since < 5_000, 'three seconds, the second that clocks are read by, and what a busy machine adds')
  t.same(world.application.seen.filter(({ headers }) => !headers.some(([name, value]) => name === 'x-auth-user-id' && ['alice', 'bob'].includes(value))), [])
  world.restoreService()
}
