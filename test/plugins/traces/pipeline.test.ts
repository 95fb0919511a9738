import { once } from 'node:events'
import { createServer } from 'node:net'
import t from 'tap'
import { createPipeline } from '../../../plugins/traces/pipeline.ts'
import { startCollector } from '../../support/collector.ts'

t.test('strips whatever a library may put into a span', async (t) => {
  const collector = await startCollector(t)
  const { provider, end } = createPipeline(collector.endpoint, (error) => t.fail('failed', { error }))
  const span = provider.getTracer('any').startSpan('login', { attributes: { 'url.path': '/login?password=x', 'http.route': '/login', 'http.response.status_code': 503 }, links: [{ context: { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 } }] })
  span.recordException(new Error('words of a database'))
  span.setStatus({ code: 2, message: 'words of a database' }).end()
  await end()
  t.match(collector.spans(), [{ name: 'login', attributes: { 'http.route': '/login', 'http.response.status_code': 503 }, status: { code: 2 } }])
  t.notMatch(collector.bodies.join(), /words|password|aaaa/)
})

t.test('ends in time, and tells of it, where the collector takes the connection and answers nothing', async (t) => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1')
  t.teardown(() => silent.close())
  await once(silent, 'listening')
  const failures: unknown[] = []
  const { provider, end } = createPipeline(`http://127.0.0.1:${(silent.address() as { port: number }).port}`, (error) => { failures.push(error) })
  provider.getTracer('any').startSpan('login').end()
  const before = performance.now()
  await end()
  t.ok(performance.now() - before < 4500, 'well before the process has to end')
  t.equal(failures.length, 1)
})
