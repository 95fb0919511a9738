import { once } from 'node:events'
import { chmodSync, createWriteStream, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { startPostgres } from '../../test/support/postgres.ts'
import type { Cell, Table } from './population.ts'

/** A database with today's schema that rows are put into by the million. */
export interface Store {
  readonly name: 'postgres' | 'sqlite'
  /** For DATABASE_URL. */
  readonly url: string
  /** Puts in the rows of a table. */
  fill (table: Table): Promise<void>
  /** Makes the database what it is when it has not been filled a moment ago. */
  settle (): Promise<void>
  /** Bytes of each table, and of its indexes. */
  sizes (): Promise<Array<{ table: string, data: number, indexes: number }>>
  /** Tables of more than a thousand rows that were read from one end to the other since then, where the database tells. */
  readThrough (): Promise<string[]>
  /** Begins to count what calls make the database do; the result ends that. Null where the database does not tell. */
  count (): Promise<(() => Promise<Work>) | null>
  close (): Promise<void>
}

/** What a database did. */
export interface Work {
  /** Begin and commit are statements too. */
  statements: number
  rows: number
  indexEntries: number
  /** Of the log, without whole pages. */
  logBytes: number
  /** Of the log: each page as a whole, when it is changed for the first time after a checkpoint. */
  pageBytes: number
  /** Seconds of all of its processes. */
  processor: number
}

/** As an operator sets it on such a machine, with nothing that loses data; vacuum when it is told to, so that nothing runs beside what is measured. */
const settings = {
  fsync: 'on', full_page_writes: 'on', shared_buffers: '2GB', max_wal_size: '8GB', checkpoint_timeout: '1h', effective_cache_size: '6GB', random_page_cost: '1.1',
  shared_preload_libraries: 'pg_stat_statements'
}

export async function openPostgresStore (prepare: (url: string) => Promise<void>): Promise<Store> {
  const teardowns: Array<() => unknown> = []
  const server = await startPostgres({ teardown: (work) => { teardowns.unshift(work) } }, settings)
  const url = await server.createDatabase({ empty: true })
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-rows-'))
  chmodSync(folder, 0o755)
  await prepare(url)
  for (const extension of ['pg_walinspect', 'pg_stat_statements']) await server.run(`create extension ${extension}`, url)
  const one = async (sql: string) => (await server.run(sql, url))[0] as Record<string, unknown>
  const tables = "select c.oid, relname from pg_class c join pg_namespace n on n.oid = relnamespace where nspname = 'public' and relkind = 'r'"

  return {
    name: 'postgres',
    url,
    async fill ({ name, columns, rows }) {
      const file = join(folder, name)
      const stream = createWriteStream(file, { mode: 0o644 })
      for (const batch of batches(rows(), 5000)) {
        const text = batch.map((row) => row.map((cell) => cell ?? '\\N').join('\t')).join('\n')
        if (!stream.write(`${text}\n`)) await once(stream, 'drain')
      }
      stream.end()
      await once(stream, 'close')
      // Whose sessions they are is known: asking for each would take longer than all the rest.
      await server.run(`set session_replication_role = replica; copy ${name} (${columns.join(', ')}) from '${file}'`, url)
      rmSync(file)
    },
    async settle () {
      await server.run('vacuum analyze', url)
      await server.run('checkpoint', url)
      await server.run('select pg_stat_reset()', url)
    },
    async readThrough () {
      const rows = await server.run('select s.relname from pg_stat_user_tables s join pg_class c on c.oid = s.relid where seq_scan > 0 and reltuples > 1000 order by 1', url)
      return rows.map(({ relname }) => String(relname))
    },
    async sizes () {
      const rows = await server.run(`select relname, pg_table_size(oid) as data, pg_indexes_size(oid) as indexes from (${tables}) t order by 1`, url)
      return rows.map(({ relname, data, indexes }) => ({ table: String(relname), data: Number(data), indexes: Number(indexes) }))
    },
    async count () {
      // The statement that asks counts too.
      await server.run('select pg_stat_statements_reset()', url)
      const { at } = await one('select pg_current_wal_insert_lsn() as at')
      const busy = busyTime(server.data)
      return async () => {
        const processor = busyTime(server.data) - busy
        const { calls } = await one('select coalesce(sum(calls), 0) as calls from pg_stat_statements where query !~ \'pg_current_wal_insert_lsn|pg_stat_statements\'')
        const { until } = await one('select pg_current_wal_insert_lsn() as until')
        const records = at === until ? [] : await server.run(`select "resource_manager/record_type" as type, count, record_size, fpi_size from pg_get_wal_stats('${at}', '${until}', true) where count > 0`, url)
        const sum = (column: string, of: RegExp) => records.filter(({ type }) => of.test(String(type))).reduce((all, row) => all + Number(row[column]), 0)
        return {
          statements: Number(calls),
          rows: sum('count', /^Heap\/(?:INSERT|UPDATE|HOT_UPDATE|DELETE)/),
          indexEntries: sum('count', /^Btree\/INSERT/),
          logBytes: sum('record_size', /^(?:Heap|Btree|Transaction)/),
          pageBytes: sum('fpi_size', /./),
          processor
        }
      }
    },
    async close () {
      for (const work of teardowns) await work()
      rmSync(folder, { recursive: true })
    }
  }
}

export async function openSqliteStore (prepare: (url: string) => Promise<void>): Promise<Store> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-scale-'))
  const file = join(folder, 'gatehouse.db')
  await prepare(`sqlite:${file}`)

  function within<T> (work: (database: DatabaseSync) => T): T {
    const database = new DatabaseSync(file)
    try {
      return work(database)
    } finally {
      database.close()
    }
  }

  return {
    name: 'sqlite',
    url: `sqlite:${file}`,
    fill: async ({ name, columns, rows }) => within((database) => {
      database.exec('pragma cache_size = -1000000')
      const insert = database.prepare(`insert into ${name} (${columns.join(', ')}) values (${columns.map(() => '?').join(', ')})`)
      for (const batch of batches(rows(), 200_000)) {
        database.exec('begin')
        for (const row of batch) insert.run(...row)
        database.exec('commit')
      }
    }),
    settle: async () => within((database) => { database.exec('pragma wal_checkpoint(truncate)') }),
    sizes: async () => within((database) => {
      const rows = database.prepare('select m.tbl_name as tableName, sum(iif(m.type = \'table\', pgsize, 0)) as data, sum(iif(m.type = \'index\', pgsize, 0)) as indexes from dbstat join sqlite_schema m using (name) group by 1 order by 1').all()
      return rows.map(({ tableName, data, indexes }) => ({ table: String(tableName), data: Number(data), indexes: Number(indexes) }))
    }),
    readThrough: async () => [],
    count: async () => null,
    close: async () => rmSync(folder, { recursive: true })
  }
}

function * batches (rows: Iterable<readonly Cell[]>, size: number): Generator<Array<readonly Cell[]>> {
  let batch: Array<readonly Cell[]> = []
  for (const row of rows) {
    if (batch.push(row) < size) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

/** Processor seconds of a PostgreSQL server: its first process, those it has, and those it had. */
function busyTime (data: string): number {
  const pid = Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0])
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number)
  return processorTime(pid) + children.reduce((sum, child) => sum + (existsSync(`/proc/${child}`) ? processorTime(child) : 0), 0)
}

/** Processor seconds of a process and of what it waited for. */
export function processorTime (pid: number): number {
  const [utime = 0, stime = 0, cutime = 0, cstime = 0] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ').slice(11, 15).map(Number) ?? []
  return (utime + stime + cutime + cstime) / 100
}
