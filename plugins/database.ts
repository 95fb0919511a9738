import { randomUUID } from 'node:crypto'
import fp from 'fastify-plugin'
import { Kysely, type Transaction } from 'kysely'
import { backUp } from './database/backup.ts'
import { announce, channel, demandWritable, given, isLostRace, type Topic, type Turn, takeTurn } from './database/dialect.ts'
import { type Inspection, inspectPostgres, inspectSqlite } from './database/inspection.ts'
import { workAlone } from './database/lease.ts'
import { migrate, migrations } from './database/migrate.ts'
import type { PoolFigures } from './database/postgres.ts'
import type { PostgresAddress } from './database/postgres-connection.ts'
import { keepInMemory, openSqlite } from './database/sqlite.ts'
import { run } from './database/statement.ts'
import { type CarriedTable, type Progress, transfer } from './database/transfer.ts'

export type { PostgresAddress } from './database/postgres-connection.ts'

declare module 'fastify' {
  interface FastifyInstance {
    database: Database
  }
}

/** Every table. A repository declares its own beside its queries. */
// biome-ignore lint/suspicious/noEmptyInterface: filled by declaration merging in each repository
export interface Tables {}

/** What a query runs on: the database or an open transaction. */
export type Queries = Kysely<Tables>

export interface Database {
  /** Runs single queries. Throws `unavailable` where the database cannot answer in time. */
  readonly queries: Queries
  /**
   * Runs `work` in one transaction, which is rolled back when `work` throws. Only the `queries` handed to `work` may be used
   * inside, and no other transaction may be waited for. On SQLite it holds the write lock from its first statement on, and shares
   * its commit with those that begin in the same turn of the event loop. On PostgreSQL others write meanwhile: what is read
   * to be written, or to decide on it, is locked by the repository's `lock` or by `takeTurn`; and where a race was lost all
   * the same, `work` is done anew.
   */
  transaction<T> (work: (queries: Transaction<Tables>) => Promise<T>): Promise<T>
  /** Does `work` once the transaction that `queries` belong to is committed, and never where it is rolled back; outside of one, at once. */
  afterCommit (queries: Queries, work: () => void): void
  /** Inside a transaction: waits until no other one has this turn, and has it until the end. */
  takeTurn (turn: Turn, queries: Queries): Promise<void>
  /** Runs a statement that is built once, whatever values it is run with: what runs with every request. The statement is one and the same function each time. */
  run: typeof run
  /** What a statement of a repository reads `rows` from, as the table `given`: one parameter, however many there are. */
  given: typeof given
  /** Inside a transaction: tells every process of `topic`, once it is committed, where the database can. */
  announce (topic: Topic, queries: Queries): Promise<void>
  /** Calls back when a process, this one too, has announced `topic`, or may have; while the app listens. Some words get lost, and with SQLite all: look as well. */
  onNews (topic: Topic, listener: () => void): void
  /** Runs `work` unless another process is at work under the same name: chores, such as sweeping, are done by one at a time. */
  alone (name: string, work: () => Promise<void>): Promise<void>
  /** How the connections to PostgreSQL are used; null with SQLite. */
  pool (): PoolFigures | null
  /** Resolves when the database answers and would write. Throws `unavailable` where it does not within `milliseconds`. */
  ping (milliseconds: number): Promise<void>
  /** Writes a copy of a SQLite database to a new file, beside whoever uses it. Throws with what is to be done instead where it is PostgreSQL. */
  backUp (file: string): Promise<void>
  /**
   * Copies a SQLite database to an empty PostgreSQL one, all of it or nothing, and says how many rows each table has. Nobody
   * writes to the source meanwhile, and it stays as it is.
   */
  moveTo (address: PostgresAddress, report: (progress: Progress) => void): Promise<Record<CarriedTable, number>>
}

export interface DatabaseOptions {
  /** Null where it is SQLite. */
  postgres: PostgresAddress | null
  /** Path of the SQLite file; null keeps the database in memory. */
  file: string | null
  /** Connections to PostgreSQL at most. */
  pool: number
  /** Seconds a call waits for the database. */
  timeout: number
  synchronous: 'full' | 'normal'
}

/** How often a transaction is tried that loses a race each time. */
const attempts = 3

