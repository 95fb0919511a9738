import { randomBytes } from 'node:crypto'
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import type { FastifyInstance } from 'fastify'
import { createRefreshTokens } from '../plugins/sessions/refresh-token.ts'
import { type Latencies, measureCalls } from './scale/calls.ts'
import { type Carried, carry, type Process, type Request, startProcess, stopProcess } from './scale/load.ts'
import { createPopulation, type Population } from './scale/population.ts'
import { openPostgresStore, openSqliteStore, type Store, type Work } from './scale/stores.ts'
import { createService } from './service.ts'

// A database of many, on both engines: what it weighs, how long calls take in it, what each makes the database do, and how long a start takes.
const { values: given } = parseArgs({
  options: {
    users: { type: 'string', default: '1000000' },
    sessions: { type: 'string', default: '3000000' },
    store: { type: 'string', default: 'both' },
    times: { type: 'string', default: '2000' },
    seconds: { type: 'string', default: '8' }
  }
})
const [users, sessions, times, seconds] = [given.users, given.sessions, given.times, given.seconds].map(Number) as [number, number, number, number]
const password = 'seven lamps by the harbour wall'
const issuer = 'https://auth.example.com'
const environment = { SECRET_KEY: randomBytes(32).toString('base64url'), PUBLIC_URL: issuer, LOGIN_LIMIT: 'off', REFRESH_LIMIT: 'off', HASH_QUEUE: '60s' }
const starts = 5
const moreRevocations = 100_000
/** Milliseconds a start may take. */
const startLimit = 2000

if (given.store !== 'sqlite') await measureStore(await openPostgresStore(prepare))
if (given.store !== 'postgres') await measureStore(await openSqliteStore(prepare))

/** Tables and keys, as the first start makes them. */
async function prepare (url: string): Promise<void> {
  const service = await createService({ ...environment, DATABASE_URL: url })
  await service.close()
}

async function measureStore (store: Store): Promise<void> {
  try {
    say(`\n## ${store.name}: ${users} users, ${sessions} sessions; load average ${loadavg()[0]?.toFixed(1)}\n`)
    const population = await fill(store)
    await printSizes(store)
    await printStarts(store, 'start to ready')
    const service = await createService({ ...environment, DATABASE_URL: store.url })
    const take = taker(population)
    printLatencies(await measureCalls(service, population, take, times))
    await printSweep(service)
    await printCarried(store, service, population, take)
    await service.close()
    const readThrough = await store.readThrough()
    say(`tables read from one end to the other: ${readThrough.join(', ') || 'none'}\n`)
    if (readThrough.length > 0) process.exitCode = 1
    await store.fill(population.more(moreRevocations))
    await printStarts(store, `start to ready with ${moreRevocations} endings more`)
  } finally {
    await store.close()
  }
}

async function fill (store: Store): Promise<Population> {
  const service = await createService()
  const digest = await service.passwords.hash(password, { network: '' })
  await service.close()
  const population = createPopulation({ users, sessions, now: Date.now(), digest })
  const began = performance.now()
  for (const table of population.tables) await store.fill(table)
  await store.settle()
  say(`filled in ${Math.round((performance.now() - began) / 1000)} s\n`)
  return population
}

function taker ({ live }: Population): () => Population['live'][number] {
  let next = 0
  return () => {
    const session = live[next++]
    if (session === undefined) throw new Error('every session is used up: give more of them')
    return session
  }
}

async function printSizes (store: Store): Promise<void> {
  const [rows, whole] = [await store.sizes(), { users, user_roles: users, known_networks: users, sessions, audit_events: sessions } as Record<string, number>]
  table(['table', 'MiB', 'of it indexes', 'bytes for each user, session, event'], rows.filter(({ data }) => data > 100_000).map(({ table: name, data, indexes }) => {
    return [name, mebibytes(data + indexes), mebibytes(indexes), whole[name] === undefined ? '' : String(Math.round((data + indexes) / whole[name]))]
  }))
  say(`\n${mebibytes(rows.reduce((sum, { data, indexes }) => sum + data + indexes, 0))} MiB in all\n`)
}

async function printStarts (store: Store, what: string): Promise<void> {
  const all: Process[] = []
  for (let number = 0; number < starts; number++) {
    const started = await startProcess({ ...environment, DATABASE_URL: store.url })
    all.push(started)
    await stopProcess(started)
  }
  const [after, busy] = [all.map(({ readyAfter }) => Math.round(readyAfter)), all.map(({ startTime }) => startTime)]
  say(`\n${what}: ${after.join(', ')} ms, of it the processor ${busy.join(', ')} ms; load average ${loadavg()[0]?.toFixed(1)}\n\n`)
  if (Math.max(...after) > startLimit) process.exitCode = 1
}

