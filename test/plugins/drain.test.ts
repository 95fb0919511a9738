import { once } from 'node:events'
import { Agent, get, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { alice, build } from '../support/build.ts'
import { type Service, startService } from '../support/service.ts'
import { dial, listen } from '../support/wire.ts'

t.jobs = 4

const clientCount = 200
const live = 'GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n'

interface Visit {
  /** The status, or what went wrong. */
  outcome: number | string
  connection: string | undefined
  /** Whether it was sent when the signal was known to have come. */
  late: boolean
}

/** Clients that ask for something as fast as it comes, each over a connection that it keeps as long as it may. */
function crowd (t: Test, { port }: Service, token: string) {
  const visits: Visit[] = []
  let late = false
  let over = false

  async function visit (agent: Agent): Promise<void> {
    const seen: Visit = { outcome: '', connection: undefined, late }
    try {
      const request = get({ agent, port, host: '127.0.0.1', path: '/protected', headers: { authorization: `Bearer ${token}` } })
      const [reply] = await once(request, 'response') as [IncomingMessage]
      await once(reply.resume(), 'end')
      Object.assign(seen, { outcome: reply.statusCode, connection: reply.headers.connection })
    } catch (error) {
      seen.outcome = String(error)
    }
    visits.push(seen)
  }

  const clients = Array.from({ length: clientCount }, async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    t.teardown(() => agent.destroy())
    while (!over) await visit(agent)
  })
  return {
    visits,
    signalled: () => { late = true },
    end: async () => {
      over = true
      await Promise.all(clients)
    }
  }
}

t.test('loses no request of two hundred clients at work, and ends with 0', async (t) => {
  const service = await startService(t, { environment: { DRAIN_DELAY: '2s' } })
  const post = (path: string) => fetch(service.url + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(alice) })
  await post('/register')
  const { access_token: token } = await (await post('/login')).json() as { access_token: string }
  const body = JSON.stringify(alice)
  const { socket, received } = await dial(t, service.port)
  const { visits, signalled, end } = crowd(t, service, token)
  const lateOnes = () => visits.filter(({ late }) => late)
  socket.write(`POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 10)}`)
  while (visits.length < 2 * clientCount) await sleep(10)

  const begun = performance.now()
  process.kill(service.pid, 'SIGTERM')
  await service.written(/"msg":"draining"/)
  signalled()
  const ready = await fetch(`${service.url}/health/ready`)
  t.same([ready.status, ready.headers.get('connection')], [503, 'close'], 'not ready, at once')
  socket.write(body.slice(10))
  await once(socket, 'close')
  t.match(received(), /^HTTP\/1\.1 200 OK\r\n(?:.+\r\n)*connection: close\r\n/i, 'what was under way is answered, and told')
  while (lateOnes().length < clientCount && performance.now() - begun < 1000) await sleep(10)
  await end()

  t.equal(await service.ended, 0)
  t.ok(performance.now() - begun < 6000)
  t.same(visits.filter(({ outcome }) => outcome !== 200), [], `none of ${visits.length} fails`)
  t.ok(lateOnes().length > 0, `${lateOnes().length} came after the signal`)
  t.same(lateOnes().filter(({ connection }) => connection !== 'close'), [], 'all of them are told to go elsewhere')
})

t.test('serves and accepts for the delay, then lets what runs finish and refuses what comes', async (t) => {
  const { promise: finished, resolve: finish } = Promise.withResolvers<void>()
  const { promise: begun, resolve: arrived } = Promise.withResolvers<void>()
  const server = await build(t, {
    extend: (app) => app.get('/slow', { config: { access: 'public' } }, async () => {
      arrived()
      await finished
      return { done: true }
    })
  })
  const port = await listen(server)
  const slow = await dial(t, port)
  slow.socket.write('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n')
  await begun
  t.equal(server.drain.begun, false)
  const drained = server.drain.run(0.1)
  t.equal(server.drain.begun, true)

  const newcomer = await dial(t, port)
  newcomer.socket.write(live)
  await once(newcomer.socket, 'close')
  t.match(newcomer.received(), /^HTTP\/1\.1 200 OK\r\n(?:.+\r\n)*connection: close\r\n/i)

  while (server.server.listening) await sleep(10)
  const [refusal] = await once(connect(port, '127.0.0.1'), 'error')
  t.equal(refusal.code, 'ECONNREFUSED')
  finish()
  await Promise.all([drained, once(slow.socket, 'close')])
  t.match(slow.received(), /^HTTP\/1\.1 200 OK\r\n(?:.+\r\n)*connection: close\r\n(?:.+\r\n)*\r\n\{"done":true\}$/i)
})

// Alone: what the others do between is work of the loop that has 500 ms here.
t.test('takes who has connected already when the delay ends, however busy it is', { buffered: false }, async (t) => {
  const server = await build(t)
  const port = await listen(server)
  const drained = server.drain.run(0.05)
  const replies = Array.from({ length: 50 }, async () => {
    const { promise: closed, resolve: close } = Promise.withResolvers<void>()
    const socket = connect(port, '127.0.0.1').setEncoding('latin1')
    let text = ''
    socket.on('data', (chunk: string) => { text += chunk }).on('error', (error) => { text += error.message }).on('close', () => close()).write(live)
    await closed
    return text
  })
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
  for (const reply of await Promise.all(replies)) t.match(reply, /^HTTP\/1\.1 200 OK\r\n(?:.+\r\n)*connection: close\r\n/i)
  await drained
})

t.test('answers what comes on a kept connection while the listener closes, and then closes idle ones', async (t) => {
  const server = await build(t)
  const port = await listen(server)
  const [idle, active] = [await dial(t, port), await dial(t, port)]
  for (const { socket } of [idle, active]) {
    socket.write(live)
    await once(socket, 'data')
  }
  const before = performance.now()
  const drained = server.drain.run(0)
  while (server.server.listening) await sleep(1)
  active.socket.write(live)
  await once(active.socket, 'close')
  t.equal(active.received().match(/HTTP\/1\.1 200 OK/g)?.length, 2)
  await drained
  t.ok(performance.now() - before < 2000, 'without waiting for a timeout')
  t.equal(idle.received().match(/HTTP\/1\.1 200 OK/g)?.length, 1)
})

t.test('cuts off what does not finish', async (t) => {
  const server = await build(t, { extend: (app) => app.get('/never', { config: { access: 'public' } }, () => new Promise(() => {})) })
  const { socket, received } = await dial(t, await listen(server))
  socket.write('GET /never HTTP/1.1\r\nHost: a\r\n\r\n')
  const before = performance.now()
  await Promise.all([server.drain.run(0), once(socket, 'close')])
  const took = performance.now() - before
  t.ok(took > 3000 && took < 4700, `in time for the process to end in order: ${took} ms`)
  t.equal(received(), '')
})

t.test('has nothing to wait for where nothing listens', async (t) => {
  const server = await build(t)
  await server.drain.run(0)
  t.equal(server.drain.begun, true)
})
