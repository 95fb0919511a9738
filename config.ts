import { readFileSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { isBaseUrl, isCidr, isOrigin } from './config/addresses.ts'
import { type DatabaseLocation, readDatabaseUrl } from './config/database-url.ts'
import { isNearMiss } from './config/near-miss.ts'
import { readRoleScopes } from './config/role-scopes.ts'
import { isGuessable } from './config/secret-strength.ts'
import type { PostgresAddress } from './plugins/database.ts'

/** One line of the environment: what it is called, what it means when it is not set, and how its text is read. */
interface Variable<T> {
  /** What is used where the variable is not set; null where nothing is. */
  default: string | null
  /** How docs/configuration.md writes a default that is worked out from others. */
  shown?: string
  /** For docs/configuration.md. */
  about: string
  /** True where `NAME_FILE` may name a file that holds the value. */
  secret?: boolean
  /** Throws `Fault` with what is wanted, never with what was given. */
  parse: (text: string) => T
}

/** What is wrong with one variable, in words that follow its name. */
class Fault extends Error {}

/** The environment cannot be used. `faults` names every variable at fault and no value. */
export class ConfigError extends Error {
  readonly faults: readonly string[]

  constructor (faults: readonly string[]) {
    super(`The configuration is not usable:\n${faults.map((fault) => `  ${fault}`).join('\n')}`)
    this.faults = faults
  }
}

/** What the process may use of the machine, as a container limits it. */
interface Machine {
  processors: number
  /** Bytes. */
  memory: number
}

type Environment = Readonly<Record<string, string | undefined>>

/** Seconds that verifiers are told to keep the key set for. */
const jwksMaxAge = 300

const seconds = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 }

const port = integer('3000', 1, 65_535, '')

