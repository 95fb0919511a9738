import { execFile, execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { at, type Provided, provide } from '../support/debian.ts'
import { nginxFolders, nginxWords } from '../support/nginx.ts'
import { freePort } from '../support/ports.ts'
import { programFolder, startProgram } from '../support/program.ts'
import { issuer, type World } from './world.ts'

/** Whether a gateway asks the service about each request, or verifies by itself and believes a token until it expires. */
export type Mode = 'asks' | 'verifies'

/** What is put in the place of the addresses that a file of deploy/ names. */
interface Place {
  folder: string
  root: string
  /** Of its listener, and of one that speaks HTTP/2 without TLS. */
  port: number
  port2: number
  gatehouse: string
  app: string
  /** The service itself, where files are fetched before the gateway starts. */
  url: string
}

/** A program, and how a file of deploy/ is started with other addresses in it. */
export interface Adapter {
  name: string
  mode: Mode
  /** Below deploy/. */
  file: string
  program: () => Promise<Provided>
  version: RegExp
  /** Asks the program for its version. */
  versionWords: readonly string[]
  /** What whoever takes the file replaces in it: the names of a place. */
  names: (place: Place) => Record<string, string>
  /** The file with the names of a place, and its ports. */
  placed: (text: string, place: Place) => string
  words: (file: string, place: Place) => string[]
  /** Asks the program what it thinks of a file. */
  checkWords: (file: string, place: Place) => string[]
  /** What has to be there before it starts. */
  prepare?: (place: Place) => Promise<void>
  /** The same program as a gateway that guards nothing, to measure what guarding costs. */
  unguarded: (place: Place) => string
}

export interface Running {
  readonly port: number
  /** Where HTTP/2 is spoken without TLS. */
  readonly port2: number
  readonly folder: string
  output (): string
}

const deploy = new URL('../../deploy/', import.meta.url)

export function readDeployed (path: string): string {
  return readFileSync(new URL(path, deploy), 'utf8')
}

/** The fenced blocks of a README of deploy/ in this language, of the whole page or of the section with this heading. */
export function fenced (path: string, language: string, heading?: string): string[] {
  const page = readDeployed(path)
  const text = heading === undefined ? page : page.split(/^## /m).find((section) => section.startsWith(`${heading}\n`)) ?? failure(`${path} has no section ${heading}`)
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(([, block = '']) => block)
}

/** A text with a block before or after a place in it, which has to be there once. */
export function inserted (text: string, where: 'before' | 'after', place: string, block: string): string {
  if (text.split(place).length !== 2) failure(`${place} does not stand there once`)
  return text.replace(place, () => where === 'before' ? `${block}${place}` : `${place}\n${block}`)
}

/** Starts a gateway in a world, by its file of deploy/, by another text, or without a guard. */
export async function startGateway (t: Test, adapter: Adapter, world: World, { text = readDeployed(adapter.file), guarded = true } = {}): Promise<Running> {
  const { provided, place, file } = await prepared(t, adapter, world, (place) => guarded ? adapter.placed(text, place) : adapter.unguarded(place))
  const { port, port2, folder } = place
  const { output } = await startProgram(t, provided, adapter.words(file, place), port)
  return { port, port2, folder, output }
}

/** Asks the program itself about its file of deploy/ with the names replaced in it that whoever takes it replaces. Rejects where it minds. */
export async function check (t: Test, adapter: Adapter, world: World): Promise<void> {
  const text = readDeployed(adapter.file).replaceAll(issuer, 'https://login.example.net')
  const { provided: { path, environment }, place, file } = await prepared(t, adapter, world, (place) => replaced(text, adapter.names(place)))
  await promisify(execFile)(path, adapter.checkWords(file, place), { env: environment, timeout: 20_000 })
}

/** The program, and a folder with its file and what has to be there before it starts. */
async function prepared (t: Test, adapter: Adapter, world: World, text: (place: Place) => string): Promise<{ provided: Provided, place: Place, file: string }> {
  const provided = await adapter.program()
  const folder = programFolder(t, adapter.name.replaceAll(' ', '-'))
  const [port, port2] = await Promise.all([freePort(), freePort()])
  const place: Place = {
    folder, root: provided.root, port, port2, url: world.target.service.url, gatehouse: `127.0.0.1:${world.way.port}`, app: `127.0.0.1:${world.application.port}`
  }
  const file = join(folder, adapter.file.split('/').at(-1) as string)
  writeFileSync(file, text(place), { mode: 0o644 })
  await adapter.prepare?.(place)
  return { provided: { ...provided, environment: { ...provided.environment, HOME: folder } }, place, file }
}

/** The version of the program that is there. */
export async function versionOf ({ program, version, versionWords, name }: Adapter): Promise<string> {
  const { path, environment } = await program()
  // nginx tells it on standard error.
  const said = execFileSync('sh', ['-c', '"$@" 2>&1', 'sh', path, ...versionWords], { env: { PATH: process.env['PATH'], ...environment }, encoding: 'utf8' })
  return version.exec(said)?.[1] ?? failure(`${name} does not say its version: ${said}`)
}

function failure (message: string): never {
  throw new Error(message)
}

/** Replaces every one of these, and throws where one is not there: a file that was not changed would be tested elsewhere. */
export function replaced (text: string, changes: Record<string, string>): string {
  return Object.entries(changes).reduce((all, [from, to]) => all.includes(from) ? all.replaceAll(from, to) : failure(`there is no ${from} in the file`), text)
}

const addresses = ({ gatehouse, app }: Place) => ({ 'gatehouse:3000': gatehouse, 'app:8080': app })

export const nginx: Adapter = {
  name: 'nginx',
  mode: 'asks',
  file: 'nginx/nginx.conf',
  program: () => provide('nginx', at('usr/sbin/nginx')),
  version: /nginx\/([\d.]+)/,
  versionWords: ['-v'],
  // Started by somebody else than root, it needs folders of its own.
  names: (place) => ({ ...addresses(place), 'http {\n': `http {\n${nginxFolders(place.folder)}\n` }),
  placed: (text, place) => replaced(text, { ...nginx.names(place), 'listen 80;': `listen 127.0.0.1:${place.port}; listen 127.0.0.1:${place.port2} http2;` }),
  words: (_, { folder }) => nginxWords(folder),
  checkWords: (_, { folder }) => ['-t', ...nginxWords(folder)],
  unguarded: ({ folder, port, app }) => `events {}\nhttp {\n${nginxFolders(folder)}\nupstream app { server ${app}; keepalive 32; }
    server { listen 127.0.0.1:${port}; location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; } } }`
}

export const haproxy: Adapter = {
  name: 'haproxy',
  mode: 'verifies',
  file: 'haproxy/haproxy.cfg',
  program: () => provide('haproxy', at('usr/sbin/haproxy')),
  version: /version ([\d.]+)/,
  versionWords: ['-v'],
  names: (place) => ({ ...addresses(place), '/etc/haproxy': place.folder }),
  placed: (text, place) => replaced(text, { ...haproxy.names(place), 'bind :80': `bind 127.0.0.1:${place.port}\n  bind 127.0.0.1:${place.port2} proto h2` }),
  words: (file) => ['-db', '-f', file],
  checkWords: (file) => ['-c', '-f', file],
  async prepare ({ folder, url }) {
    execFileSync('sh', [new URL('haproxy/fetch-keys', deploy).pathname, url, folder], { stdio: 'pipe' })
  },
  unguarded: ({ port, app }) => `defaults\n mode http\n timeout connect 1s\n timeout client 30s\n timeout server 30s\nlisten public\n bind 127.0.0.1:${port}\n server app ${app}\n`
}

/** The same program, asking: by a file of Lua that lies beside. */
export const haproxyAsking: Adapter = {
  ...haproxy,
  name: 'haproxy with Lua',
  mode: 'asks',
  file: 'haproxy/haproxy-verify.cfg',
  async prepare ({ folder, gatehouse }) {
    writeFileSync(join(folder, 'verify.lua'), replaced(readDeployed('haproxy/verify.lua'), { 'gatehouse:3000': gatehouse }), { mode: 0o644 })
  }
}

export const caddy: Adapter = {
  name: 'caddy',
  mode: 'asks',
  file: 'caddy/Caddyfile',
  program: () => provide('caddy', at('usr/bin/caddy')),
  version: /^v?([\d.]+)/m,
  versionWords: ['version'],
  names: addresses,
  placed: (text, place) => replaced(text, {
    ...addresses(place), '\n:80 {': `\n:${place.port}, :${place.port2} {\n\tbind 127.0.0.1`, 'admin off\n': 'admin off\n\tservers {\n\t\tprotocols h1 h2c\n\t}\n'
  }),
  words: (file) => ['run', '--config', file, '--adapter', 'caddyfile'],
  checkWords: (file) => ['validate', '--config', file, '--adapter', 'caddyfile'],
  unguarded: ({ port, app }) => `{\n admin off\n}\nhttp://127.0.0.1:${port} {\n reverse_proxy ${app}\n}\n`
}

const modules = '/usr/lib/apache2/modules'

export const apache: Adapter = {
  name: 'apache',
  mode: 'verifies',
  file: 'apache/httpd.conf',
  program: () => provide('apache2-bin', (root) => at(`${modules}/mod_oauth2.so`)(root) === null ? null : at('usr/sbin/apache2')(root), ['libapache2-mod-oauth2']),
  version: /Apache\/([\d.]+)/,
  versionWords: ['-v'],
  names: (place) => ({ ...addresses(place), 'Define runtime /run': `Define runtime ${place.folder}`, [modules]: join(place.root, modules) }),
  placed: (text, place) => replaced(text, {
    ...apache.names(place), 'Listen 80': `Listen 127.0.0.1:${place.port}\nListen 127.0.0.1:${place.port2}\nLoadModule http2_module \${modules}/mod_http2.so\nProtocols h2c http/1.1`
  }),
  words: (file) => ['-X', '-f', file],
  checkWords: (file) => ['-t', '-f', file],
  unguarded: ({ folder, root, port, app }) => [
    'ServerName gateway', `Listen 127.0.0.1:${port}`, `PidFile ${folder}/httpd.pid`, `DefaultRuntimeDir ${folder}`, 'ErrorLog "|/bin/cat"',
    ...['mpm_event', 'authz_core', 'proxy', 'proxy_http'].map((name) => `LoadModule ${name}_module ${join(root, modules)}/mod_${name}.so`), `ProxyPass / http://${app}/`, ''
  ].join('\n')
}

export const adapters: readonly Adapter[] = [apache, caddy, haproxy, haproxyAsking, nginx]
