import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { freePort } from './postgres.ts'
import { until } from './until.ts'

/** A gateway of a test file. */
export interface Nginx {
  readonly port: number
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  /** What it has complained of so far. */
  output (): string
}

/** Nobody: then its workers need no user of their own. */
const nobody = 65_534
const uid = process.getuid?.() ?? 0
const asNobody = uid === 0 ? { uid: nobody, gid: nobody } : {}
const installed = '/usr/sbin/nginx'
/** Below the folder for what is temporary, since others than the one who runs the tests have to read it. */
const cache = join(tmpdir(), `gatehouse-nginx-${uid}`)
const run = promisify(execFile)

/** Starts nginx with these contents of `http { … }`, made for the free port it listens on. It is ended with the test. */
export async function startNginx (t: Test, http: (port: number) => string): Promise<Nginx> {
  const { program, libraries } = await provide()
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-nginx-run-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const port = await freePort()
  writeFileSync(join(folder, 'nginx.conf'), configuration(folder, http(port)), { mode: 0o644 })
  if ('uid' in asNobody) chownSync(folder, nobody, nobody)

  const child = spawn(program, ['-p', `${folder}/`, '-e', 'stderr', '-c', join(folder, 'nginx.conf')], { ...asNobody, env: { LD_LIBRARY_PATH: libraries }, stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => { log += text })
  const quit = () => { child.kill() }
  process.once('exit', quit)
  const ended = once(child, 'close').then(() => process.off('exit', quit))
  t.teardown(async () => {
    quit()
    await ended
  })
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`nginx did not start:\n${log}`)
    return answers(port)
  })
  return { port, url: `http://127.0.0.1:${port}`, output: () => log }
}

function configuration (folder: string, http: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `  ${name}_temp_path ${folder}/${name};`)
  return [
    'daemon off;', 'worker_processes 2;', `pid ${folder}/nginx.pid;`, 'error_log stderr warn;',
    'events { worker_connections 1024; }', 'http {', '  access_log off;', ...temporary, http, '}', ''
  ].join('\n')
}

/** The machine's own nginx, or Debian's package unpacked: nothing is installed. */
async function provide (): Promise<{ program: string, libraries: string }> {
  if (existsSync(installed)) return { program: installed, libraries: '' }
  if (!isOurs()) await unpack()
  const triplet = `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`
  return { program: join(cache, installed), libraries: ['usr/lib', 'lib'].map((path) => join(cache, path, triplet)).join(':') }
}

/** Anybody may make a folder of that name. */
function isOurs (): boolean {
  if (!existsSync(join(cache, installed))) return false
  if (statSync(cache).uid !== uid) throw new Error(`${cache} is another user's: nginx is not started from there`)
  return true
}

/** What a machine without nginx would install for it, without what is there already. */
async function unpack (): Promise<void> {
  const folder = mkdtempSync(`${cache}-`)
  try {
    const { stdout } = await run('apt-get', ['install', '-s', '--no-install-recommends', 'nginx'])
    await run('apt-get', ['download', ...[...stdout.matchAll(/^Inst (\S+)/gm)].map(([, name = '']) => name)], { cwd: folder })
    for (const name of readdirSync(folder)) await run('dpkg', ['-x', join(folder, name), folder])
    chmodSync(folder, 0o755)
    renameSync(folder, cache)
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    // Another test file may have been faster.
    if (isOurs()) return
    const { stderr = '', message } = error as Error & { stderr?: string }
    const [reason = message.split('\n')[0]] = /^E: .*/m.exec(stderr) ?? []
    throw new Error(`nginx is not installed, and Debian's package cannot be had (apt-get, dpkg and apt's lists are needed): ${reason}`)
  }
}

async function answers (port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