const variables = {
  HOST: text('127.0.0.1', 'Address to listen on; the image sets `0.0.0.0`.'),
  PORT: integer('3000', 0, 65_535, 'Port to listen on; 0 takes a free one.'),
  PUBLIC_URL: { default: null, shown: 'http://localhost:PORT', about: 'The `iss` of every token and the base of every address handed out; never taken from a request.', parse: url },
  AUDIENCE: text('api', 'The `aud` of every token: who the tokens are for.'),
  CLIENT_ID: text('gatehouse', 'The `client_id` of sessions begun at `/login`.'),
  DATABASE_URL: { default: 'sqlite:data/gatehouse.db', secret: true, about: '`sqlite:` and a path (the folder is made if absent), `sqlite::memory:` for a trial that forgets everything, or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`.', parse: databaseUrl },
  DATABASE_POOL: integer('10', 1, 100, 'Connections to PostgreSQL that a process keeps at most.'),
  DATABASE_TIMEOUT: duration('2s', 0.1, 60, 'How long a call waits for the database before it is answered 503.'),
  SQLITE_SYNCHRONOUS: oneOf('full', ['full', 'normal'], '`normal` is faster and may lose the last commits at power loss.'),
  SECRET_KEY: { default: null, secret: true, about: 'Any text of 32 bytes or more; wraps the private keys and derives refresh tokens. Not set: made once beside the SQLite file, mode 0600; required with PostgreSQL. Weak, default or placeholder ones are refused.', parse: secret },
  SECRET_KEY_PREVIOUS: { default: null, secret: true, about: 'The other secret while `SECRET_KEY` is being changed: both open what is stored and what clients hold.', parse: secret },
  ACCESS_TOKEN_TTL: duration('10m', 1, 3600, 'How long an access token lives.', { whole: true }),
  REFRESH_IDLE_TTL: duration('7d', 1, 366 * seconds.d, 'How long a session lives unused.', { whole: true }),
  REFRESH_ABSOLUTE_TTL: duration('30d', 1, 3660 * seconds.d, 'How long a session lives at most; not less than `REFRESH_IDLE_TTL`.', { whole: true }),
  REFRESH_GRACE: duration('30s', 0, 300, 'How long a refresh token that was replaced still gets its successor, while nobody has used that.'),
  MAX_SESSIONS: integer('100', 1, 10_000, 'Sessions a user may have; a new one ends the one used least recently.'),
  REVOCATION_MAX_LAG: duration('30s', 2, 3600, 'How long tokens are believed while the database is silent; then they are answered 503.'),
  CLOCK_SKEW: duration('5s', 0, 60, 'How far clocks may differ when a token is checked.'),
  TOKEN_CACHE: integer('10000', 0, 1_000_000, 'Verified tokens remembered, so that each is verified once; about 1 KiB each.'),
  SIGNING_ALG: oneOf('ES256', ['ES256', 'RS256', 'EdDSA'], 'What new signing keys are made for; RS256 keys have 3072 bits. After a change, keys of the old one live out their time.'),
  KEY_LEAD: duration('2d', 2 * jwksMaxAge, 365 * seconds.d, 'How long a key is published before it signs: verifiers may cache the key set that long.'),
  KEY_ROTATION: duration('30d', 2 * jwksMaxAge, 3660 * seconds.d, 'How long a signing key signs before the next one does; not less than `KEY_LEAD`.'),
  REGISTRATION: oneOf('open', ['open', 'closed'], '`closed`: only administrators add users.'),
  PASSWORD_MIN_LENGTH: integer('8', 8, 128, 'Characters; NIST asks for 15 where the password is the only factor.'),
  ARGON2_MEMORY: integer('19456', 19_456, 262_144, 'KiB a password hash uses; less than OWASP\'s minimum is refused.'),
  ARGON2_TIME: integer('2', 2, 10, 'Passes a password hash makes over that memory.'),
  HASH_CONCURRENCY: { default: 'auto', about: 'Passwords hashed at once, 1 to 256. `auto`: one for each processor, in half of the memory at most.', parse: concurrency },
  HASH_QUEUE: duration('2s', 0.05, 60, 'How long a password may wait to be hashed; what would have to wait longer is answered 503 at once.'),
  PASSWORD_PEPPER: { default: null, secret: true, about: 'Any text of 32 bytes or more that every password is mixed with before it is hashed, so that the database alone verifies no guess. To be kept for good: without it, nobody whose password went through it can sign in. Weak ones are refused.', parse: secret },
  PASSWORD_PEPPER_PREVIOUS: { default: null, secret: true, about: 'The pepper before, while `PASSWORD_PEPPER` is being changed: whoever signs in moves over.', parse: secret },
  LOGIN_LIMIT: limit('30/1m', 'Failed guesses of a password that one address may make: a number and a time. `off` leaves addresses to the gateway; the throttle of accounts stays.'),
  REGISTER_LIMIT: limit('20/1h', 'Registrations and changes of an e-mail address that one address may ask for, whatever becomes of them; or `off`.'),
  REFRESH_LIMIT: limit('60/1m', 'Failed refreshes that one address may make; or `off`.'),
  ROLE_SCOPES: { default: '', about: 'The scopes that the holders of a role get in their access tokens: `role=scope scope;role=scope`. All together have at most 512 characters.', parse: roleScopes },
  BOOTSTRAP_ADMIN_USERNAME: { default: null, about: 'The name of the first administrator, who is made at a start where nobody has the role `admin`, and never again. It has to be free, and needs the next variable beside it.', parse: username },
  BOOTSTRAP_ADMIN_PASSWORD: { default: null, secret: true, about: 'The password of that account, until it is changed there: 128 characters at most, and none that a registration would be refused for. Of no use once there is an administrator.', parse: (given: string) => check(given, [...given.normalize('NFC')].length <= 128, 'must have at most 128 characters') },
  TRUST_PROXY: list('The gateways whose `X-Forwarded-For` is believed: addresses or CIDR ranges, separated by commas. A number or `true` is refused.', cidr),
  CORS_ORIGINS: list('Origins whose scripts may call the service, such as `https://app.example.com`, separated by commas.', origin),
  METRICS_PORT: { default: null, about: 'The port on which `/metrics` answers Prometheus, and nothing else; another one than `PORT`. Not set: nowhere. Not for the public.', parse: (given: string) => port.parse(given) },
  OTEL_EXPORTER_OTLP_ENDPOINT: { default: null, about: 'Where an OpenTelemetry collector takes traces by OTLP over HTTP, such as `http://collector:4318`; it needs [packages](metrics.md#traces) of its own. Not set: no traces.', parse: url },
  LOG_LEVEL: oneOf('info', ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], 'The least severe log line that is written.'),
  DRAIN_DELAY: duration('5s', 0, 600, 'How long requests are still served after SIGTERM, while the gateway takes notice.'),
  DOCUMENTATION: oneOf('on', ['on', 'off'], 'The pages at `/documentation`.'),
  AUDIT_RETENTION: duration('400d', seconds.d, 36_600 * seconds.d, 'How long [the audit](audit.md) keeps an event.')
} as const satisfies Record<string, Variable<unknown>>