function printLatencies (latencies: readonly Latencies[]): void {
  table(['one after the other', 'times', 'half', '99 %', 'longest'], latencies.map(({ call, milliseconds }) => {
    return [call, String(milliseconds.length), ...[0.5, 0.99, 1].map((share) => `${at(milliseconds, share).toFixed(2)} ms`)]
  }))
  say(`\nload average ${loadavg()[0]?.toFixed(1)}\n`)
}

/** All that is over, which otherwise a process would sweep beside what is measured next. */
async function printSweep ({ jobs }: FastifyInstance): Promise<void> {
  const began = performance.now()
  await jobs.run('sessions')
  say(`the rest that is over is swept in ${((performance.now() - began) / 1000).toFixed(1)} s\n\n`)
}

/** The calls of clients, at a process of its own, over HTTP. */
async function printCarried (store: Store, app: FastifyInstance, population: Population, take: () => Population['live'][number]): Promise<void> {
  const started = await startProcess({ ...environment, DATABASE_URL: store.url })
  try {
    const rows: string[][] = []
    for (const [call, requests] of Object.entries(requestsOf(app, population, take))) {
      await carry(started, requests, 1)
      rows.push([call, ...await carried(store, started, requests)])
    }
    table(['over HTTP, 16 at a time', 'a second', 'service', 'database', 'statements', 'rows written', 'index entries', 'bytes of log', 'pages after a checkpoint'], rows)
    say(`\nload average ${loadavg()[0]?.toFixed(1)}\n`)
  } finally {
    await stopProcess(started)
  }
}

async function carried (store: Store, started: Process, requests: Iterator<Request>): Promise<string[]> {
  const ended = await store.count()
  const load = await carry(started, requests, seconds)
  return [Math.round(load.requests / load.seconds).toString(), each(load.processor * 1000, load, ' ms'), ...ended === null ? [] : work(await ended(), load)]
}

function work ({ processor, statements, rows, indexEntries, logBytes, pageBytes }: Work, load: Carried): string[] {
  return [each(processor * 1000, load, ' ms'), ...[statements, rows, indexEntries].map((sum) => each(sum, load)), ...[logBytes, pageBytes].map((sum) => String(Math.round(sum / load.requests)))]
}

function each (sum: number, { requests }: Carried, unit = ''): string {
  return `${(sum / requests).toFixed(2)}${unit}`
}

function requestsOf (app: FastifyInstance, { userIds, username }: Population, take: () => Population['live'][number]): Record<string, Iterator<Request>> {
  const refreshTokens = createRefreshTokens(app.secrets)
  const bearer = ({ id, userId }: Population['live'][number]) => {
    const user = { id: userId, username: 'somebody', email: null, passwordHash: null, disabled: false, roles: [], createdAt: 0, sessionsNotBefore: 0 }
    const { token } = app.tokens.issue({ user, session: { id, clientId: 'gatehouse', expiresAt: Number.POSITIVE_INFINITY } })
    return { authorization: `Bearer ${token}` }
  }
  const always = bearer(take())
  const somebody = () => Math.floor(Math.random() * userIds.length)

  function * forever (make: () => Request): Generator<Request> {
    for (;;) yield make()
  }

  return {
    'GET /protected': forever(() => ({ method: 'GET', path: '/protected', status: 200, headers: always })),
    'POST /refresh': forever(() => {
      const { id, counter } = take()
      return { method: 'POST', path: '/refresh', status: 200, body: { refresh_token: refreshTokens.make(id, counter) } }
    }),
    'POST /login': forever(() => ({ method: 'POST', path: '/login', status: 200, body: { username: username(somebody()), password } })),
    'GET /me/sessions': forever(() => ({ method: 'GET', path: '/me/sessions', status: 200, headers: bearer(take()) })),
    'POST /logout': forever(() => ({ method: 'POST', path: '/logout', status: 204, headers: bearer(take()) }))
  }
}

function at (values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN
}

function table (heading: readonly string[], rows: readonly string[][]): void {
  for (const row of [heading, heading.map(() => '---'), ...rows]) say(`| ${row.join(' | ')} |\n`)
}

function mebibytes (bytes: number): string {
  return String(Math.round(bytes / 2 ** 20))
}

function say (text: string): void {
  process.stdout.write(text)
}
