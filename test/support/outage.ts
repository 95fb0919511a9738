import { randomBytes } from 'node:crypto'
import type { FastifyInstance, LightMyRequestResponse as Reply } from 'fastify'
import type { Test } from 'tap'
import { alice, aliceSignedIn, build } from './build.ts'
import { until } from './until.ts'
import { listen } from './wire.ts'
import type { Witness } from './witness.ts'

type Name = 'register' | 'login' | 'refresh' | 'me' | 'sessions' | 'ready'

/** A listening app whose database is going to fail it, with what its clients ask. */
export interface Patient {
  app: FastifyInstance
  log: Array<Record<string, unknown>>
  /** What needs the database. */
  calls: Record<Name, () => Promise<Reply>>
  /** The statuses of what needs none: life, key set, a visit. */
  beside (): Promise<number[]>
}

/** Milliseconds: what an outage may cost a caller, and what it may last for them once it is over. */
const longestWait = 2000
const longestRecovery = 5000
const writes = ['register', 'login', 'refresh'] as const
const reads = ['me', 'sessions'] as const

export async function startPatient (t: Test, environment: Record<string, string>): Promise<Patient> {
  const log: Patient['log'] = []
  const app = await build(t, { log, environment: { SECRET_KEY: randomBytes(32).toString('base64url'), DATABASE_TIMEOUT: '600ms', DATABASE_POOL: '3', REVOCATION_MAX_LAG: '1h', REFRESH_GRACE: '5m', ...environment } })
  const reply = await aliceSignedIn(app)
  await listen(app)
  const authorization = `Bearer ${reply.access_token}`
  let count = 0

  return {
    app,
    log,
    calls: {
      register: () => app.inject({ method: 'POST', url: '/register', payload: { ...alice, username: `bob${count++}` } }),
      login: () => app.inject({ method: 'POST', url: '/login', payload: alice }),
      refresh: () => app.inject({ method: 'POST', url: '/refresh', payload: { refresh_token: reply.refresh_token } }),
      me: () => app.inject({ url: '/me', headers: { authorization } }),
      sessions: () => app.inject({ url: '/me/sessions', headers: { authorization } }),
      ready: () => app.inject({ url: '/health/ready' })
    },
    beside: async () => (await Promise.all(['/health/live', '/.well-known/jwks.json', '/protected'].map((url) => app.inject({ url, headers: { authorization } })))).map(({ statusCode }) => statusCode)
  }
}

/** Every call that needs the database is turned away in time, several at once; what needs none goes on. */
export async function isAway (t: Test, { calls, beside }: Patient): Promise<void> {
  await turnedAway(t, Object.values(calls))
  t.same(await beside(), [200, 200, 200], 'what needs no database goes on')
}

/** The database reads, and fails what `failing` writes. `ready` is what a gateway is told. */
export async function onlyReads (t: Test, { calls, beside }: Patient, ready: 200 | 503, failing: readonly Name[] = writes): Promise<void> {
  t.equal((await calls.ready()).statusCode, ready, 'ready')
  await turnedAway(t, failing.map((name) => calls[name]))
  for (const name of writes) t.ok([200, 201, 503].includes((await calls[name]()).statusCode), name)
  for (const name of reads) t.equal((await calls[name]()).statusCode, 200, name)
  t.same(await beside(), [200, 200, 200], 'what needs no database goes on')
}

async function turnedAway (t: Test, calls: Array<() => Promise<Reply>>): Promise<void> {
  const before = performance.now()
  const replies = await Promise.all(Array.from({ length: 4 }, () => calls.map((call) => call())).flat())
  const took = performance.now() - before
  t.same([...new Set(replies.map(({ statusCode }) => statusCode))], [503])
  for (const reply of replies) {
    t.equal(reply.json().code, 'unavailable')
    t.equal(reply.headers['retry-after'], '1')
    t.notMatch(reply.body, /postgres|sqlite|127\.0\.0\.1|ECONN|terminat|DATABASE|disk|space/i)
  }
  t.ok(took < longestWait, `${Math.round(took)} ms for ${replies.length}`)
}

/** It is over: everything works again, without a restart. */
export async function isBack (t: Test, { calls, log }: Patient, seen?: Witness): Promise<void> {
  const back = performance.now()
  await until(async () => (await calls.ready()).statusCode === 200)
  seen?.readyAfter(performance.now() - back)
  await until(async () => (await calls.login()).statusCode === 200)
  const took = performance.now() - back
  t.ok(took < longestRecovery, `${Math.round(took)} ms until all is well`)
  for (const name of ['refresh', 'me', 'sessions', 'register'] as const) t.ok((await calls[name]()).statusCode < 300, name)
  t.notOk(log.some(({ level }) => level === 60), 'nothing was thrown past everyone')
}
