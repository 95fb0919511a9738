import { once } from 'node:events'
import { createServer } from 'node:net'
import t from 'tap'
import { alice, build } from '../support/build.ts'
import { startService } from '../support/service.ts'
import { listen } from '../support/wire.ts'

const nobody = { username: 'nobody', password: 'a password of nobody' }

t.test('counts what the audit log tells of, and which limit was exceeded', async (t) => {
  const app = await build(t, { environment: { REGISTER_LIMIT: '2/1m' } })
  const post = (url: string, payload: object) => app.inject({ method: 'POST', url, payload })
  for (const _ of Array(5)) await post('/register', alice)
  for (const _ of Array(3)) await post('/login', nobody)
  await post('/login', alice)
  const text = await app.metrics.text()
  for (const line of ['event="user_created",limit=""} 1', 'event="authn_login_fail",limit=""} 3', 'event="authn_login_success",limit=""} 1', 'event="excess_rate_limit_exceeded",limit="register"} 3']) {
    t.ok(text.includes(`gatehouse_events_total{${line}`), line)
  }
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

t.test('listens nowhere by itself', async (t) => {
  const app = await build(t)
  await listen(app)
  t.match(await app.metrics.text(), /gatehouse_events_total/)
})
