import { once } from 'node:events'
import { syncBuiltinESMExports } from 'node:module'
import os from 'node:os'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { alice, build, costly, withAlice } from '../support/build.ts'
import { createClock } from '../support/calls.ts'
import { startService } from '../support/service.ts'
import { until } from '../support/until.ts'
import { dial, listen } from '../support/wire.ts'

type Line = Record<string, unknown>

const elsewhere = { network: '198.51.100.1' }

/** The app with alice, one place to hash, and a clock that stands still: its hashes seem to take no time, so that the queue never seems long. */
async function start (t: Test, environment: Record<string, string> = {}) {
  const log: Line[] = []
  const clock = createClock()
  const server = await build(t, { log, now: clock.now, monotonic: clock.monotonic, environment: { HASH_CONCURRENCY: '1', ...environment } })
  await withAlice(server)
  return { server, log, clock }
}

function login (server: FastifyInstance, remoteAddress = '192.0.2.1', username = alice.username) {
  return server.inject({ method: 'POST', url: '/login', payload: { ...alice, username }, remoteAddress })
}

/** Takes the only place until it is told to give it back. */
function occupy ({ hashing }: FastifyInstance): () => void {
  const { promise, resolve } = Promise.withResolvers<void>()
  hashing.run(() => promise, elsewhere)
  return resolve
}

const waitingIs = (server: FastifyInstance, count: number) => until(() => server.hashing.statistics().waiting === count)

t.test('answers 503 with Retry-After to all that cannot be hashed in time, and hashes nothing of theirs', async (t) => {
  const log: Line[] = []
  const server = await build(t, { log, environment: { ...costly, HASH_CONCURRENCY: '2', HASH_QUEUE: '300ms' } })
  await withAlice(server)
  const before = server.hashing.statistics().done
  const replies = await Promise.all(Array.from({ length: 200 }, (_, index) => login(server, '192.0.2.1', index % 4 === 0 ? `nobody-${index}` : alice.username)))
  const refused = replies.filter(({ statusCode }) => statusCode === 503)
  const answered = replies.filter(({ statusCode }) => statusCode === 200 || statusCode === 401)
  t.equal(refused.length + answered.length, 200)
  t.ok(refused.length > 100, `${refused.length} refused`)
  t.ok(answered.length >= 2, `${answered.length} answered`)
  for (const { headers, body } of refused) {
    t.match(headers['retry-after'], /^[1-9]\d*$/)
    t.match(JSON.parse(body), { statusCode: 503, code: 'overloaded', error: 'Service Unavailable' })
  }
  const { done, refused: atOnce, expired, waiting, running } = server.hashing.statistics()
  t.same([done - before, atOnce + expired, waiting, running], [answered.length, refused.length, 0, 0])
  t.equal((await login(server)).statusCode, 200, 'and afterwards all is well')
  t.match(log.filter(({ level }) => Number(level) >= 40), [{ level: 40, hashing: { running: 2 } }], 'one warning says so')
})

t.test('warns again of refusals that go on', async (t) => {
  const { server, log, clock } = await start(t)
  const warnings = () => log.filter(({ level }) => level === 40).length
  const release = occupy(server)
  const replies: Array<Promise<unknown>> = []
  const flood = async () => {
    replies.push(...Array.from({ length: 2010 }, () => server.hashing.run(async () => {}, elsewhere).catch(() => {})))
  }
  await flood()
  t.equal(warnings(), 1)
  clock.turn(9)
  await flood()
  t.equal(warnings(), 1)
  clock.turn(1)
  await flood()
  t.equal(warnings(), 2)
  release()
  await Promise.all(replies)
})

t.test('lets one address wait no longer for the flood of another', async (t) => {
  const { server } = await start(t)
  const release = occupy(server)
  const finished: string[] = []
  const from = (network: string) => login(server, network).then(({ statusCode }) => finished.push(`${network} ${statusCode}`))
  const flood = Array.from({ length: 12 }, () => from('192.0.2.66'))
  await waitingIs(server, 12)
  const other = from('203.0.113.9')
  await waitingIs(server, 13)
  release()
  await Promise.all([...flood, other])
  t.ok(finished.indexOf('203.0.113.9 200') <= 2, finished.join())
})

t.test('ends what has waited for HASH_QUEUE', async (t) => {
  const { server, clock } = await start(t, { HASH_QUEUE: '50ms' })
  // The queue's timer keeps no process alive; a socket does.
  await listen(server)
  const release = occupy(server)
  const reply = login(server)
  await waitingIs(server, 1)
  clock.turn(1)
  t.match((await reply).json(), { code: 'overloaded' })
  t.match(server.hashing.statistics(), { waiting: 0, expired: 1 })
  release()
})

t.test('forgets a client that goes away while it waits', async (t) => {
  const { server, log } = await start(t)
  const { done } = server.hashing.statistics()
  const release = occupy(server)
  const { socket } = await dial(t, await listen(server))
  const body = JSON.stringify(alice)
  socket.write(`POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
  await waitingIs(server, 1)
  socket.destroy()
  await until(() => server.hashing.statistics().cancelled === 1)
  t.match(server.hashing.statistics(), { waiting: 0, running: 1 })
  release()
  await until(() => !server.hashing.isBusy)
  t.equal(server.hashing.statistics().done, done + 1, 'nothing was hashed for it')
  t.same(log.filter(({ level }) => Number(level) >= 40), [], 'and nobody is warned of that')
})

t.test('serves a client that stays, one after another on its connection', async (t) => {
  const { server } = await start(t)
  const { socket, received } = await dial(t, await listen(server))
  const body = JSON.stringify(alice)
  for (let i = 1; i <= 12; i++) {
    socket.write(`POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
    while (received().split('HTTP/1.1 200 OK').length <= i) await once(socket, 'data')
  }
  t.match(server.hashing.statistics(), { cancelled: 0 })
})

t.test('ends what waits when the app closes', async (t) => {
  const { server } = await start(t)
  const release = occupy(server)
  const reply = login(server)
  await waitingIs(server, 1)
  const closed = server.close()
  t.match((await reply).json(), { code: 'overloaded' })
  release()
  await closed
  await t.rejects(server.hashing.run(async () => {}, elsewhere), { code: 'overloaded' })
})

t.test('goes on where the system does not let threads stand back', async (t) => {
  t.intercept(os, 'setPriority', { value: () => { throw new Error('not permitted') } })
  syncBuiltinESMExports()
  t.teardown(syncBuiltinESMExports)
  const { server, log } = await start(t)
  t.match(log.filter(({ level }) => level === 40), [{ err: { message: 'not permitted' } }])
  t.equal((await login(server)).statusCode, 200)
})

t.test('has threads to spare, which stand back', async (t) => {
  const service = await startService(t, { environment: { HASH_CONCURRENCY: '3', LOG_LEVEL: 'debug' } })
  const [, threads] = await service.written(/"threads":(\d+)/)
  t.equal(threads, '7')
  t.notMatch(service.output(), 'UV_THREADPOOL_SIZE')
  const small = await startService(t, { environment: { HASH_CONCURRENCY: '3', LOG_LEVEL: 'debug', UV_THREADPOOL_SIZE: '5' } })
  await small.written(/"level":40[^\n]+"wanted":7[^\n]+UV_THREADPOOL_SIZE is small/)
  t.match(small.output(), '"threads":5')
})
