import { connect } from 'node:net'
import t from 'tap'
import { answersIn, faultsOf } from '../support/attacker.ts'
import { beginOrdeal, endOrdeal } from '../support/ordeal.ts'
import { residentMemory } from '../support/process.ts'

/** Connections of each kind at once; `npm run faults` asks for 100. */
const connections = Number(process.env['FLOODS'] ?? 20)
const bound = 2000
const mebibyte = 1024 * 1024
/** Milliseconds in which the service hangs up on who goes on sending. */
const longest = 20_000

const upload = (line: string) => `POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${line}\r\n\r\n`
const chunk = `4000\r\n${' '.repeat(0x4000)}\r\n`

/** What is sent first, and then again and again for as long as the other side takes it; and what it is told, if it hears anything before it is cut off. */
const floods: Record<string, { first: string, more: string, told: string }> = {
  'one header of 1 MiB': { first: `GET / HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(mebibyte)}\r\n\r\n`, more: '', told: '431 headers_too_large' },
  'headers of 1 MiB': { first: `GET / HTTP/1.1\r\nHost: x\r\n${`X: ${'a'.repeat(120)}\r\n`.repeat(mebibyte / 125)}\r\n`, more: '', told: '431 headers_too_large' },
  'a chunked body that never ends': { first: upload('Transfer-Encoding: chunked'), more: chunk, told: '413 payload_too_large' },
  'a body that is said to have 8 TiB': { first: upload('Content-Length: 8796093022208'), more: chunk, told: '413 payload_too_large' }
}

/** Sends until the other side hangs up; gives what was heard, how much was sent, and after how many milliseconds it was over. */
async function pour (port: number, { first, more }: { first: string, more: string }): Promise<{ heard: Buffer, sent: number, milliseconds: number }> {
  const begun = performance.now()
  const chunks: Buffer[] = []
  const socket = connect(port, '127.0.0.1')
  // A reset is what hanging up looks like to somebody who sends.
  socket.on('error', () => {}).on('data', (data) => { chunks.push(data as Buffer) })
  const closed = new Promise((resolve) => { socket.once('close', resolve) })
  socket.write(first)
  const go = () => { while (more !== '' && socket.writable && socket.write(more)); }
  socket.on('drain', go)
  go()
  await closed
  return { heard: Buffer.concat(chunks), sent: socket.bytesWritten, milliseconds: performance.now() - begun }
}

t.test(`hangs up on headers of 1 MiB and bodies that never end, ${connections} of each at once, and serves all others`, async (t) => {
  const ordeal = await beginOrdeal(t, { fault: 'headers of 1 MiB and bodies that never end', store: 'SQLite' })
  const { service, seen } = ordeal
  const memory = residentMemory(service.pid)
  let peak = memory
  const watch = setInterval(() => { peak = Math.max(peak, residentMemory(service.pid)) }, 20)
  t.teardown(() => clearInterval(watch))

  const fates = await Promise.all(Object.entries(floods).map(async ([what, flood]) => ({ what, told: flood.told, poured: await Promise.all(Array.from({ length: connections }, () => pour(service.port, flood))) })))
  clearInterval(watch)
  for (const { what, told, poured } of fates) {
    const answers = poured.flatMap(({ heard }) => answersIn(heard))
    t.same([...new Set(answers.map(({ outcome }) => outcome))].filter((outcome) => outcome !== told), [], what)
    t.same([...new Set(answers.flatMap(faultsOf))], [], what)
    const [slowest, most] = [Math.max(...poured.map(({ milliseconds }) => milliseconds)), Math.max(...poured.map(({ sent }) => sent))]
    t.ok(slowest < longest, `${what}: ${Math.round(slowest)} ms`)
    seen.note(`${what}: ${answers.length} of ${connections} heard ${told}, all were cut off within ${Math.round(slowest)} ms, having sent ${(most / mebibyte).toFixed(1)} MiB at most`)
  }
  const growth = peak - memory
  seen.note(`${growth.toFixed(0)} MiB more at most`)
  t.ok(growth < 96, `${growth.toFixed(1)} MiB more at most`)
  await endOrdeal(t, ordeal, bound)
})