type Name = keyof typeof variables
type Values = { [N in Name]: ReturnType<(typeof variables)[N]['parse']> | ((typeof variables)[N]['default'] extends string ? never : null) }

/** The names, defaults and meanings of all variables, in the order of docs/configuration.md. */
export const configurationTable: ReadonlyArray<{ name: string, default: string, secret: boolean, about: string }> =
  Object.entries<Variable<unknown>>(variables).map(([name, { default: value, shown = value || 'none', secret = false, about }]) =>
    ({ name, default: shown, secret, about }))

export type Config = ReturnType<typeof compose>

/**
 * The configuration, read from the environment, checked and frozen: one slice for each plugin.
 * Lifetimes are in seconds. Throws ConfigError that names every fault at once and no value.
 */
export function readConfig (environment: Environment, machine: Machine = thisMachine()): Config {
  const faults: string[] = []
  const values = Object.fromEntries(Object.entries<Variable<unknown>>(variables).map(([name, variable]) =>
    [name, readVariable(environment, name, variable, faults)])) as Values
  if (faults.length === 0) faults.push(...contradictions(values))
  if (faults.length > 0) throw new ConfigError(faults)
  return deepFreeze(compose(values, machine))
}

/** Names in the environment that look like one of ours misspelt: `[what is set, what was perhaps meant]`. */
export function nearMisses (environment: Environment): Array<[string, string]> {
  const known = configurationTable.flatMap(({ name, secret }) => secret ? [name, `${name}_FILE`] : [name])
  const strangers = Object.keys(environment).filter((name) => !known.includes(name))
  return strangers.flatMap((name) => {
    const meant = known.find((candidate) => isNearMiss(name.toUpperCase(), candidate))
    return meant === undefined ? [] : [[name, meant] as [string, string]]
  })
}

/** Where a PostgreSQL database is that DATABASE_URL could name. Throws with what is wrong, in words that follow the name of what was given. */
export function readPostgresUrl (given: string): PostgresAddress {
  const { postgres } = readDatabaseUrl(given)
  if (postgres === null) throw new Error('must be postgres://USER:PASSWORD@HOST:PORT/DATABASE')
  return postgres
}

