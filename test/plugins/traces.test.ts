import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { alice, build, withAlice } from '../support/build.ts'
import { call, createClock, signIn } from '../support/calls.ts'
import { startCollector } from '../support/collector.ts'
import { launch, temporaryFolder } from '../support/service.ts'

const root = resolve(import.meta.dirname, '../..')
const { peerDependencies, peerDependenciesMeta, devDependencies, dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

t.test('sends one span a request, with its operation and status, and goes on with the trace it was called in', async (t) => {
  const collector = await startCollector(t)
  const server = await build(t, { environment: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint }, extend: (app) => { app.get('/broken', { config: { access: 'public' }, schema: { operationId: 'broken' } }, () => { throw new Error('no word of this') }) } })
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
  await withAlice(server)
  await server.inject({ method: 'POST', url: '/login', payload: { ...alice, password: 'not the password' }, headers: { traceparent: `00-${trace}-00f067aa0ba902b7-01` } })
  for (const url of ['/nothing?password=lost', '/broken', '/login']) await server.inject(url)
  await server.inject({ url: '/health/live', headers: { traceparent: `00-${trace}-00f067aa0ba902b7-00` } })
  t.same(collector.bodies, [], 'they are sent together, after a while or at the end')
  await server.close()
  t.same([...new Set(collector.services())], ['gatehouse'])
  const spans = collector.spans()
  t.same(spans.map(({ name, attributes, status: { code } }) => [name, attributes['http.request.method'], attributes['http.route'] ?? '-', attributes['http.response.status_code'], code]), [
    ['register', 'POST', '/register', 201, 0],
    ['login', 'POST', '/login', 401, 0],
    ['unknown', 'GET', '-', 404, 0],
    ['broken', 'GET', '/broken', 500, 2],
    ['unknown', 'GET', '/login', 405, 0]
  ], 'of a trace that its caller does not record, nothing is sent')
  for (const { name, attributes, kind, startTimeUnixNano, endTimeUnixNano } of spans) {
    t.equal(attributes['gatehouse.operation'], name)
    t.equal(kind, 2, 'a server\'s')
    t.ok(BigInt(endTimeUnixNano) >= BigInt(startTimeUnixNano))
  }
  t.match(spans[1], { traceId: trace, parentSpanId: '00f067aa0ba902b7' })
  t.not(spans[0]?.traceId, trace)
})

t.test('sends nothing of tokens, passwords, credentials, addresses and queries', async (t) => {
  const collector = await startCollector(t)
  const server = await build(t, { environment: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint } })
  await withAlice(server)
  const { access_token: token, refresh_token: refresh, user: { id } } = await signIn(server)
  await call(server, `GET /me?access_token=${token}`, token)
  await call(server, 'DELETE /me/sessions/of-somebody-else', token)
  await server.inject({ method: 'POST', url: `/refresh?x=${refresh}`, payload: { refresh_token: refresh } })
  await server.inject({ url: `/verify/orders?scope=${token}`, headers: { authorization: `Bearer ${token}x`, cookie: 'a=cookie-of-hers', tracestate: 'state=of-hers', baggage: 'luggage=of-hers' } })
  await server.inject({ method: 'POST', url: '/login', payload: { username: 'mistyped-password', password: 'x' } })
  await server.close()
  t.equal(collector.spans().length, 7)
  const sent = collector.bodies.join()
  for (const secret of [token, token.split('.')[2], refresh, alice.password, 'alice', id, 'Bearer', 'of-hers', 'of-somebody-else', 'mistyped-password', '/orders', '?', '127.0.0.1']) t.notOk(sent.includes(secret ?? '!'), secret ?? '!')
  t.same([...new Set(collector.spans().flatMap(({ attributes, events }) => [...Object.keys(attributes), ...events]))].sort(), ['gatehouse.operation', 'http.request.method', 'http.response.status_code', 'http.route'])
})

t.test('says so, once a minute at most, where the collector does not take them, and answers as ever', async (t) => {
  const collector = await startCollector(t)
  collector.status = 400
  const clock = createClock()
  const log: Array<Record<string, unknown>> = []
  const server = await build(t, { log, now: clock.now, monotonic: clock.monotonic, environment: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint } })
  // More than are sent together: two batches, and a third at the end.
  for (const _ of Array(1100)) await server.inject('/health/live')
  await server.close()
  t.ok(collector.bodies.length >= 2)
  t.match(log.filter(({ level }) => Number(level) >= 40), [{ level: 40, msg: 'traces are lost: the collector at OTEL_EXPORTER_OTLP_ENDPOINT does not take them' }])
})

t.test('loads nothing where it is not set, and says what to install where that is not there', async (t) => {
  const sources = temporaryFolder(t)
  for (const name of ['package.json', 'app.ts', 'argon2-build.ts', 'check-node.js', 'config.ts', 'server.ts', 'config', 'plugins', 'routes', 'schemas']) cpSync(join(root, name), join(sources, name), { recursive: true })
  mkdirSync(join(sources, 'node_modules', '@fastify'), { recursive: true })
  const modules = (folder: string) => readdirSync(join(root, folder)).filter((name) => !name.startsWith('.') && !['@fastify', '@opentelemetry', 'otel'].includes(name)).map((name) => join(folder, name))
  for (const name of [...modules('node_modules'), ...modules('node_modules/@fastify')]) symlinkSync(join(root, name), join(sources, name))
  const without = launch(t, { sources, environment: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' } })
  const quiet = launch(t, { sources })
  t.equal(await without.ended, 1)
  t.equal(without.output(), `gatehouse: OTEL_EXPORTER_OTLP_ENDPOINT is set, and what sends traces is not installed: npm install --no-save ${Object.keys(peerDependencies).map((name) => `${name}@${devDependencies[name]}`).join(' ')}\n`)
  await quiet.written(/Server listening at/)
})

t.test('its packages are optional, tested in the versions that are named, and none that production needs', async (t) => {
  for (const [name, version] of Object.entries(peerDependencies)) {
    t.equal(version, '*', 'who installs the verifier beside packages of these names is not told which')
    t.match(devDependencies[name], /^\d+\.\d+\.\d+$/, name)
    t.same(peerDependenciesMeta[name], { optional: true })
    t.notOk(name in dependencies, name)
  }
  t.same(Object.keys(peerDependenciesMeta), Object.keys(peerDependencies))
})
