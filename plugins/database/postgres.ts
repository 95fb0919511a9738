import {
  type CompiledQuery, type DatabaseConnection, type Dialect, type Driver, type Kysely,
  PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler, type QueryResult
} from 'kysely'
import pg from 'pg'
import { isOutdatedPlan, sqlState, takeTurn } from './dialect.ts'
import { connectionConfig, type PostgresAddress } from './postgres-connection.ts'

export interface PostgresOptions {
  address: PostgresAddress
  /** Connections at most. */
  pool: number
  /** Seconds a call may take: a single statement, or a transaction from the wait for a connection to its end. */
  timeout: number
  /** For work that takes the time it takes, such as migrations: `timeout` bounds the connecting alone. */
  unhurried?: boolean
  /** Makes the error that is thrown where the database cannot do what was asked now. */
  unavailable: (cause: unknown) => Error
  /** Handed the pool's figures, once it is there. */
  watch?: (figures: () => PoolFigures) => void
}

/** Connections that are used and that are not, and calls that wait for one. */
export interface PoolFigures {
  busy: number
  idle: number
  waiting: number
}

/** Of the timeout, what a call may take: the rest is for the answer itself, which has to leave in time too. */
const callShare = 0.9
/** What a statement may take: the server ends it first, so that the connection outlives it. */
const statementShare = 0.8
/** Milliseconds that work without hurry may stand still in the middle: whoever waits for it waits for nobody else. */
const unhurriedIdleTime = 60_000
/** Milliseconds after which an idle connection is closed. */
const idleTime = 60_000
/** Seconds after which any connection is replaced, so that they spread anew over servers that came or moved. */
const lifetime = 1800
/** Prepared statements remembered a connection. */
const statementLimit = 500
/** Statements of more parameters are not prepared: their text differs with every list in them. */
const parameterLimit = 16

/** SQLSTATEs for what may pass: connections, resources, the system beneath, shutdown, timeouts, read-only, races. */
const passing = /^(?:08|53|58)|^(?:25006|25P03|25P04|40001|40P01|55P03|57014|57P01|57P02|57P03|57P05)$/
/** Those after which another connection may fare better: this one is cut, or leads to a server that does not write. */
const parting = /^08|^(?:25006|25P03|57P01|57P02|57P03|57P05)$/

/**
 * Kysely on pg, for what Kysely's own driver leaves open: a bound on every wait, the connection that is lost thrown away,
 * prepared statements, and `unavailable` for all that may pass.
 */
export function openPostgres (options: PostgresOptions): Dialect {
  return {
    createAdapter: () => new TurnTakingAdapter(),
    createDriver: () => createDriver(options),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler()
  }
}

/** Kysely's own lock belongs to the connection, which a pooler in transaction mode gives to another after each transaction. */
class TurnTakingAdapter extends PostgresAdapter {
  // biome-ignore lint/suspicious/noExplicitAny: Kysely's own signature
  override acquireMigrationLock (db: Kysely<any>): Promise<void> {
    return takeTurn('migrations', db)
  }

  override async releaseMigrationLock (): Promise<void> {}
}

function createDriver ({ address, pool: size, timeout, unhurried = false, unavailable, watch }: PostgresOptions): Driver {
  const time = (share: number) => unhurried ? null : Math.ceil(timeout * 1000 * share)
  const config = connectionConfig({ address, connectTime: Math.ceil(timeout * 1000 * callShare), statementTime: time(statementShare), idleTime: unhurried ? unhurriedIdleTime : timeout * 1000 })
  const pool = new pg.Pool({ ...config, max: size, idleTimeoutMillis: idleTime, maxLifetimeSeconds: lifetime })
  watch?.(() => ({ busy: pool.totalCount - pool.idleCount, idle: pool.idleCount, waiting: pool.waitingCount }))
  // A connection that is lost while nobody uses it is replaced when somebody does.
  pool.on('error', () => {})
  // Listened to from before anybody has the connection: an error that comes with the news that it stands would end the process.
  const broken = new WeakMap<pg.ClientBase, unknown>()
  pool.on('connect', (client) => client.on('error', (error) => broken.set(client, error)))
  const shared = { pool, broken, names: createNames(), callTime: time(callShare), unavailable }

  return {
    init: async () => {},
    async acquireConnection () {
      const connection = new PostgresConnection(shared)
      await connection.open()
      return connection
    },
    beginTransaction: (connection) => (connection as PostgresConnection).begin(),
    commitTransaction: (connection) => (connection as PostgresConnection).commit(),
    rollbackTransaction: (connection) => (connection as PostgresConnection).rollback(),
    releaseConnection: async (connection) => (connection as PostgresConnection).release(),
    destroy: () => pool.end()
  }
}

