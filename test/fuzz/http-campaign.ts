import { connect } from 'node:net'
import fc from 'fast-check'
import { answersIn, faultsOf } from '../support/attacker.ts'
import { broken, type Description, type Holdings, requests, type Sent } from './requests.ts'

export interface HttpReport {
  count: number
  seconds: number
  seed: number
  /** How often each status was answered; 0 where the connection was closed without an answer. */
  statuses: Map<number, number>
  /** The longest that an answer took, in milliseconds. */
  slowest: number
  findings: Finding[]
}

export interface Finding extends Sent {
  why: string
}

export interface HttpCampaign {
  port: number
  seed: number
  description: Description
  /** Signs in anew for each round, since a round may end the session that it was given. */
  holdings (): Promise<Holdings>
  goesOn (count: number, seconds: number): boolean
  /** Milliseconds an answer may take, hashing included, also when it is asked for alone. */
  patience: number
}

const round = 250
const atOnce = 8
const mostFindings = 10

/** Sends what is made of the description, sound and broken, until told otherwise, and says what should not have happened. */
export async function runHttpCampaign ({ port, seed, description, holdings, goesOn, patience }: HttpCampaign): Promise<HttpReport> {
  const report: HttpReport = { count: 0, seconds: 0, seed, statuses: new Map(), slowest: 0, findings: [] }
  const begun = performance.now()
  for (let number = 0; goesOn(report.count, report.seconds); number++) {
    const sound = requests(description, await holdings())
    const sample = fc.sample(fc.oneof({ weight: 3, arbitrary: sound }, { weight: 1, arbitrary: broken(sound) }), { seed: seed + number, numRuns: round })
    await Promise.all(Array.from({ length: atOnce }, async () => {
      for (let sent = sample.pop(); sent !== undefined; sent = sample.pop()) await judge(sent)
    }))
    report.seconds = (performance.now() - begun) / 1000
  }
  return report

  async function judge (sent: Sent): Promise<void> {
    const { status, why, milliseconds } = await answerTo(port, sent)
    const slow = milliseconds > patience && (await answerTo(port, sent)).milliseconds > patience
    report.count++
    report.slowest = Math.max(report.slowest, milliseconds)
    report.statuses.set(status, (report.statuses.get(status) ?? 0) + 1)
    const reason = why ?? (slow ? `took ${Math.round(milliseconds)} ms, twice` : null)
    if (reason !== null && report.findings.length < mostFindings) report.findings.push({ ...sent, why: reason })
  }
}

/** What came back for these bytes, and what is wrong with it. Overload is an answer; anything else from 500 on is a fault. */
export async function answerTo (port: number, { bytes }: Pick<Sent, 'bytes'>): Promise<{ status: number, why: string | null, milliseconds: number }> {
  const begun = performance.now()
  const received = await exchange(port, bytes)
  const milliseconds = performance.now() - begun
  const heads = [...received.toString('latin1').matchAll(/(?:^|\r\n\r\n|[}\n])HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))
  const status = heads.at(-1) ?? 0
  if (received.length > 0 && heads.length === 0) return { status, why: `no answer begins like this: ${received.subarray(0, 80).toString('latin1')}`, milliseconds }
  const broke = heads.find((one) => one >= 500 && one !== 503)
  if (broke !== undefined) return { status, why: `answered ${broke}`, milliseconds }
  if (received.includes('x-injected', 0, 'latin1')) return { status, why: 'a header was injected', milliseconds }
  return { status, why: shapeFault(bytes, received, heads), milliseconds }
}

/** Where one whole answer came to one request, its headers and its shape are looked at as well. */
function shapeFault (bytes: string, received: Buffer, heads: number[]): string | null {
  if (heads.length !== 1 || heads[0] === 100 || bytes.startsWith('HEAD')) return null
  const [answer] = answersIn(received, bytes.split(/ +/, 2)[1])
  if (answer === undefined || answer.status < 200) return null
  return faultsOf(answer)[0] ?? null
}

/** Everything until the other side hangs up. Ours is closed for writing, so that nobody waits for the rest of what was cut off. */
function exchange (port: number, bytes: string): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const chunks: Buffer[] = []
  const socket = connect(port, '127.0.0.1')
  socket.setTimeout(30_000, () => socket.destroy(new Error('the service kept the connection for thirty seconds')))
  socket.on('data', (chunk) => { chunks.push(chunk as Buffer) })
  socket.on('error', (error: NodeJS.ErrnoException) => { if (!['ECONNRESET', 'EPIPE'].includes(error.code ?? '')) reject(error) })
  socket.on('close', () => resolve(Buffer.concat(chunks)))
  socket.end(bytes, 'latin1')
  return promise
}
