import { randomUUID } from 'node:crypto'
import fp from 'fastify-plugin'
import { Kysely, type Transaction } from 'kysely'
import { announce, channel, isLostRace, type Topic, type Turn, takeTurn } from './database/dialect.ts'
import { workAlone } from './database/lease.ts'
import { migrate } from './database/migrate.ts'
import { openPostgres } from './database/postgres.ts'
import { connectionConfig, type PostgresAddress } from './database/postgres-connection.ts'
import { createListener } from './database/postgres-listener.ts'
import { openSqlite } from './database/sqlite.ts'

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
   * inside. On SQLite it holds the write lock from its first statement on. On PostgreSQL others write meanwhile: what is read
   * to be written, or to decide on it, is locked by the repository's `lock` or by `takeTurn`; and where a race was lost all
   * the same, `work` is done anew.
   */
  transaction<T> (work: (queries: Transaction<Tables>) => Promise<T>): Promise<T>
  /** Inside a transaction: waits until no other one has this turn, and has it until the end. */
  takeTurn (turn: Turn, queries: Queries): Promise<void>
  /** Inside a transaction: tells every process of `topic`, once it is committed, where the database can. */
  announce (topic: Topic, queries: Queries): Promise<void>
  /** Calls back when a process, this one too, has announced `topic`, or may have; while the app listens. Some words get lost, and with SQLite all: look as well. */
  onNews (topic: Topic, listener: () => void): void
  /** Runs `work` unless another process is at work under the same name: chores, such as sweeping, are done by one at a time. */
  alone (name: string, work: () => Promise<void>): Promise<void>
  /** Resolves when the database answers. Throws `unavailable` where it does not within `milliseconds`. */
  ping (milliseconds: number): Promise<void>
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
  const queries = new Kysely<Tables>({ dialect: postgres === null ? openSqlite({ ...options, unavailable }) : openPostgres({ ...options, address: postgres, unavailable }) })
  app.addHook('onClose', () => queries.destroy())
  await (postgres === null ? migrate(queries) : migrateApart(postgres))
  const holder = randomUUID()
  const listeners: Array<{ topic: Topic, listener: () => void }> = []
  if (postgres !== null) listen(postgres)

  /** To what other processes announce, on a connection beside the pool. */
  function listen (address: PostgresAddress): void {
    const timeout = options.timeout * 1000
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

  /** On a connection of its own, since a migration takes the time it takes. */
  async function migrateApart (address: PostgresAddress): Promise<void> {
    const apart = new Kysely<Tables>({ dialect: openPostgres({ address, pool: 1, timeout: options.timeout, unhurried: true, unavailable: unusable }) })
    try {
      await migrate(apart)
    } finally {
      await apart.destroy()
    }
  }

  async function transact<T> (work: (queries: Transaction<Tables>) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await queries.transaction().execute(work)
      } catch (error) {
        if (attempt === attempts || !(isLostRace(error) || isLostRace((error as Error).cause))) throw error
      }
    }
  }

  app.decorate('database', {
    queries,
    transaction: transact,
    takeTurn,
    announce,
    onNews: (topic, listener) => { listeners.push({ topic, listener }) },
    async alone (name, work) {
      await workAlone(queries, name, holder, app.clock.now, work)
    },
    ping: async (milliseconds) => {
      const late = AbortSignal.timeout(milliseconds)
      await Promise.race([
        queries.selectNoFrom((eb) => eb.lit(1).as('alive')).execute(),
        new Promise((_resolve, reject) => late.addEventListener('abort', () => reject(app.errors.create('unavailable', { cause: 'ping' }))))
      ])
    }
  } satisfies Database)
}, { name: 'database', dependencies: ['clock', 'errors', 'secrets'], fastify: '5.x' })

/** For the start, which ends with the one line of this message. */
function unusable (cause: unknown): Error {
  return new Error(`The database cannot be used: ${(cause as Error).message || (cause as NodeJS.ErrnoException).code}`, { cause })
}
