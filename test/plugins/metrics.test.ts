import { once } from 'node:events'
import { createServer } from 'node:net'
import t from 'tap'
import { alice, build, withAlice } from '../support/build.ts'
import { call } from '../support/calls.ts'
import { figure, readMetrics } from '../support/metrics.ts'
import { startService } from '../support/service.ts'

const nobody = { username: 'nobody', password: 'a password of nobody' }
const measured = { METRICS_PORT: '9464' }

t.test('counts what the audit log tells of, and which limit was exceeded', async (t) => {
  const app = await build(t, { environment: { ...measured, REGISTER_LIMIT: '2/1m' } })
  const post = (url: string, payload: object) => app.inject({ method: 'POST', url, payload })
  for (const _ of Array(5)) await post('/register', alice)
  for (const _ of Array(3)) await post('/login', nobody)
  await post('/login', alice)
  const text = await app.metrics.text()
  for (const line of ['event="user_created",limit=""} 1', 'event="authn_login_fail",limit=""} 3', 'event="authn_login_success",limit=""} 1', 'event="excess_rate_limit_exceeded",limit="register"} 3']) {
    t.ok(text.includes(`gatehouse_events_total{${line}`), line)
  }
})

t.test('counts and times requests by operation and status, and sign-ins by outcome', async (t) => {
  const app = await build(t, { environment: measured, extend: (app) => { app.get('/broken', { config: { access: 'public' }, schema: { operationId: 'broken' } }, () => { throw new Error('broken') }) } })
  await withAlice(app)
  const login = (payload: object) => app.inject({ method: 'POST', url: '/login', payload })
  const { access_token: token } = (await login(alice)).json()
  await login({ ...alice, password: 'not the password' })
  await login({})
  for (const one of [token, token, 'none']) await call(app, 'GET /protected', one)
  await app.inject('/broken')
  const text = await app.metrics.text()
  const requests = (operation: string, status: string) => figure(text, 'gatehouse_requests_total', { operation, status })
  t.strictSame([requests('register', '201'), requests('login', '200'), requests('login', '401'), requests('login', '400'), requests('protected', '200'), requests('protected', '401'), requests('broken', '500')], [1, 1, 1, 1, 2, 1, 1])
  t.equal(figure(text, 'gatehouse_request_duration_seconds_count', { operation: 'login' }), 3)
  const sum = figure(text, 'gatehouse_request_duration_seconds_sum', { operation: 'login' })
  t.ok(sum !== null && sum > 0.01 && sum < 60, 'two hashes, in seconds')
  t.strictSame(['success', 'failure', 'other', 'throttled'].map((outcome) => figure(text, 'gatehouse_logins_total', { outcome })), [1, 1, 1, null])
})

t.test('tells sign-ins apart that were throttled and that were refused', async (t) => {
  const app = await build(t, { environment: { ...measured, LOGIN_LIMIT: '1/1m', HASH_CONCURRENCY: '1', HASH_QUEUE: '50ms' } })
  const { promise, resolve } = Promise.withResolvers<void>()
  app.hashing.run(() => promise, { network: 'elsewhere' })
  // Who waits for a hash keeps no process alive, and here is neither a socket nor a hash that would.
  const alive = setInterval(() => {}, 1000)
  t.teardown(() => clearInterval(alive))
  const login = () => app.inject({ method: 'POST', url: '/login', payload: nobody })
  t.equal((await login()).statusCode, 503)
  resolve()
  t.equal((await login()).statusCode, 401)
  t.equal((await login()).statusCode, 429)
  const text = await app.metrics.text()
  t.strictSame(['refused', 'failure', 'throttled'].map((outcome) => figure(text, 'gatehouse_logins_total', { outcome })), [1, 1, 1])
})