function compose (values: Values, machine: Machine) {
  const publicUrl = values.PUBLIC_URL ?? `http://localhost:${values.PORT}`
  return {
    listen: { host: values.HOST, port: values.PORT },
    http: { trustProxy: values.TRUST_PROXY, corsOrigins: values.CORS_ORIGINS, https: publicUrl.startsWith('https:'), logLevel: values.LOG_LEVEL },
    metrics: { host: values.HOST, port: values.METRICS_PORT },
    traces: { endpoint: values.OTEL_EXPORTER_OTLP_ENDPOINT },
    drain: { delay: values.DRAIN_DELAY },
    auditChain: { retention: values.AUDIT_RETENTION },
    openapi: { publicUrl, pages: values.DOCUMENTATION === 'on' },
    database: { ...values.DATABASE_URL, pool: values.DATABASE_POOL, timeout: values.DATABASE_TIMEOUT, synchronous: values.SQLITE_SYNCHRONOUS },
    secrets: { secretKey: values.SECRET_KEY, formerKey: values.SECRET_KEY_PREVIOUS, databaseFile: values.DATABASE_URL.file },
    keys: { algorithm: values.SIGNING_ALG, rotation: values.KEY_ROTATION, lead: values.KEY_LEAD, tokenLifetime: values.ACCESS_TOKEN_TTL, clockSkew: values.CLOCK_SKEW },
    tokens: { issuer: publicUrl, audience: values.AUDIENCE, lifetime: values.ACCESS_TOKEN_TTL, clockSkew: values.CLOCK_SKEW, cacheSize: values.TOKEN_CACHE, roleScopes: values.ROLE_SCOPES },
    sessions: { clientId: values.CLIENT_ID, idleLifetime: values.REFRESH_IDLE_TTL, absoluteLifetime: values.REFRESH_ABSOLUTE_TTL, grace: values.REFRESH_GRACE, limit: values.MAX_SESSIONS },
    revocations: { maxLag: values.REVOCATION_MAX_LAG, tokenLifetime: values.ACCESS_TOKEN_TTL, clockSkew: values.CLOCK_SKEW },
    passwords: { minLength: values.PASSWORD_MIN_LENGTH, host: new URL(publicUrl).hostname, memory: values.ARGON2_MEMORY, passes: values.ARGON2_TIME, pepper: values.PASSWORD_PEPPER, formerPepper: values.PASSWORD_PEPPER_PREVIOUS },
    hashing: { concurrency: values.HASH_CONCURRENCY ?? mostHashes(values.ARGON2_MEMORY, machine), longestWait: values.HASH_QUEUE },
    throttle: { limits: { login: values.LOGIN_LIMIT, register: values.REGISTER_LIMIT, refresh: values.REFRESH_LIMIT } },
    accounts: { registration: values.REGISTRATION },
    administration: { first: values.BOOTSTRAP_ADMIN_USERNAME === null ? null : { username: values.BOOTSTRAP_ADMIN_USERNAME, password: values.BOOTSTRAP_ADMIN_PASSWORD as string } }
  }
}

function thisMachine (): Machine {
  return { processors: availableParallelism(), memory: Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY) }
}

/** The other half of the memory is for the service itself and for whatever else is there. */
function mostHashes (kibibytes: number, { processors, memory }: Machine): number {
  return Math.max(1, Math.min(processors, Math.floor(memory / 2 / (kibibytes * 1024))))
}

function readVariable (environment: Environment, name: string, variable: Variable<unknown>, faults: string[]): unknown {
  try {
    const given = environment[name] || (variable.secret ? readSecretFile(environment, name) : undefined)
    const text = given || variable.default
    return text === null ? null : variable.parse(text)
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    faults.push(`${name} ${error.message}`)
    return null
  }
}

function readSecretFile (environment: Environment, name: string): string | undefined {
  const file = environment[`${name}_FILE`]
  if (!file) return undefined
  const text = readText(name, file)
  return check(text, text !== '', `is empty in the file that ${name}_FILE names`)
}

function readText (name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  } catch (error) {
    throw new Fault(`cannot be read from the file that ${name}_FILE names (${(error as NodeJS.ErrnoException).code})`)
  }
}

function contradictions (values: Values): string[] {
  return [
    values.REFRESH_ABSOLUTE_TTL < values.REFRESH_IDLE_TTL && 'REFRESH_ABSOLUTE_TTL must not be less than REFRESH_IDLE_TTL',
    values.KEY_ROTATION < values.KEY_LEAD && 'KEY_ROTATION must not be less than KEY_LEAD',
    values.METRICS_PORT === values.PORT && 'METRICS_PORT must not be PORT',
    values.SECRET_KEY === null && values.DATABASE_URL.postgres !== null && 'SECRET_KEY must be set where DATABASE_URL names a PostgreSQL database: there is no file to keep one beside',
    values.SECRET_KEY === null && values.SECRET_KEY_PREVIOUS !== null && 'SECRET_KEY_PREVIOUS needs SECRET_KEY beside it',
    (values.BOOTSTRAP_ADMIN_USERNAME === null) !== (values.BOOTSTRAP_ADMIN_PASSWORD === null) && 'BOOTSTRAP_ADMIN_USERNAME and BOOTSTRAP_ADMIN_PASSWORD need each other',
    values.PASSWORD_PEPPER === null && values.PASSWORD_PEPPER_PREVIOUS !== null && 'PASSWORD_PEPPER_PREVIOUS needs PASSWORD_PEPPER beside it'
  ].filter((fault) => fault !== false)
}

