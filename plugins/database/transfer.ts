import { sql } from 'kysely'
import type { Queries, Tables } from '../database.ts'

/** What is carried over, what others refer to first. The rest is not: leases of processes, and Kysely's own notes on migrations. */
export const carried = ['users', 'user_roles', 'signing_keys', 'sessions', 'revocations', 'clients', 'failures', 'known_networks', 'audit_events', 'audit_heads', 'audit_keys'] as const satisfies ReadonlyArray<keyof Tables>

export type CarriedTable = typeof carried[number]

export interface Progress {
  table: CarriedTable
  /** Rows written so far, and in all. */
  done: number
  total: number
}

type Row = Record<string, unknown>

/** Rows held in memory at a time. */
const batch = 1000

/**
 * Copies every row from a SQLite database to a PostgreSQL one of the same schema, each in its own open transaction, as it
 * stands: ids, digests, and keys that stay sealed under SECRET_KEY. Says how many rows of each table there were. Throws where the target holds any.
 */
export async function transfer (source: Queries, target: Queries, report: (progress: Progress) => void): Promise<Record<CarriedTable, number>> {
  await claim(target)
  const counts: Array<[CarriedTable, number]> = []
  for (const table of carried) counts.push([table, await copy(table, source, target, report)])
  await sql`select setval(pg_get_serial_sequence('revocations', 'id'), max(id)) from revocations having max(id) is not null`.execute(target)
  return Object.fromEntries(counts) as Record<CarriedTable, number>
}

/** Nobody else writes there until the transaction is over: neither a service that starts meanwhile nor a second move. */
async function claim (target: Queries): Promise<void> {
  await sql`lock table ${sql.join(carried.map((table) => sql.table(table)))} in exclusive mode`.execute(target)
  for (const table of carried) {
    const { rows } = await sql`select 1 from ${sql.table(table)} limit 1`.execute(target)
    if (rows.length > 0) throw new Error(`The target is not empty, there are rows in ${table}: nothing was moved`)
  }
}

async function copy (table: CarriedTable, source: Queries, target: Queries, report: (progress: Progress) => void): Promise<number> {
  const { rows: [counted] } = await sql<{ total: number }>`select count(*) as total from ${sql.table(table)}`.execute(source)
  const total = counted?.total ?? 0
  let position = 0
  for (let done = 0; done < total;) {
    const { rows } = await sql<Row & { position: number }>`select rowid as position, * from ${sql.table(table)} where rowid > ${position} order by rowid limit ${batch}`.execute(source)
    position = rows.at(-1)?.position as number
    done += rows.length
    await add(table, rows.map(({ position, ...row }) => row), target)
    report({ table, done, total })
  }
  return total
}

/** One statement with one parameter, however many rows and columns: it is prepared once a table. */
async function add (table: CarriedTable, rows: readonly Row[], target: Queries): Promise<void> {
  await sql`insert into ${sql.table(table)} select * from json_populate_recordset(null::${sql.table(table)}, ${JSON.stringify(rows)}::json)`.execute(target)
}
