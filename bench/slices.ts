import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface Target {
  url: string
  headers?: Record<string, string>
}

export interface Server {
  /** `http://127.0.0.1:PORT` */
  url: string
  child: ChildProcess
}

export interface Ratio {
  median: number
  least: number
  most: number
  /** Requests a second, the medians of both sides. */
  of: [number, number]
}

/** A server in a process of its own on the first processor, where the load runs on the second; or on both. */
export async function startServer (script: string, environment: Record<string, string> = {}, { pinned = true } = {}): Promise<Server> {
  const port = await freePort()
  const [command, ...rest] = pinned ? ['taskset', '-c', '0', process.execPath] : [process.execPath]
  const child = spawn(command as string, [...rest, '--import', './check-node.js', script], { env: { ...process.env, ...environment, PORT: String(port) }, stdio: ['ignore', 'ignore', 'inherit'] })
  const url = `http://127.0.0.1:${port}`
  while (!await answers(url)) await sleep(50)
  return { url, child }
}

async function freePort (): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  return port
}

function answers (url: string): Promise<boolean> {
  return fetch(url).then(() => true, () => false)
}

export async function stopServer ({ child }: Server): Promise<void> {
  child.kill('SIGTERM')
  await once(child, 'close')
}

/** Requests a second that wrk got through in `seconds`, over 32 connections. Throws where any answer was not a success. */
export async function throughput ({ url, headers = {} }: Target, seconds: number): Promise<number> {
  const lines = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
  const { stdout } = await run('taskset', ['-c', '1', 'wrk', '-t1', '-c32', `-d${seconds}s`, ...lines, url])
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(`not every answer was a success:\n${stdout}`)
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1])
}

/** `a` and `b` in turn, `pairs` times: the ratio of each pair, so that a machine whose speed drifts does no harm. */
export async function compare (a: Target, b: Target, pairs = 10, seconds = 2): Promise<Ratio> {
  await throughput(a, seconds)
  await throughput(b, seconds)
  const slices: Array<[number, number]> = []
  for (let pair = 0; pair < pairs; pair++) slices.push([await throughput(a, seconds), await throughput(b, seconds)])
  const ratios = slices.map(([first, second]) => first / second)
  return {
    median: median(ratios),
    least: Math.min(...ratios),
    most: Math.max(...ratios),
    of: [median(slices.map(([first]) => first)), median(slices.map(([, second]) => second))]
  }
}

export function median (values: readonly number[]): number {
  const sorted = values.toSorted((x, y) => x - y)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle] as number : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
}
