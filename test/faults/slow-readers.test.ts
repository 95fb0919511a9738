import { connect } from 'node:net'
import t from 'tap'
import { beginOrdeal, endOrdeal } from '../support/ordeal.ts'
import { residentMemory } from '../support/process.ts'

const connections = 50
const bound = 2000
const longest = 10_000
/** MiB: each connection brings 64 KiB at once, which are 1300 requests, and none of them is let go before the collector comes. */
const mostMemory = 320
const batch = 'GET /.well-known/jwks.json HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(200)

/** Asks for as long as the service takes it, reads nothing, and says how much was taken until the service hung up, after how many milliseconds. */
async function askDeafly (port: number): Promise<{ sent: number, milliseconds: number }> {
  const begun = performance.now()
  const socket = connect(port, '127.0.0.1').pause()
  const { promise, resolve } = Promise.withResolvers<void>()
  socket.on('error', () => {}).on('close', () => resolve())
  const go = () => { while (socket.writable && socket.write(batch)); }
  socket.on('drain', go)
  go()
  // Who does not read does not see an end either, but for that writing fails.
  const nudge = setInterval(() => { if (socket.writable) socket.write(batch) }, 100)
  await promise
  clearInterval(nudge)
  return { sent: socket.bytesWritten, milliseconds: performance.now() - begun }
}

t.test(`stops reading from ${connections} clients that ask and ask and read no answer, and hangs up on them`, async (t) => {
  const ordeal = await beginOrdeal(t, { fault: 'clients that ask without an end and read no answer', store: 'SQLite' })
  const { service, seen } = ordeal
  const memory = residentMemory(service.pid)
  let peak = memory
  const watch = setInterval(() => { peak = Math.max(peak, residentMemory(service.pid)) }, 50)
  t.teardown(() => clearInterval(watch))
  const fates = await Promise.all(Array.from({ length: connections }, () => askDeafly(service.port)))
  clearInterval(watch)
  const slowest = Math.max(...fates.map(({ milliseconds }) => milliseconds))
  t.ok(slowest < longest, `${Math.round(slowest)} ms`)
  t.ok(peak - memory < mostMemory, `${Math.round(peak - memory)} MiB more`)
  seen.note(`${Math.round(slowest / 1000)} s until the last was cut off, ${Math.round(peak - memory)} MiB more at most`)
  await endOrdeal(t, ordeal, bound)
})
