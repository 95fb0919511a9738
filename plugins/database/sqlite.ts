import fs, { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type CompiledQuery, type DatabaseConnection, type Dialect, type Driver, type Kysely, type QueryResult,
  SelectQueryNode, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler, sql
} from 'kysely'
import { createDurability, type Durability } from './durability.ts'
import { createLock, type Lock } from './lock.ts'
import { createSharedCommit, type SharedCommit } from './shared-commit.ts'
import { soundFrames } from './write-ahead-log.ts'

export interface SqliteOptions {
  file: string | null
  /** Seconds to wait for a lock that another connection holds. */
  timeout: number
  synchronous: 'full' | 'normal'
  /** Makes the error that is thrown where the database cannot do what was asked now. */
  unavailable: (cause: unknown) => Error
}

/** Milliseconds between two tries for a lock that another process holds. The loop is free meanwhile. */
const retryInterval = 10
/** Prepared statements remembered per connection. */
const statementLimit = 500
const BUSY = 5

/** SQLite's primary result codes for what may pass: busy, locked, no memory, read-only, I/O error, full, cannot open. */
const passing = new Set([BUSY, 6, 7, 8, 10, 13, 14])

/**
 * Kysely on node:sqlite. Writers share one connection and take turns; readers have another one, so that WAL lets them
 * go on while a writer waits. In memory there is one connection for all. A transaction begins `immediate`: a read that
 * turned into a write later could fail at once beside another writer. Those that begin in one turn of the event loop are
 * committed together, each undone by itself where it fails. With `synchronous: 'full'` a write resolves when the disk has it: the
 * log that a commit went to is written out then, in a thread, for all commits that wait for it together.
 */
export function openSqlite (options: SqliteOptions): Dialect {
  return {
    createAdapter: () => new SharedSqliteAdapter(),
    createDriver: () => createDriver(options),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new LocklessCompiler()
  }
}

class SharedSqliteAdapter extends SqliteAdapter {
  /** The driver keeps order among connections itself. */
  override get supportsMultipleConnections () { return true }
  override get supportsTransactionalDdl () { return true }
}

/** Rows need no locks where one transaction writes at a time; SQLite has no words for them. */
class LocklessCompiler extends SqliteQueryCompiler {
  protected override visitSelectQuery ({ endModifiers, ...node }: SelectQueryNode): void {
    super.visitSelectQuery(node)
  }
}

/** What SQLite would put into temporary files, as what it takes to undo a transaction among others: a container may have no folder for them. */
export async function keepInMemory<T> (queries: Kysely<T>): Promise<void> {
  await sql`pragma temp_store = memory`.execute(queries)
}

function createDriver ({ file, timeout, synchronous, unavailable }: SqliteOptions): Driver {
  const { writer, reader } = open()
  const lock = createLock()
  let log: number | null = null
  let isSound = true
  const durability = file === null || synchronous === 'normal' ? null : createDurability(() => writeOut(file), (wasTold) => moveLog(file, wasTold))
  const commits = createSharedCommit(writer.database, (error, shared) => shared || mayPass(error) ? unavailable(error) : error as Error)
  const shared = { writer, reader, lock, commits, timeout: timeout * 1000, unavailable, durability }

  /** The log is there from the first write on, for as long as anybody has the database open. */
  function writeOut (path: string): Promise<void> {
    log ??= openSync(`${path}-wal`, 'r+')
    const descriptor = log
    return new Promise((resolve, reject) => {
      fs.fdatasync(descriptor, (error) => error === null ? resolve() : reject(error))
    })
  }

  /**
   * Brings all that the log holds into the database itself, on the disk, and empties it: what follows would stand behind a hole that ends
   * the recovery from a power loss. SQLite writes the log out first, with what was committed last, so that a disk which takes nothing spoils
   * nothing. Where another connection is at work it waits, or, where nobody here was told of a failure, lets it be: whoever is at work would
   * have been told. Throws where it waits for too long, and where the kernel has let go of what it could not write: the database would be
   * overwritten with something else.
   */
  async function moveLog (path: string, wasTold: boolean): Promise<void> {
    const deadline = performance.now() + timeout * 1000
    while (!await isMoved(path) && wasTold) {
      if (performance.now() >= deadline) throw new Error('the log of the database is in use')
      await sleep(retryInterval)
    }
  }

  async function isMoved (path: string): Promise<boolean> {
    const release = await lock.acquire()
    try {
      commits.close()
      const checkpoint = (mode: 'noop' | 'truncate') => writer.database.prepare(`pragma wal_checkpoint(${mode})`).get() as { busy: number, log: number }
      const { log: frames } = checkpoint('noop')
      isSound = frames <= 0 || soundFrames(readFileSync(`${path}-wal`)) >= frames
      if (!isSound) throw new Error('the log of the database is damaged: a start anew recovers what is sound')
      return checkpoint('truncate').busy === 0
    } catch (error) {
      if (primaryCode(error) === BUSY) return false
      throw error
    } finally {
      release()
    }
  }

  function open () {
    if (file === null) return { writer: openHandle(':memory:'), reader: null }
    try {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
      closeSync(openSync(file, 'a', 0o600))
      return { writer: openHandle(file), reader: openHandle(file) }
    } catch (error) {
      throw new Error(`The database file ${file} cannot be used: ${(error as Error).message}`)
    }
  }

  return {
    init: async () => {},
    acquireConnection: async () => new SqliteConnection(shared),
    beginTransaction: (connection) => (connection as SqliteConnection).begin(),
    commitTransaction: (connection) => (connection as SqliteConnection).commit(),
    rollbackTransaction: (connection) => (connection as SqliteConnection).end('rollback'),
    releaseConnection: async () => {},
    destroy: async () => {
      commits.close()
      // Whoever closes it last copies the log into the database.
      if (isSound) for (const handle of [reader, writer]) handle?.database.close()
      if (log !== null) closeSync(log)
    }
  }
}