export default fp<DatabaseOptions>(async (app, { postgres, ...options }) => {
  const unavailable = (cause: unknown) => app.errors.create('unavailable', { cause })
  let pool: () => PoolFigures | null = () => null
  const watch = (figures: () => PoolFigures) => { pool = figures }
  const queries = new Kysely<Tables>({ dialect: postgres === null ? openSqlite({ ...options, unavailable }) : (await driver()).openPostgres({ ...options, address: postgres, unavailable, watch }) })
  app.addHook('onClose', () => queries.destroy())
  const newer = await (postgres === null ? migrate(queries) : apart(postgres, migrate))
  // Only from here on: a migration may sort more than there is memory.
  if (postgres === null) await keepInMemory(queries)
  if (newer.length > 0) app.log.warn({ migrations: newer }, 'a newer release has changed the database: this one runs on it as it is')
  const holder = randomUUID()
  /** What waits for the end of each open transaction. */
  const waiting = new WeakMap<Queries, Array<() => void>>()
  const listeners: Array<{ topic: Topic, listener: () => void }> = []
  if (postgres !== null) await listen(postgres)

  /** To what other processes announce, on a connection beside the pool. */
  async function listen (address: PostgresAddress): Promise<void> {
    const timeout = options.timeout * 1000
    const { connectionConfig, createListener } = await driver()
    const news = createListener({
      config: connectionConfig({ address, connectTime: timeout, statementTime: timeout, idleTime: timeout }),
      channel,
      patience: timeout / 2,
      heard (said) {
        for (const { topic, listener } of listeners) if (said === null || said === topic) listener()
      }
    })
    app.addHook('onListen', async () => news.start())
    app.addHook('onClose', () => news.stop())
  }

  /** On a connection of its own, for work that takes the time it takes. */
  async function apart<T> (address: PostgresAddress, work: (queries: Queries) => Promise<T>): Promise<T> {
    const connection = new Kysely<Tables>({ dialect: (await driver()).openPostgres({ address, pool: 1, timeout: options.timeout, unhurried: true, unavailable: unusable }) })
    try {
      return await work(connection)
    } finally {
      await connection.destroy()
    }
  }

  async function transact<T> (work: (queries: Transaction<Tables>) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        const after: Array<() => void> = []
        const done = await queries.transaction().execute((open) => {
          waiting.set(open, after)
          return work(open)
        })
        for (const follow of after) follow()
        return done
      } catch (error) {
        if (attempt === attempts || !(isLostRace(error) || isLostRace((error as Error).cause))) throw error
      }
    }
  }

  app.decorate('database', {
    queries,
    transaction: transact,
    afterCommit (of, work) {
      const after = waiting.get(of)
      if (after === undefined) work()
      else after.push(work)
    },
    takeTurn,
    run,
    given,
    announce,
    onNews: (topic, listener) => { listeners.push({ topic, listener }) },
    async alone (name, work) {
      await workAlone(queries, name, holder, app.clock.now, work)
    },
    pool: () => pool(),
    ping: async (milliseconds) => {
      const late = AbortSignal.timeout(milliseconds)
      await Promise.race([
        demandWritable(queries, unavailable),
        new Promise((_resolve, reject) => late.addEventListener('abort', () => reject(app.errors.create('unavailable', { cause: 'ping' }))))
      ])
    },
    async backUp (file) {
      if (postgres !== null) throw new Error('DATABASE_URL names a PostgreSQL database, which is backed up with pg_dump: docs/operations.md has the command')
      await backUp(queries, file)
    },
    async moveTo (address, report) {
      if (postgres !== null) throw new Error('DATABASE_URL names a PostgreSQL database already: only a SQLite one is moved')
      return apart(address, async (target) => {
        const unknown = [...newer, ...await migrate(target)]
        if (unknown.length > 0) throw new Error(`A newer release of Gatehouse has changed the database (${unknown.join(', ')}): that one moves it, this one would leave behind what it does not know`)
        return transact((from) => target.transaction().execute((to) => transfer(from, to, report)))
      })
    }
  } satisfies Database)
}, { name: 'database', dependencies: ['clock', 'errors', 'secrets'], fastify: '5.x' })

/** What the next start would find; nothing is made and nothing is changed. Throws where the database cannot be read. */
export async function inspectDatabase ({ postgres, file, timeout }: DatabaseOptions): Promise<Omit<Inspection, 'done'> & { there: boolean, missing: string[], unknown: string[] }> {
  const { done, now } = postgres === null ? inspectSqlite(file) : await inspected(postgres, timeout)
  const known = Object.keys(migrations)
  return { there: done !== null, now, missing: known.filter((name) => !done?.includes(name)), unknown: done?.filter((name) => !known.includes(name)) ?? [] }
}

async function inspected (address: PostgresAddress, timeout: number): Promise<Inspection> {
  const queries = new Kysely<Tables>({ dialect: (await driver()).openPostgres({ address, pool: 1, timeout, unavailable: unusable }) })
  try {
    return await inspectPostgres(queries)
  } finally {
    await queries.destroy()
  }
}

/** What speaks to PostgreSQL, loaded where there is one. */
async function driver () {
  const parts = [import('./database/postgres.ts'), import('./database/postgres-connection.ts'), import('./database/postgres-listener.ts')] as const
  const [{ openPostgres }, { connectionConfig }, { createListener }] = await Promise.all(parts)
  return { openPostgres, connectionConfig, createListener }
}

/** For the start, which ends with the one line of this message. */
function unusable (cause: unknown): Error {
  return new Error(`The database cannot be used: ${(cause as Error).message || (cause as NodeJS.ErrnoException).code}`, { cause })
}