interface Shared {
  pool: pg.Pool
  /** The connections that are lost, each with the reason. */
  broken: WeakMap<pg.ClientBase, unknown>
  names: Names
  /** Milliseconds; null for any time. */
  callTime: number | null
  unavailable: (cause: unknown) => Error
}

/** One use of a connection of the pool. */
class PostgresConnection implements DatabaseConnection {
  readonly #shared: Shared
  #client: pg.PoolClient | null = null
  #timer: NodeJS.Timeout | undefined
  #inTransaction = false
  /** Why we use it no more. */
  #lost: unknown = null

  constructor (shared: Shared) {
    this.#shared = shared
  }

  async open (): Promise<void> {
    const { pool, callTime, unavailable } = this.#shared
    if (callTime !== null) this.#timer = setTimeout(() => this.#giveUp(), callTime)
    try {
      this.#client = await pool.connect()
    } catch (error) {
      clearTimeout(this.#timer)
      throw unavailable(error)
    }
    const lost = this.#whyLost()
    if (lost === null) return
    this.release()
    throw unavailable(lost)
  }

  async executeQuery<R> (query: CompiledQuery): Promise<QueryResult<R>> {
    try {
      return await this.#run(query)
    } catch (error) {
      if (!isOutdatedPlan(error)) throw this.#fault(error)
      this.#shared.names.renew()
      if (this.#inTransaction) throw error
      return this.#run<R>(query).catch((again) => { throw this.#fault(again) })
    }
  }

  // biome-ignore lint/correctness/useYield: nothing here streams; Kysely asks for the method
  async * streamQuery<R> (): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('streaming is not supported')
  }

  async begin (): Promise<void> {
    await this.#command('begin')
    this.#inTransaction = true
  }

  /** PostgreSQL answers the commit of a transaction in which a statement failed with a rollback. */
  async commit (): Promise<void> {
    if (await this.#command('commit') === 'ROLLBACK') throw new Error('a statement of the transaction had failed: nothing was committed')
  }

  async rollback (): Promise<void> {
    // What fails here is a connection that is gone, and its transaction with it.
    if (this.#whyLost() === null) await this.#command('rollback').catch(this.#lose)
  }

  release (): void {
    clearTimeout(this.#timer)
    this.#client?.release(this.#whyLost() !== null)
  }

  async #command (text: string): Promise<string> {
    try {
      return (await (this.#client as pg.PoolClient).query(text)).command
    } catch (error) {
      throw this.#fault(error)
    }
  }

  async #run<R> ({ sql: text, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const prepared = parameters.length > 0 && parameters.length <= parameterLimit
    const { rows, rowCount } = await (this.#client as pg.PoolClient).query({ text, values: [...parameters], ...prepared && { name: this.#shared.names.of(text) } })
    return { rows: rows as R[], numAffectedRows: BigInt(rowCount ?? 0) }
  }

  readonly #lose = (error: unknown): void => {
    this.#lost ??= error
  }

  #whyLost (): unknown {
    return this.#lost ?? this.#shared.broken.get(this.#client as pg.PoolClient) ?? null
  }

  /** Whoever waits for an answer is told now; the server notices that nobody listens any more. */
  #giveUp (): void {
    this.#lose(new Error('the database took longer than DATABASE_TIMEOUT'))
    void this.#client?.end()
  }

  #fault (error: unknown): Error {
    const state = sqlState(error)
    if (parting.test(state)) this.#lose(error)
    const lost = this.#whyLost()
    return lost !== null || passing.test(state) ? this.#shared.unavailable(lost ?? error) : error as Error
  }
}

interface Names {
  /** The name under which a statement is prepared. */
  of (sql: string): string
  /** Gives all of them other names: what is prepared is prepared anew. */
  renew (): void
}

function createNames (): Names {
  const names = new Map<string, string>()
  let edition = 0

  function renew (): void {
    names.clear()
    edition++
  }

  return {
    of (sql) {
      const known = names.get(sql)
      if (known !== undefined) return known
      if (names.size >= statementLimit) renew()
      const name = `gatehouse_${edition}_${names.size}`
      names.set(sql, name)
      return name
    },
    renew
  }
}
