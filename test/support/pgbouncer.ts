import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { at, provide } from './debian.ts'
import { freePort } from './ports.ts'
import type { PostgresServer } from './postgres.ts'
import { answers } from './program.ts'
import { until } from './until.ts'

/** A pooler of a test file. */
export interface PgBouncer {
  /** `1.18` */
  readonly version: string
  /** Whether it follows statements that are prepared by name from one server connection to another, once it is told to: from 1.21 on. */
  readonly followsStatements: boolean
  /** The address of a database by way of it. */
  through (url: string): string
  /** Ends it at once, with all connections. */
  kill (): Promise<void>
  /** Starts it again, at the same port. */
  start (): Promise<void>
}

const nobody = 65_534
const asNobody = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {}

/** Starts PgBouncer in front of a server, with these settings beside what it needs. It is ended with the test. */
export async function startPgBouncer (t: Test, server: PostgresServer, settings: Record<string, string | number>): Promise<PgBouncer> {
  const { path, environment } = await provide('pgbouncer', at('usr/sbin/pgbouncer', 'usr/bin/pgbouncer'))
  const [, major, minor] = /PgBouncer (\d+)\.(\d+)/.exec(execFileSync(path, ['--version'], { env: environment, encoding: 'utf8' })) ?? []
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-pgbouncer-run-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const port = await freePort()
  const own = { listen_addr: '127.0.0.1', listen_port: port, unix_socket_dir: '', auth_type: 'any', ...settings }
  const lines = ['[databases]', `* = host=127.0.0.1 port=${server.port} user=postgres`, '[pgbouncer]', ...Object.entries(own).map(([name, value]) => `${name} = ${value}`), '']
  const file = join(folder, 'pgbouncer.ini')
  writeFileSync(file, lines.join('\n'), { mode: 0o644 })
  if ('uid' in asNobody) chownSync(folder, nobody, nobody)

  let end = async (_signal: NodeJS.Signals): Promise<void> => {}
  t.teardown(() => end('SIGQUIT'))

  async function start (): Promise<void> {
    const child = spawn(path, ['-q', file], { ...asNobody, env: environment, stdio: ['ignore', 'ignore', 'pipe'] })
    let log = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => { log += text })
    const quit = () => { child.kill('SIGQUIT') }
    process.once('exit', quit)
    const ended = once(child, 'close').then(() => process.off('exit', quit))
    end = async (signal) => {
      child.kill(signal)
      await ended
    }
    await until(() => {
      if (child.exitCode !== null) throw new Error(`PgBouncer did not start:\n${log}`)
      return answers(port)
    })
  }

  await start()
  return {
    version: `${major}.${minor}`,
    followsStatements: Number(major) > 1 || Number(minor) >= 21,
    through (url) {
      const address = new URL(url)
      address.port = String(port)
      return address.href
    },
    kill: () => end('SIGKILL'),
    start
  }
}
