import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { type Kysely, sql } from 'kysely'

/** What a look at a database tells that changes nothing. */
export interface Inspection {
  /** The migrations that were done; null where there is no database of ours yet. */
  done: string[] | null
  /** What time the database says it is, in milliseconds since 1970; null where it has no clock of its own. */
  now: number | null
}

/** Where nobody has the file open, there is no log beside it and nobody writes: it is read as it lies, and nothing is put beside it. */
export function inspectSqlite (file: string | null): Inspection {
  if (file === null || !existsSync(file)) return { done: null, now: null }
  const address = pathToFileURL(resolve(file))
  if (!existsSync(`${file}-wal`)) address.searchParams.set('immutable', '1')
  const database = new DatabaseSync(address, { readOnly: true })
  try {
    const isOurs = database.prepare('select 1 from sqlite_master where name = ?').get('migrations') !== undefined
    return { done: isOurs ? database.prepare('select name from migrations order by name').all().map(({ name }) => String(name)) : null, now: null }
  } finally {
    database.close()
  }
}

export async function inspectPostgres<T> (queries: Kysely<T>): Promise<Inspection> {
  const { rows: [clock] } = await sql<{ now: number, ours: boolean }>`select cast(extract(epoch from clock_timestamp()) * 1000 as bigint) as now, to_regclass('migrations') is not null as ours`.execute(queries)
  const done = clock?.ours === true ? (await sql<{ name: string }>`select name from migrations order by name`.execute(queries)).rows.map(({ name }) => name) : null
  return { done, now: Number(clock?.now) }
}
