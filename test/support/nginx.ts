import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { at, provide } from './debian.ts'
import { freePort } from './ports.ts'
import { programFolder, startProgram } from './program.ts'

/** A gateway of a test file. */
export interface Nginx {
  readonly port: number
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  /** What it has complained of so far. */
  output (): string
}

/** Starts nginx with these contents of `http { … }`, made for the free port it listens on. It is ended with the test. */
export async function startNginx (t: Test, http: (port: number) => string): Promise<Nginx> {
  const provided = await provide('nginx', at('usr/sbin/nginx'))
  const folder = programFolder(t, 'nginx')
  const port = await freePort()
  writeFileSync(join(folder, 'nginx.conf'), configuration(folder, http(port)), { mode: 0o644 })
  const { output } = await startProgram(t, provided, nginxWords(folder), port)
  return { port, url: `http://127.0.0.1:${port}`, output }
}

/** The words of its command line, for the configuration `nginx.conf` in a folder. */
export function nginxWords (folder: string): string[] {
  return ['-p', `${folder}/`, '-e', 'stderr', '-c', join(folder, 'nginx.conf'), '-g', `daemon off; pid ${folder}/nginx.pid;`]
}

/** What `http { … }` needs where nginx is not installed and not root: it begins with this. */
export function nginxFolders (folder: string): string {
  return ['  access_log off;', ...['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `  ${name}_temp_path ${folder}/${name};`)].join('\n')
}

function configuration (folder: string, http: string): string {
  return ['worker_processes 2;', 'error_log stderr warn;', 'events { worker_connections 1024; }', 'http {', nginxFolders(folder), http, '}', ''].join('\n')
}
