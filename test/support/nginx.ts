import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { at, provide } from './debian.ts'
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
const asNobody = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {}

/** Starts nginx with these contents of `http { … }`, made for the free port it listens on. It is ended with the test. */
export async function startNginx (t: Test, http: (port: number) => string): Promise<Nginx> {
  const { path, environment } = await provide('nginx', at('usr/sbin/nginx'))
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-nginx-run-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const port = await freePort()
  writeFileSync(join(folder, 'nginx.conf'), configuration(folder, http(port)), { mode: 0o644 })
  if ('uid' in asNobody) chownSync(folder, nobody, nobody)

  const child = spawn(path, ['-p', `${folder}/`, '-e', 'stderr', '-c', join(folder, 'nginx.conf')], { ...asNobody, env: environment, stdio: ['ignore', 'ignore', 'pipe'] })
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

/** Whether somebody accepts connections there. */
export async function answers (port: number): Promise<boolean> {
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
