import { randomUUID } from 'node:crypto'
import fp from 'fastify-plugin'
import { Kysely, type Transaction } from 'kysely'
import { workAlone } from './database/lease.ts'
import { migrate } from './database/migrate.ts'
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
   * Runs `work` in one transaction that holds the write lock from its first statement on; it is rolled back
   * when `work` throws. Only the `queries` handed to `work` may be used inside.
   */
  transaction<T> (work: (queries: Transaction<Tables>) => Promise<T>): Promise<T>
  /** Runs `work` unless another process is at work under the same name: chores, such as sweeping, are done by one at a time. */
  alone (name: string, work: () => Promise<void>): Promise<void>
  /** Resolves when the database answers. Throws `unavailable` where it does not within `milliseconds`. */
  ping (milliseconds: number): Promise<void>
}

export interface DatabaseOptions {
  /** Path of the SQLite file; null keeps the database in memory. */
  file: string | null
  /** Seconds a call waits for another process's lock. */
  timeout: number
  synchronous: 'full' | 'normal'
}

export default fp<DatabaseOptions>(async (app, options) => {
  const dialect = openSqlite({ ...options, unavailable: (cause) => app.errors.create('unavailable', { cause }) })
  const queries = new Kysely<Tables>({ dialect })
  app.addHook('onClose', () => queries.destroy())
  await migrate(queries)
  const holder = randomUUID()

  app.decorate('database', {
    queries,
    transaction: (work) => queries.transaction().execute(work),
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
