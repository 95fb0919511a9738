import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { startAttacked } from '../support/attacked.ts'
import { answersIn, concludes, createAttacker, faultsOf, takesLessThan } from '../support/attacker.ts'
import { alice, build } from '../support/build.ts'
import { residentMemory } from '../support/process.ts'
import { timeToReady, type Witness, witness } from '../support/witness.ts'

// The attacks on the service run side by side; the tests look at what came of them.

const seconds = 1000
/** Of each habit; `npm run faults` has 500. */
const connections = Number(process.env['SLOW_CLIENTS'] ?? 20)
/** The service looks for late clients every two seconds; the rest is for a busy machine. */
const slack = 5 * seconds

const attacker = createAttacker(await startAttacked(t))
const { service, post, get } = attacker
await post('/register', alice)
const { access_token: token } = (await post('/login', alice)).json<{ access_token: string }>()
// Where nobody else takes memory.
const unread = await startAttacked(t)
const memory = residentMemory(unread.pid)

interface Habit {
  /** What is sent at once. */
  first: string
  /** What is sent again and again, and after how many milliseconds. */
  more?: [text: string, interval: number]
  /** Milliseconds in which nothing is read. */
  deaf?: number
}

/** What became of a connection whose client never ends it: all that came, and after how many milliseconds the service had closed it. */
interface Fate {
  heard: string
  ended: number
}

async function dawdle (port: number, { first, more, deaf = 0 }: Habit): Promise<Fate> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  const begun = performance.now()
  const drip = more === undefined ? undefined : setInterval(() => socket.write(more[0]), more[1])
  socket.on('error', () => {}).setEncoding('latin1').write(first)
  await sleep(deaf)
  const heard = (await socket.toArray()).join('')
  const ended = performance.now() - begun
  clearInterval(drip)
  socket.destroy()
  return { heard, ended }
}

function dawdlers (count: number, habit: Habit, { port } = service): Promise<Fate[]> {
  return Promise.all(Array.from({ length: count }, () => dawdle(port, habit)))
}

function upload (lines: string[], rest: string): string {
  return ['POST /login HTTP/1.1', 'Host: x', 'Content-Type: application/json', ...lines, '', rest].join('\r\n')
}

const slowHeaders = dawdlers(connections, { first: 'GET /health/live HTTP/1.1\r\nHost: x\r\nX: ', more: ['a', 1 * seconds] })
const silent = dawdlers(connections, { first: '' })
const slowBodies = dawdlers(connections, { first: upload(['Content-Length: 100'], ''), more: [' ', 5 * seconds] })
const slowChunks = dawdlers(connections, { first: upload(['Transfer-Encoding: chunked'], 'FFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n') })
const deafness = 15 * seconds
const slowReaders = dawdlers(Math.max(200, connections), { first: 'GET /.well-known/jwks.json HTTP/1.1\r\nHost: x\r\n\r\n', deaf: deafness }, unread)

function outcomes (fates: Fate[]): string[] {
  return [...new Set(fates.map(({ heard }) => answersIn(Buffer.from(heard)).map(({ outcome }) => outcome).join()))]
}

function slowest (fates: Fate[]): number {
  return Math.max(...fates.map(({ ended }) => ended))
}

function faults (fates: Fate[]): string[] {
  return fates.flatMap(({ heard }) => answersIn(Buffer.from(heard)).flatMap(faultsOf))
}

/** The last of them is gone. */
async function isOver (seen: Witness, fates: Fate[], { url } = service): Promise<void> {
  seen.readyAfter(await timeToReady(url))
  seen.note(`${fates.length} connections, the last one closed after ${(slowest(fates) / seconds).toFixed(1)} s`)
}

t.test('G129 serves others while slow clients hold their connections', async (t) => {
  for (let i = 0; i < 50; i++) t.equal((await get('/protected', token)).outcome, '200')
  t.ok(await takesLessThan(100, () => get('/protected', token)))
})

t.test('closes for good the connection of a client that hears the last word and stays', async (t) => {
  const app = await build(t)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  for (const first of ['GARBAGE\r\n\r\n', 'CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n']) {
    const accepted = once(app.server, 'connection')
    const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    t.teardown(() => client.destroy())
    client.resume().write(first)
    const [socket] = await accepted as [Socket]
    await Promise.all([once(client, 'end'), once(socket, 'close', { signal: AbortSignal.timeout(10 * seconds) })])
    t.ok(socket.destroyed, first)
  }
})

t.test('G129 answers 408 to headers that do not end, and to silence, within ten seconds', async (t) => {
  const seen = witness(t, { fault: 'clients whose headers do not end, and clients that say nothing', store: 'SQLite' })
  for (const [name, fates] of Object.entries({ slowHeaders: await slowHeaders, silent: await silent })) {
    t.same(outcomes(fates), ['408 request_timeout'], name)
    t.same(faults(fates), [], name)
    t.ok(slowest(fates) < 10 * seconds + slack, `${name}: ${slowest(fates)} ms`)
  }
  await isOver(seen, [...await slowHeaders, ...await silent])
})

t.test('G130 G122 answers 408 to a body that does not end within fifteen seconds', async (t) => {
  const seen = witness(t, { fault: 'clients whose bodies and chunks do not end', store: 'SQLite' })
  for (const [name, fates] of Object.entries({ slowBodies: await slowBodies, slowChunks: await slowChunks })) {
    t.same(outcomes(fates), ['408 request_timeout'], name)
    t.same(faults(fates), [], name)
    t.ok(slowest(fates) < 15 * seconds + slack, `${name}: ${slowest(fates)} ms`)
  }
  await isOver(seen, [...await slowBodies, ...await slowChunks])
})

t.test('G131 keeps neither the connection nor the memory for a client that does not read', async (t) => {
  const seen = witness(t, { fault: 'clients that ask once and read nothing for 15 s', store: 'SQLite' })
  const fates = await slowReaders
  await isOver(seen, fates, unread)
  t.same(outcomes(fates), ['200'])
  t.ok(slowest(fates) < deafness + 2 * seconds, 'they had been closed by the time they listened')
  const growth = residentMemory(unread.pid) - memory
  t.ok(growth < 64, `${growth} MiB`)
})

concludes(t, attacker)
