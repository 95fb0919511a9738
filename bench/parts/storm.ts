import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Part, Setup } from '../parts.ts'
import { mebibytes, type Program, production, type Server, serviceIn, sources, startServer, stopServer } from '../servers.ts'
import { inTurn, median, percentile, ratios } from '../slices.ts'
import { Crowd, type Storm } from '../storm/crowd.ts'

const run = promisify(execFile)
const clients = 64
const accounts = 20
/** Requests a second of the one who measures: enough for a 99th percentile of a slice. */
const rate = 100

/** What many who sign in at once do to those who only call /protected, to themselves, and to memory. */
const storm: Part = async (setup) => {
  const usual = await weather(setup, 'usual', {})
  const short = setup.quick ? usual : await weather(setup, 'short', { HASH_QUEUE: '200ms' })
  const limit = await bareHashing(setup)
  const p99 = (slices: number[][]) => slices.map((latencies) => percentile(latencies, 99))
  return [
    { name: '/protected p99 ÷ idle p99', values: ratios(p99(usual.stormy), p99(usual.idle)), note: `p50 ${mid(usual.stormy)} ms beside ${mid(usual.idle)} ms` },
    { name: '/protected p99', values: p99(usual.stormy), unit: 'ms' as const, note: `idle ${median(p99(usual.idle)).toFixed(1)} ms` },
    { name: 'HASH_QUEUE=200ms, accepted sign-ins p99', values: short.accepted.map((latencies) => percentile(latencies, 99)), unit: 'ms' as const, note: `p50 ${mid(short.accepted)} ms; ${counts(short.statuses)}` },
    { name: 'accepted sign-ins p99 by default', values: usual.accepted.map((latencies) => percentile(latencies, 99)), unit: 'ms' as const, note: `p50 ${mid(usual.accepted)} ms; ${counts(usual.statuses)}` },
    { name: 'p99 of bare Fastify beside bare argon2 ÷ its idle p99', values: ratios(p99(limit.hashing), p99(limit.idle)), note: `${median(p99(limit.hashing)).toFixed(1)} and ${median(p99(limit.idle)).toFixed(1)} ms: what nobody who answers beside hashes comes below` },
    { part: 'memory', name: 'resident, idle', values: [usual.before], unit: 'MiB' as const },
    { part: 'memory', name: 'resident, idle, npm start', values: [await atRest(setup)], unit: 'MiB' as const },
    { part: 'memory', name: 'resident, after the storm', values: [usual.after], unit: 'MiB' as const, note: `at most ${usual.peak.toFixed(0)} MiB during it` }
  ]
}

export default storm

interface Weather {
  idle: number[][]
  stormy: number[][]
  accepted: number[][]
  statuses: Record<string, number>
  before: number
  after: number
  peak: number
}

function startService ({ script, folder }: Program, database: string, environment: Record<string, string> = {}): Promise<Server> {
  return startServer(script, { ...production, DATABASE_URL: `sqlite:${database}`, LOG_LEVEL: 'warn', DRAIN_DELAY: '0', LOGIN_LIMIT: 'off', REGISTER_LIMIT: 'off', ...environment }, { pinned: false, folder })
}

/** Mebibytes that `npm start` holds before anybody asks for anything. */
async function atRest ({ quick, folder }: Setup): Promise<number> {
  const server = await startService(sources, join(folder, 'rest.db'))
  await sleep(quick ? 500 : 3000)
  const resident = mebibytes(server, 'VmRSS')
  await stopServer(server)
  return resident
}

async function weather ({ quick, pairs, folder, image }: Setup, name: string, environment: Record<string, string>): Promise<Weather> {
  const server = await startService(serviceIn(image), join(folder, `${name}.db`), environment)
  const crowd = new Crowd(server.url)
  try {
    await sleep(quick ? 500 : 3000)
    const before = mebibytes(server, 'VmRSS')
    await crowd.register(accounts)
    const token = await crowd.token()
    const storms: Storm[] = []
    const { idle = [], stormy = [] } = await inTurn({
      idle: () => probe(server, token, quick ? 1 : 2),
      stormy: async () => {
        const seconds = quick ? 1 : 3
        const [latencies, storm] = await Promise.all([probe(server, token, seconds), crowd.storm(clients, accounts, seconds)])
        storms.push(storm)
        return latencies
      }
    }, pairs)
    return { idle, stormy, accepted: storms.slice(-pairs).map(({ accepted }) => accepted), statuses: together(storms), before, after: mebibytes(server, 'VmRSS'), peak: mebibytes(server, 'VmHWM') }
  } finally {
    crowd.end()
    await stopServer(server)
  }
}

/** A server that does nothing, beside a process that hashes on as many threads as the service does and as far behind: what is left is the system's. */
async function bareHashing ({ quick, pairs }: Setup): Promise<{ idle: number[][], hashing: number[][] }> {
  const server = await startServer('bench/peers/bare.ts', {}, { pinned: false })
  try {
    const { idle = [], hashing = [] } = await inTurn({
      idle: () => probe(server, '', quick ? 1 : 2, '/hello'),
      hashing: async () => {
        const seconds = quick ? 1 : 3
        const hash = run('nice', ['-n', '10', process.execPath, '--import', './check-node.js', 'bench/peers/raw-argon2.ts', String(seconds + 1)])
        await sleep(500)
        const [latencies] = await Promise.all([probe(server, '', seconds, '/hello'), hash])
        return latencies
      }
    }, Math.ceil(pairs / 2))
    return { idle, hashing }
  } finally {
    await stopServer(server)
  }
}

/** Milliseconds from when each request was due to its answer. Throws where any was not a success. */
async function probe ({ url }: Server, token: string, seconds: number, path = '/protected'): Promise<number[]> {
  const { stdout } = await run(process.execPath, ['bench/storm/probe.ts', url + path, token, String(seconds), String(rate)], { maxBuffer: 2 ** 26 })
  const { latencies, statuses } = JSON.parse(stdout)
  if (Object.keys(statuses).some((status) => status !== '200')) throw new Error(`${path} was answered ${counts(statuses)}`)
  return latencies
}

function together (storms: readonly Storm[]): Record<string, number> {
  const all: Record<string, number> = {}
  for (const { statuses } of storms) for (const [status, count] of Object.entries(statuses)) all[status] = (all[status] ?? 0) + count
  return all
}

function counts (statuses: Record<string, number>): string {
  return Object.entries(statuses).map(([status, count]) => `${count} × ${status}`).join(', ')
}

function mid (slices: number[][]): string {
  return median(slices.map((latencies) => median(latencies))).toFixed(1)
}
