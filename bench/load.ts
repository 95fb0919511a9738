import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { at, type Provided, provide } from '../test/support/debian.ts'
import { isThere, pinned, processorTime, type Server } from './servers.ts'
import { chainScript, methodOf, readWrk, type Turn, turnsScript } from './wrk.ts'

const run = promisify(execFile)

export interface Target {
  server: Server
  path: string
  headers?: Record<string, string>
  /** These requests in turn, instead of one. */
  turns?: readonly Turn[]
  /** Whether the load may run on both processors, since the server does. */
  spread?: boolean
}

export interface Slice {
  /** Requests a second. */
  rate: number
  /** Microseconds of the server's processor time a request. */
  processor: number
}

export interface Load {
  name: string
  /** What became of so many seconds of requests over so many connections. Throws where any answer was not a success. */
  slice (target: Target, seconds: number, connections?: number): Promise<Slice>
  /** The same with refresh tokens, of which each answer brings the next; null where the load cannot follow answers. */
  chain: ((target: Target, tokens: readonly string[], seconds: number) => Promise<Slice>) | null
}

/** wrk, the machine's or Debian's; else autocannon, which is of the peers. */
export async function findLoad (): Promise<Load> {
  const wrk = await findWrk()
  return wrk === null ? autocannon : withWrk(wrk)
}

async function findWrk (): Promise<Provided | null> {
  if (isThere('wrk')) return { root: '/', path: 'wrk', environment: {} }
  return provide('wrk', at('usr/bin/wrk')).catch(() => null)
}

function withWrk ({ path, environment }: Provided): Load {
  async function slice (target: Target, seconds: number, connections: number, script: string | null): Promise<Slice> {
    const folder = mkdtempSync(join(tmpdir(), 'gatehouse-wrk-script-'))
    try {
      const lines = Object.entries(target.headers ?? {}).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
      if (script !== null) {
        writeFileSync(join(folder, 'script.lua'), script)
        lines.push('-s', join(folder, 'script.lua'))
      }
      const [command, rest] = placed(target, path, '-t1', `-c${connections}`, `-d${seconds}s`, ...lines, target.server.url + target.path)
      return await measured(target, async () => readWrk((await run(command, rest, { env: { ...process.env, ...environment } })).stdout))
    } finally {
      rmSync(folder, { recursive: true })
    }
  }

  return {
    name: 'wrk',
    slice: (target, seconds, connections = 32) => slice(target, seconds, connections, target.turns === undefined ? null : turnsScript(target.path, target.turns)),
    chain: (target, tokens, seconds) => slice(target, seconds, tokens.length - 1, chainScript(target.path, tokens))
  }
}

const autocannon: Load = {
  name: 'autocannon',
  chain: null,
  async slice (target, seconds, connections = 32) {
    const { server: { url }, path, headers = {}, turns = [{ headers }] } = target
    const requests = turns.map((turn) => ({ path, method: methodOf(turn.body), ...turn }))
    const [command, rest] = placed(target, process.execPath, 'bench/peers/autocannon.js')
    return measured(target, async () => {
      const running = run(command, rest, { maxBuffer: 2 ** 26 })
      running.child.stdin?.end(JSON.stringify({ url, requests, seconds, connections }))
      return JSON.parse((await running).stdout)
    })
  }
}

function placed ({ spread = false }: Target, command: string, ...rest: string[]): [string, string[]] {
  return spread ? [command, rest] : pinned(1, command, ...rest)
}

async function measured ({ server }: Target, work: () => Promise<{ count: number, rate: number }>): Promise<Slice> {
  const before = processorTime(server)
  const { count, rate } = await work()
  return { rate, processor: (processorTime(server) - before) / count }
}
