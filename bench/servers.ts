import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../test/support/ports.ts'
import { processorTime as timeOf } from '../test/support/process.ts'

export interface Server {
  /** `http://127.0.0.1:PORT` */
  url: string
  child: ChildProcess
}

/** A script, and the folder that it is started in with the check-node.js there. */
export interface Program {
  script: string
  folder: string
}

/** As `npm start` starts it. */
export const sources: Program = { script: 'server.ts', folder: '.' }

/** As the image starts it, from a bundle in `image`; as `npm start` does where none could be made. */
export function serviceIn (image: string | null): Program {
  return image === null ? sources : { script: 'server.js', folder: image }
}

/** As `npm start` and the image start it; the peers too, so that they differ in what they do and not in how. */
export const production = { NODE_ENV: 'production', MALLOC_ARENA_MAX: '1', GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1', NODE_OPTIONS: '--max-semi-space-size=4' }

/** Whether servers can be kept to the first processor and the load to the second. */
export const pinnable = availableParallelism() > 1 && isThere('taskset')

export function isThere (program: string): boolean {
  try {
    execFileSync('which', [program], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** What runs a command on one processor alone. */
export function pinned (processor: number, command: string, ...rest: string[]): [string, string[]] {
  return pinnable ? ['taskset', ['-c', String(processor), command, ...rest]] : [command, rest]
}

/** A server in a process of its own on the first processor, where the load runs on the second; or on both. */
export async function startServer (script: string, environment: Record<string, string> = {}, { pinned: isPinned = true, folder = '.' } = {}): Promise<Server> {
  const port = await freePort()
  const line = ['--import', './check-node.js', script]
  const [command, rest] = isPinned ? pinned(0, process.execPath, ...line) : [process.execPath, line]
  const child = spawn(command, rest, { cwd: folder, env: { ...process.env, ...environment, PORT: String(port) }, stdio: ['ignore', 'ignore', 'inherit'] })
  const url = `http://127.0.0.1:${port}`
  while (!await answers(url)) {
    if (child.exitCode !== null) throw new Error(`${script} ended with ${child.exitCode}`)
    await sleep(20)
  }
  return { url, child }
}

function answers (url: string): Promise<boolean> {
  return fetch(url).then(() => true, () => false)
}

export async function stopServer ({ child }: Server): Promise<void> {
  const closed = once(child, 'close')
  child.kill('SIGTERM')
  await closed
}

/** Microseconds of processor time that a process has used so far, all its threads together; NaN where there is no /proc. */
export function processorTime ({ child: { pid } }: Server): number {
  try {
    return timeOf(pid as number) * 1000
  } catch {
    return Number.NaN
  }
}

/** `VmRSS` or `VmHWM` in mebibytes; NaN where there is no /proc. */
export function mebibytes ({ child: { pid } }: Server, what: 'VmRSS' | 'VmHWM'): number {
  try {
    return Number(new RegExp(`^${what}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
  } catch {
    return Number.NaN
  }
}