t.test('has no label of what was submitted, whoever calls', async (t) => {
  const app = await build(t, { environment: measured })
  const operations = [...app.routeTable.entries.map(({ operation }) => operation), 'unknown']
  const strange = Array.from({ length: 30 }, (_, index) => `strange${index}`)
  for (const word of strange) {
    for (const url of [`/${word}`, `/verify/${word}`, `/login?x=${word}`, `/me/sessions/${word}`, `/.well-known/keys/${word}`, `/%zz${word}`]) await app.inject({ url, headers: { 'user-agent': word, 'x-request-id': word } })
    await app.inject({ method: 'QUERY' as 'GET', url: `/login/${word}` })
  }
  for (const word of strange.slice(0, 4)) await app.inject({ method: 'POST', url: '/login', payload: { ...nobody, username: word } })
  const text = await app.metrics.text()
  t.notMatch(text, /strange/)
  const metrics = readMetrics(text)
  for (const name of ['gatehouse_requests_total', 'gatehouse_request_duration_seconds']) {
    for (const { labels } of metrics.get(name)?.samples ?? []) t.ok(operations.includes(labels['operation'] ?? ''))
  }
  t.equal(figure(text, 'gatehouse_requests_total', { operation: 'unknown', status: '404' }), 30, 'what is not there is one operation')
})

t.test('measures nothing where nobody can read it', async (t) => {
  const app = await build(t)
  app.metrics.histogram('waits', 'Waits')(1)
  for (const kind of ['gauge', 'counter'] as const) app.metrics[kind]({ name: kind, help: kind, read: () => Number(t.fail('read')) })
  app.metrics.count('authn_login_fail')
  await app.inject('/health/live')
  t.equal(await app.metrics.text(), '')
})

t.test('reads figures whenever it is asked, also by several at once, and has no number for what cannot be read', async (t) => {
  const app = await build(t, { environment: measured })
  let count = 0
  app.metrics.counter({ name: 'ups', help: 'Up', label: 'way', read: async () => ({ up: ++count }) })
  app.metrics.gauge({ name: 'downs', help: 'Down', read: () => Promise.reject(new Error('no answer')) })
  app.metrics.gauge({ name: 'sides', help: 'Side', label: 'way', read: () => { throw new Error('no answer') } })
  const texts = await Promise.all([app.metrics.text(), app.metrics.text(), app.metrics.text()])
  for (const text of texts) t.ok((figure(text, 'ups', { way: 'up' }) ?? 9) <= 3, 'each reading is counted once')
  t.match(texts[0], /^downs nan$/im)
  t.equal(readMetrics(texts[0]).get('sides')?.samples.length, 0)
})

t.test('answers on a port of its own, and nothing but metrics', async (t) => {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { port: number }
  await new Promise((resolve) => { probe.close(resolve) })
  const service = await startService(t, { environment: { METRICS_PORT: String(port) } })
  const metrics = `http://127.0.0.1:${port}`
  await fetch(`${service.url}/login`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(nobody) })
  const reply = await fetch(`${metrics}/metrics`)
  t.equal(reply.status, 200)
  t.match(reply.headers.get('content-type'), /^text\/plain; version=0\.0\.4/)
  const text = await reply.text()
  t.match(text, /^gatehouse_events_total\{event="authn_login_fail",limit=""\} 1$/m)
  t.match(text, /^process_resident_memory_bytes \d+$/m)
  t.equal((await fetch(`${metrics}/login`)).status, 404)
  t.equal((await fetch(`${metrics}/metrics`, { method: 'POST' })).status, 404)
  t.equal((await fetch(`${service.url}/metrics`)).status, 404)
  t.equal(await service.stop(), 0)
})

t.test('is served without metrics where their port is taken, and says so', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  t.teardown(() => taken.close())
  await once(taken, 'listening')
  const service = await startService(t, { environment: { METRICS_PORT: String((taken.address() as { port: number }).port) } })
  await service.written(/METRICS_PORT cannot be listened on/)
  t.equal((await fetch(`${service.url}/health/live`)).status, 200)
})