interface Handle {
  database: DatabaseSync
  prepare: (sql: string) => Prepared
}

interface Prepared {
  statement: StatementSync
  /** Whether it gives rows back. Kept, since asking builds a description of each column. */
  reads: boolean
}

function openHandle (path: string): Handle {
  const database = new DatabaseSync(path, { timeout: 0, enableForeignKeyConstraints: true })
  database.exec(`pragma busy_timeout = 5000; pragma journal_mode = wal; pragma synchronous = normal; pragma busy_timeout = 0`)
  const statements = new Map<string, Prepared>()
  function prepare (sql: string): Prepared {
    const known = statements.get(sql)
    if (known !== undefined) return known
    const statement = database.prepare(sql)
    const prepared = { statement, reads: statement.columns().length > 0 }
    if (statements.size >= statementLimit) statements.clear()
    statements.set(sql, prepared)
    return prepared
  }
  return { database, prepare }
}

interface Shared {
  writer: Handle
  reader: Handle | null
  lock: Lock
  commits: SharedCommit
  /** Milliseconds. */
  timeout: number
  unavailable: (cause: unknown) => Error
  /** Null where a commit need not be on the disk before it is answered. */
  durability: Durability | null
}

class SqliteConnection implements DatabaseConnection {
  readonly #shared: Shared
  #release: (() => void) | null = null
  /** What SQLite has rolled back a transaction for, by itself. */
  #failure: unknown

  constructor (shared: Shared) {
    this.#shared = shared
  }

  async executeQuery<R> (query: CompiledQuery): Promise<QueryResult<R>> {
    const { writer, reader, commits } = this.#shared
    if (this.#release !== null) return this.#run(writer, query)
    if (reader !== null && SelectQueryNode.is(query.query)) return this.#run(reader, query)
    const release = await this.#waitFor(() => {
      // Some statements, such as a copy of the whole, do not run inside a transaction.
      commits.close()
      return this.#run<R>(writer, query)
    })
    release.release()
    await this.#makeDurable()
    return release.result
  }

  // biome-ignore lint/correctness/useYield: nothing here streams; Kysely asks for the method
  async * streamQuery<R> (): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('streaming is not supported')
  }

  async begin (): Promise<void> {
    const { release } = await this.#waitFor(() => this.#guard(() => this.#shared.commits.begin()))
    this.#release = release
  }

  /** The next one writes while the others that share the commit, and the disk, are waited for. */
  async commit (): Promise<void> {
    await this.end('commit')
    await this.#makeDurable()
  }

  async #makeDurable (): Promise<void> {
    const { durability, unavailable } = this.#shared
    await durability?.flush().catch((error) => { throw unavailable(error) })
  }

  /** What failed to commit is rolled back already: the rollback that follows does nothing. */
  async end (how: 'commit' | 'rollback'): Promise<void> {
    const release = this.#release
    if (release === null) return
    this.#release = null
    const ended = this.#shared.commits.end(how, this.#failure)
    release()
    await ended
  }

  /** Waits for this process's turn and then, without blocking the loop, for other processes; both within the timeout. */
  async #waitFor<T> (work: () => T): Promise<{ result: T, release: () => void }> {
    const deadline = performance.now() + this.#shared.timeout
    const release = await this.#shared.lock.acquire()
    try {
      for (;;) {
        try {
          return { result: work(), release }
        } catch (error) {
          if (!isBusy(error) || performance.now() >= deadline) throw error
        }
        await sleep(retryInterval)
      }
    } catch (error) {
      release()
      throw error
    }
  }

  #run<R> (handle: Handle, { sql, parameters }: CompiledQuery): QueryResult<R> {
    return this.#guard(() => {
      const { statement, reads } = handle.prepare(sql)
      // The empty object says that no parameter is named: an object bound first would be taken for names.
      const bound = parameters as SQLInputValue[]
      if (reads) return { rows: statement.all({}, ...bound) as R[] }
      return { rows: [], numAffectedRows: BigInt(statement.run({}, ...bound).changes) }
    })
  }

  #guard<T> (work: () => T): T {
    try {
      return work()
    } catch (error) {
      if (this.#release !== null && !this.#shared.writer.database.isTransaction) this.#failure = error
      throw mayPass(error) ? this.#shared.unavailable(error) : error
    }
  }
}

function mayPass (error: unknown): boolean {
  return passing.has(primaryCode(error))
}

function isBusy (error: unknown): boolean {
  return primaryCode((error as Error).cause) === BUSY
}

function primaryCode (error: unknown): number {
  return ((error as { errcode?: number } | undefined)?.errcode ?? 0) & 0xff
}