function text<const D extends string | null> (value: D, about: string) {
  return { default: value, about, parse: (given: string) => check(given, /^[\x21-\x7e]{1,255}$/.test(given), 'must be 1 to 255 printable ASCII characters without spaces') }
}

function integer (value: string, least: number, most: number, about: string) {
  const parse = (given: string) => check(Number(given), /^\d{1,15}$/.test(given) && Number(given) >= least && Number(given) <= most, `must be a whole number from ${least} to ${most}`)
  return { default: value, about, parse }
}

function concurrency (given: string): number | null {
  return given === 'auto' ? null : check(Number(given), /^\d{1,3}$/.test(given) && Number(given) >= 1 && Number(given) <= 256, 'must be a whole number from 1 to 256, or auto')
}

function duration (value: string, least: number, most: number, about: string, { whole = false } = {}) {
  const parse = (given: string) => {
    const [, amount, unit = 's'] = /^(\d{1,12})(ms|s|m|h|d)?$/.exec(given) ?? []
    const length = Number(amount) * seconds[unit as keyof typeof seconds]
    const holds = length >= least && length <= most && (!whole || Number.isInteger(length))
    return check(length, holds, `must be a duration from ${least} to ${most} ${whole ? 'whole ' : ''}seconds: a number of seconds, or a number with ms, s, m, h or d`)
  }
  return { default: value, about, parse }
}

function limit (value: string, about: string) {
  const parse = (given: string): { count: number, seconds: number } | null => {
    if (given === 'off') return null
    const [, count, amount, unit] = /^(\d{1,7})\/(\d{1,5})(s|m|h|d)$/.exec(given) ?? []
    const found = { count: Number(count), seconds: Number(amount) * seconds[unit as keyof typeof seconds] }
    return check(found, found.count >= 1 && found.seconds >= 1 && found.seconds <= seconds.d, 'must be "off", or a number from 1 to 9999999, a slash and a time up to a day with s, m, h or d, such as 30/1m')
  }
  return { default: value, about, parse }
}

function oneOf<const W extends string> (value: W, words: readonly W[], about: string) {
  const parse = (given: string) => check(given as W, words.includes(given as W), `must be one of ${words.join(', ')}`)
  return { default: value as string, about, parse }
}

function list (about: string, parseItem: (text: string) => string) {
  const parse = (given: string) => given.split(',').map((item) => item.trim()).filter((item) => item !== '').map(parseItem)
  return { default: '', about, parse }
}

function roleScopes (given: string): Record<string, string[]> {
  const read = readRoleScopes(given)
  return check(read ?? {}, read !== null, 'must be ROLE=SCOPE SCOPE;ROLE=SCOPE, each role once, with at most 512 characters of scopes')
}

function url (given: string): string {
  return check(given, isBaseUrl(given), 'must be an http or https address without credentials, query or a slash at its end')
}

function origin (given: string): string {
  return check(given, isOrigin(given), 'must hold origins such as https://app.example.com')
}

function cidr (given: string): string {
  return check(given, isCidr(given), 'must hold addresses or CIDR ranges, such as 10.0.0.0/8; a number, a name or "true" is refused')
}

function databaseUrl (given: string): DatabaseLocation {
  try {
    return readDatabaseUrl(given)
  } catch (error) {
    throw new Fault((error as Error).message)
  }
}

function username (given: string): string {
  return check(given.toLowerCase(), /^(?=.{3,32}$)[A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z0-9]$/.test(given), 'must be 3 to 32 of a-z, 0-9 and . _ -, beginning and ending with a letter or digit')
}

function secret (given: string): string {
  check(given, Buffer.byteLength(given) >= 32, 'must be 32 bytes or more')
  return check(given, !isGuessable(given), 'is too easy to guess: use 32 random bytes, as "openssl rand -base64 32" prints them')
}

function check<T> (value: T, holds: boolean, wanted: string): T {
  if (!holds) throw new Fault(wanted)
  return value
}

function deepFreeze<T extends object> (value: T): T {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) deepFreeze(part)
  return Object.freeze(value)
}
