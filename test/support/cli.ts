import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import type { Service } from './service.ts'

const root = resolve(import.meta.dirname, '../..')

export interface Ran {
  code: number | null
  out: string
  err: string
}

/** `cli.ts` as an operator runs it: a process of its own, with this environment and no other. */
export async function runCli (environment: Record<string, string | undefined>, ...args: string[]): Promise<Ran> {
  return runWith({ environment }, ...args)
}

/** The same, with something on standard input. */
export async function runWith ({ environment, input = '' }: { environment: Record<string, string | undefined>, input?: string }, ...args: string[]): Promise<Ran> {
  const child = spawn(process.execPath, ['--import', './check-node.js', 'cli.ts', ...args], {
    cwd: root,
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['pipe', 'pipe', 'pipe']
  })
  const ran: Ran = { code: null, out: '', err: '' }
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => { ran.out += chunk })
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => { ran.err += chunk })
  // One that is misused ends without reading.
  child.stdin.on('error', () => {}).end(input)
  const [code] = await once(child, 'close') as [number | null]
  return { ...ran, code }
}

/** The environment of a command on the database of a running service. */
export function beside ({ databaseFile, secretKey }: Pick<Service, 'databaseFile' | 'secretKey'>): Record<string, string> {
  return { DATABASE_URL: `sqlite:${databaseFile}`, SECRET_KEY: secretKey, PUBLIC_URL: 'https://auth.test' }
}
