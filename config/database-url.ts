import { readFileSync } from 'node:fs'
import type { PostgresAddress } from '../plugins/database.ts'

/** What DATABASE_URL names: a PostgreSQL database, or a SQLite file, where null keeps the database in memory. */
export type DatabaseLocation = { postgres: PostgresAddress, file: null } | { postgres: null, file: string | null }

/** How libpq names what is checked of the server; `require` checks nothing unless there is something to check by. */
const modes = ['disable', 'require', 'verify-ca', 'verify-full']
const parameters = ['sslmode', 'sslrootcert']
const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/

/** Reads DATABASE_URL. Throws with what is wrong, in words that follow the variable's name and quote nothing of it. */
export function readDatabaseUrl (text: string): DatabaseLocation {
  return /^postgres(?:ql)?:/.test(text) ? { postgres: readPostgres(text), file: null } : { postgres: null, file: readSqlite(text) }
}

function readSqlite (text: string): string | null {
  demand(text.startsWith('sqlite:') && text.length > 'sqlite:'.length && !text.startsWith('sqlite:file:') && !text.includes('\0'), 'must be sqlite: and a path, or postgres://USER:PASSWORD@HOST:PORT/DATABASE')
  const path = text.slice('sqlite:'.length)
  demand(!path.includes('?'), 'must name a file alone, without parameters')
  return path === ':memory:' ? null : path.replace(/^\/\/(?=\/)/, '')
}

function readPostgres (text: string): PostgresAddress {
  // A fragment is a password with an unescaped #, of which the rest would silently be lost.
  const url = demand(URL.canParse(text) && !/[#\s\p{Cc}]/u.test(text) ? new URL(text) : null, 'must be postgres://USER:PASSWORD@HOST:PORT/DATABASE, with what is special in a part percent-encoded')
  const host = url.hostname.replace(/^\[(.+)\]$/, '$1')
  demand(/^(?:[\w.-]+|[\da-f:.]+)$/i.test(host), 'must name one host: no list, no socket')
  demand(url.port !== '0', 'must name a port')
  const [user, password, database] = [url.username, url.password, url.pathname.slice(1)].map(decode) as [string, string, string]
  demand(user !== '' && database !== '' && !database.includes('/'), 'must name a user and a database')
  return { host, port: Number(url.port || 5432), database, user, password, tls: readTls(host, url.searchParams) }
}

/** Encrypted and checked unless the address says otherwise, but for the machine itself. */
function readTls (host: string, given: URLSearchParams): PostgresAddress['tls'] {
  const names = [...given.keys()]
  demand(names.every((name) => parameters.includes(name)) && new Set(names).size === names.length, `may have the parameters ${parameters.join(' and ')}, each once, and no other`)
  const file = given.get('sslrootcert')
  const mode = given.get('sslmode') ?? (loopback.test(host) && file === null ? 'disable' : 'verify-full')
  demand(modes.includes(mode), `must have an sslmode that is one of ${modes.join(', ')}`)
  demand(mode !== 'verify-ca' || file !== null, 'needs sslrootcert where sslmode is verify-ca: by a public authority anybody\'s certificate would do')
  if (mode === 'disable') return null
  const verify = mode === 'verify-full' ? 'authority-and-name' : file === null ? 'nothing' : 'authority'
  return { verify, authority: file === null ? null : readCertificate(file) }
}

function readCertificate (file: string): string {
  try {
    const text = readFileSync(file, 'utf8')
    return demand(text.includes('-----BEGIN CERTIFICATE-----') && text, 'names an sslrootcert that holds no certificate in PEM')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw code === undefined ? new Error(message) : new Error(`names an sslrootcert that cannot be read (${code})`)
  }
}

function decode (part: string): string {
  demand(!part.includes('%00'), 'must hold no NUL')
  try {
    return decodeURIComponent(part)
  } catch {
    throw new Error('has a % that begins no percent-encoded character')
  }
}

function demand<T> (value: T, wanted: string): Exclude<T, false | null | undefined> {
  if (value === false || value === null || value === undefined || value === '') throw new Error(wanted)
  return value as Exclude<T, false | null | undefined>
}
