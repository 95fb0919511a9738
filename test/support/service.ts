import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Owner } from './program.ts'

/** All requests of a test come from one address. */
export const unlimited = { LOGIN_LIMIT: 'off', REGISTER_LIMIT: 'off', REFRESH_LIMIT: 'off' }

const root = resolve(import.meta.dirname, '../..')

/** A process of the service, whether it has come up or not. */
export interface Launched {
  readonly pid: number
  /** Where its database is. */
  readonly folder: string
  readonly databaseFile: string
  readonly secretKey: string
  /** Everything it has written so far, standard output and standard error. */
  output (): string
  /** Resolves with the first match in what it has written or will write; rejects where it ends without. */
  written (pattern: RegExp): Promise<RegExpExecArray>
  /** Sends a signal and resolves with the exit code, null where a signal ended it. */
  stop (signal?: NodeJS.Signals): Promise<number | null>
  /** Resolves with the exit code when it ends by itself. */
  readonly ended: Promise<number | null>
}

/** One that listens. */
export interface Service extends Launched {
  /** `http://127.0.0.1:PORT`, or what `HOST` says. */
  readonly url: string
  readonly port: number
}

export interface ServiceOptions {
  environment?: Record<string, string>
  /** An existing folder with a database, for a restart. The caller removes it. */
  folder?: string
  secretKey?: string
  /** Another entry than server.ts, below the root. */
  entry?: string
  /** A folder with other sources than these. */
  sources?: string
  /** A program that starts Node in other circumstances, with its first words. */
  within?: readonly string[]
}

/** A slow machine refuses nobody for being slow: what tests the queue sets its own. */
export const patience = '60s'

export const issuer = 'https://auth.test'

/** A folder that goes with the test. */
export function temporaryFolder (t: Owner): string {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** The service as an operator starts it: a process of its own on a free port, ended with the test. Its issuer is `https://auth.test`. */
export async function startService (t: Owner, options: ServiceOptions = {}): Promise<Service> {
  const launched = launch(t, options)
  const [, url = '', port] = await launched.written(/Server listening at (http:\/\/127\.[\d.]+:(\d+))/)
  return { ...launched, url, port: Number(port) }
}

/** The same, also where it is not going to listen. */
export function launch (t: Owner, options: ServiceOptions = {}): Launched {
  const { environment = {}, folder = temporaryFolder(t), secretKey = randomBytes(32).toString('base64url'), entry = 'server.ts', sources = root, within = [] } = options
  const databaseFile = join(folder, 'gatehouse.db')
  const [program = process.execPath, ...words] = [...within, process.execPath, '--import', './check-node.js', entry]
  const child = spawn(program, words, {
    cwd: sources,
    env: { PATH: process.env['PATH'], PORT: '0', DATABASE_URL: `sqlite:${databaseFile}`, SECRET_KEY: secretKey, PUBLIC_URL: issuer, DRAIN_DELAY: '0', HASH_QUEUE: patience, ...unlimited, ...environment },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => { text += chunk })
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => { text += chunk })
  const ended = once(child, 'close').then(([code]) => code as number | null)
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })

  return {
    pid: child.pid as number,
    folder,
    databaseFile,
    secretKey,
    output: () => text,
    written,
    ended,
    async stop (signal = 'SIGTERM') {
      child.kill(signal)
      return ended
    }
  }

  function written (pattern: RegExp): Promise<RegExpExecArray> {
    return Promise.race([search(pattern), ended.then(() => pattern.exec(text) ?? endedWithout())])
  }

  async function search (pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(text)
      if (found !== null) return found
      await once(child.stdout, 'data')
    }
  }

  function endedWithout (): never {
    throw new Error(`the service ended without the words waited for:\n${text}`)
  }
}
