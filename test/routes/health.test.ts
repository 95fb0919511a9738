import t from 'tap'
import { build } from '../support/build.ts'
import { listen } from '../support/wire.ts'

t.test('is live whenever the process runs, also without a database', async (t) => {
  const server = await build(t)
  await server.database.queries.destroy()
  const reply = await server.inject('/health/live')
  t.equal(reply.statusCode, 200)
  t.same(reply.json(), { status: 'ok' })
  t.equal(reply.headers['cache-control'], 'no-store')
})

t.test('is ready while the database answers', async (t) => {
  const server = await build(t)
  const reply = await server.inject('/health/ready')
  t.equal(reply.statusCode, 200)
  t.same(reply.json(), { status: 'ok' })
  t.equal(reply.headers['cache-control'], 'no-store')
})

t.test('tells whoever asks for no body the same', async (t) => {
  const server = await build(t)
  for (const url of ['/health/live', '/health/ready']) t.match(await server.inject({ method: 'HEAD', url }), { statusCode: 200, body: '', headers: { 'cache-control': 'no-store', 'content-length': '15' } }, url)
})

t.test('is not ready while the database does not, and is again when it does', async (t) => {
  const server = await build(t)
  await listen(server)
  const { promise: finished, resolve: finish } = Promise.withResolvers<void>()
  const busy = server.database.transaction(() => finished)
  const before = performance.now()
  const reply = await server.inject('/health/ready')
  t.equal(reply.statusCode, 503)
  t.match(reply.json(), { code: 'unavailable' })
  t.match(reply.headers, { 'retry-after': '1', 'cache-control': 'no-store' })
  const waited = performance.now() - before
  t.ok(waited > 450 && waited < 1500, `after half a second: ${waited} ms`)
  finish()
  await busy
  t.equal((await server.inject('/health/ready')).statusCode, 200)
})

t.test('is not ready from the moment it drains, and live to the end', async (t) => {
  const server = await build(t)
  const drained = server.drain.run(0)
  t.equal((await server.inject('/health/ready')).json().code, 'unavailable')
  t.equal((await server.inject('/health/live')).statusCode, 200)
  await drained
})
