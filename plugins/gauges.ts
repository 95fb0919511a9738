import fp from 'fastify-plugin'
import type { KeyState } from './keys.ts'

export interface GaugesOptions {
  /** Seconds a key signs before the next one does. */
  rotation: number
}

/** Seconds for which a count of sessions is good: it looks through all of them. */
const countedFor = 60

/** What other plugins hold, read whenever Prometheus asks. They know nothing of it, so that what is read costs nothing until then. */
export default fp<GaugesOptions>(async (app, { rotation }) => {
  const { metrics } = app
  let counted: { at: number, count: Promise<number> } | null = null

  /** One count at a time, and none more often than that, whoever asks. */
  function countSessions (): Promise<number> {
    const now = app.clock.monotonic()
    if (counted === null || now - counted.at >= countedFor * 1000) counted = { at: now, count: app.sessions.count() }
    return counted.count
  }

  function keysBy (figure: (ages: number[]) => number): Record<KeyState, number> {
    const now = app.clock.now()
    const keys = app.keys.list()
    const of = (state: KeyState) => figure(keys.filter((key) => key.state === state).map(({ createdAt }) => (now - createdAt) / 1000))
    return { next: of('next'), active: of('active'), retired: of('retired') }
  }

  metrics.gauge({ name: 'gatehouse_sessions', help: 'Live sessions, of all processes; counted once a minute at most', read: countSessions })
  metrics.gauge({ name: 'gatehouse_revocations', help: 'Endings of sessions, users, clients and tokens that are kept in mind', read: () => app.revocations.statistics().live })
  metrics.gauge({ name: 'gatehouse_revocation_lag_seconds', help: 'Since this process last heard from the database what has ended', read: () => app.revocations.statistics().lag })

  metrics.gauge({ name: 'gatehouse_token_cache_size', help: 'Verified tokens that are remembered', read: () => app.tokens.cacheStatistics().remembered })
  metrics.counter({
    name: 'gatehouse_token_cache_total',
    help: 'Tokens that were presented: known again, or to be read and verified',
    label: 'result',
    read () {
      const { hit, miss } = app.tokens.cacheStatistics()
      return { hit, miss }
    }
  })

  metrics.gauge({ name: 'gatehouse_keys', help: 'Signing keys, by state', label: 'state', read: () => keysBy((ages) => ages.length) })
  metrics.gauge({ name: 'gatehouse_key_age_seconds', help: 'Since the oldest signing key of a state was made; 0 where there is none', label: 'state', read: () => keysBy((ages) => Math.max(0, ...ages)) })
  metrics.gauge({
    name: 'gatehouse_key_signing_seconds',
    help: 'Since the active key began to sign',
    read: () => (app.clock.now() - (app.keys.list().find(({ state }) => state === 'active')?.signsFrom ?? Number.NaN)) / 1000
  })
  metrics.gauge({ name: 'gatehouse_key_rotation_seconds', help: 'How long a key is to sign, as KEY_ROTATION says', read: () => rotation })

  metrics.gauge({
    name: 'gatehouse_database_connections',
    help: 'Connections of the pool to PostgreSQL, by use; none with SQLite',
    label: 'use',
    read () {
      const { busy, idle } = app.database.pool() ?? {}
      return busy === undefined || idle === undefined ? {} : { busy, idle }
    }
  })
  metrics.gauge({ name: 'gatehouse_database_waiting', help: 'Calls that wait for a connection to PostgreSQL', read: () => app.database.pool()?.waiting ?? 0 })
}, { name: 'gauges', dependencies: ['clock', 'database', 'keys', 'metrics', 'revocations', 'sessions', 'tokens'], fastify: '5.x' })
