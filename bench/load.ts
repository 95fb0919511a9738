import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { at, type Provided, provide } from '../test/support/debian.ts'
import { isThere, pinned, processorTime, type Server } from './servers.ts'
import { readWrk, turnsScript } from './wrk.ts'

const run = promisify(execFile)

export interface Target {
  server: Server
  path: string
  headers?: Record<string, string>
  /** These bearer tokens in turn, instead of one. */
  tokens?: readonly string[]
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
  return {
    name: 'wrk',
    async slice (target, seconds, connections = 32) {
      const folder = mkdtempSync(join(tmpdir(), 'gatehouse-wrk-script-'))
      try {
        const lines = Object.entries(target.headers ?? {}).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
        if (target.tokens !== undefined) {
          writeFileSync(join(folder, 'turns.lua'), turnsScript(target.path, target.tokens))
          lines.push('-s', join(folder, 'turns.lua'))
        }
        const [command, rest] = pinned(1, path, '-t1', `-c${connections}`, `-d${seconds}s`, ...lines, target.server.url + target.path)
        return await measured(target, async () => readWrk((await run(command, rest, { env: { ...process.env, ...environment } })).stdout))
      } finally {
        rmSync(folder, { recursive: true })
      }
    }
  }
}

const autocannon: Load = {
  name: 'autocannon',
  async slice (target, seconds, connections = 32) {
    const { server: { url }, path, headers = {}, tokens = [] } = target
    const [command, rest] = pinned(1, process.execPath, 'bench/peers/autocannon.js')
    return measured(target, async () => {
      const running = run(command, rest, { maxBuffer: 2 ** 26 })
      running.child.stdin?.end(JSON.stringify({ url, path, headers, tokens, seconds, connections }))
      return JSON.parse((await running).stdout)
    })
  }
}

async function measured ({ server }: Target, work: () => Promise<{ count: number, rate: number }>): Promise<Slice> {
  const before = processorTime(server)
  const { count, rate } = await work()
  return { rate, processor: (processorTime(server) - before) / count }
}
