import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { rawRate } from './parts/logins.ts'
import { mebibytes, production, type Server, startServer, stopServer } from './servers.ts'
import { percentile } from './slices.ts'
import { Crowd, type Storm } from './storm/crowd.ts'

// Many sign in at once: what it does to them, and to those who only call GET /protected meanwhile. Beside it, what a tutorial builds.
const { values: { seconds: given, naive, clients: crowdSize } } = parseArgs({
  allowNegative: true,
  options: { seconds: { type: 'string', default: '30' }, naive: { type: 'boolean', default: true }, clients: { type: 'string', default: '64' } }
})
const seconds = Number(given)
const accounts = 100
const run = promisify(execFile)

interface Probe {
  latencies: number[]
  statuses: Record<string, number>
}

interface Measured {
  idle: Probe
  stormy: Probe
  storm: Storm
  peak: number
  before: number
  alive: boolean
  /** The share of all processors that others took during the storm. */
  elsewhere: number
  raw: number
  load: string
}

const columns: Array<[string, Measured]> = []
columns.push(['HASH_QUEUE=2s', await measure('server.ts', {})])
columns.push(['HASH_QUEUE=200ms', await measure('server.ts', { HASH_QUEUE: '200ms' })])
if (naive) columns.push(['naive', await measure('bench/peers/naive.ts', {})])
print()

async function measure (script: string, environment: Record<string, string>): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'))
  const rawBefore = await rawRate(5)
  const service = await startServer(script, {
    ...production, DATABASE_URL: `sqlite:${join(folder, 'bench.db')}`, LOG_LEVEL: 'warn', DRAIN_DELAY: '0',
    LOGIN_LIMIT: 'off', REGISTER_LIMIT: 'off', ...environment
  }, { pinned: false })
  const crowd = new Crowd(service.url)
  try {
    await crowd.register(accounts)
    const token = await crowd.token()
    const idle = await probe(service, token, Math.min(seconds, 20))
    const load = loadavg()[0]?.toFixed(2) ?? ''
    const before = mebibytes(service, 'VmRSS')
    const elsewhere = watchOthers(service)
    const [storm, stormy] = await Promise.all([crowd.storm(Number(crowdSize), accounts, seconds), probe(service, token, seconds)])
    const others = elsewhere()
    const peak = mebibytes(service, 'VmHWM')
    const alive = (await crowd.post('/login', { username: 'user-1', password: 'correct horse battery staple' })).status === 200
    return { idle, stormy, storm, before, peak, alive, elsewhere: others, raw: (rawBefore + await rawRate(5)) / 2, load }
  } finally {
    crowd.end()
    await stopServer(service)
    rmSync(folder, { recursive: true })
  }
}

/** What neither the service nor the load used of the processors since the call. */
function watchOthers ({ child }: Server): () => number {
  const read = () => {
    const [user = 0, nice = 0, system = 0, idle = 0, waiting = 0] = readFileSync('/proc/stat', 'utf8').split('\n')[0]?.split(/\s+/).slice(1).map(Number) ?? []
    const stat = (path: string) => readFileSync(path, 'utf8').split(') ')[1]?.split(' ').map(Number) ?? []
    const own = [...stat(`/proc/${child.pid}/stat`).slice(11, 13), ...stat('/proc/self/stat').slice(11, 15)].reduce((sum, ticks) => sum + ticks, 0)
    return { busy: user + nice + system, all: user + nice + system + idle + waiting, own }
  }
  const before = read()
  return () => {
    const after = read()
    return (after.busy - before.busy - (after.own - before.own)) / (after.all - before.all)
  }
}

async function probe ({ url }: Server, token: string, length: number): Promise<Probe> {
  const { stdout } = await run(process.execPath, ['bench/storm/probe.ts', `${url}/protected`, token, String(length)], { maxBuffer: 2 ** 26 })
  return JSON.parse(stdout)
}

function print (): void {
  const row = (name: string, cell: (measured: Measured) => string) => process.stdout.write(`| ${[name, ...columns.map(([, measured]) => cell(measured))].join(' | ')} |\n`)
  process.stdout.write(`| ${['', ...columns.map(([name]) => name)].join(' | ')} |\n|${'---|'.repeat(columns.length + 1)}\n`)
  const both = (latencies: number[]) => `${at(latencies, 50)} / ${at(latencies, 99)} ms`
  row('/protected idle, p50 / p99', ({ idle }) => both(idle.latencies))
  row('/protected in the storm, p50 / p99', ({ stormy }) => both(stormy.latencies))
  row('p99 in the storm ÷ idle', ({ idle, stormy }) => (Number(at(stormy.latencies, 99)) / Number(at(idle.latencies, 99))).toFixed(1))
  row('accepted sign-ins, p50 / p99', ({ storm }) => both(storm.accepted))
  row('passwords checked a second ÷ bare argon2', ({ storm, raw }) => `${storm.checked.toFixed(1)} ÷ ${raw.toFixed(1)} = ${(storm.checked / raw).toFixed(2)}`)
  row('resident memory before, peak', ({ before, peak }) => `${before.toFixed(0)}, ${peak.toFixed(0)} MiB`)
  row('/login by status', ({ storm }) => counts(storm.statuses))
  row('/protected by status', ({ stormy }) => counts(stormy.statuses))
  row('signs in afterwards', ({ alive }) => alive ? 'yes' : 'no')
  row('load average before; processors taken by others', ({ load, elsewhere }) => `${load}; ${Math.round(elsewhere * 100)} %`)
}

function counts (statuses: Record<string, number>): string {
  return Object.entries(statuses).map(([status, count]) => `${count} × ${status}`).join(', ')
}

function at (values: number[], share: number): string {
  return percentile(values, share).toFixed(2)
}
