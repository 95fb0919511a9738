import { closeSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { sql } from 'kysely'
import type { Queries } from '../database.ts'

/**
 * Writes a copy of a SQLite database as it was at one moment, while others read and write. It has the name `file` once it is
 * whole and on the disk, and is for its owner alone (mode 0600). Throws where there is such a file; where it fails, it leaves none.
 */
export async function backUp (queries: Queries, file: string): Promise<void> {
  // An absolute path: one that begins with "file:" would be taken for an address with parameters.
  const path = resolve(file)
  const draft = `${path}.partial`
  reserve(path)
  try {
    // Left by one that was killed: whoever has reserved the name has the draft's as well.
    rmSync(draft, { force: true })
    reserve(draft)
    await sql`vacuum into ${draft}`.execute(queries)
    // SQLite itself does not wait for the disk here (sqlite.org/lang_vacuum.html).
    sync(draft)
    renameSync(draft, path)
    sync(dirname(path))
  } catch (error) {
    for (const left of [draft, path]) rmSync(left, { force: true })
    throw failure(file, error)
  }
}

/** An empty file, into which SQLite agrees to write. */
function reserve (path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw new Error(`${path} is there already: a backup is never written over anything`)
    throw failure(path, error)
  }
}

function sync (path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** What the driver calls unavailable has a cause that an operator can do something about. */
function failure (file: string, error: unknown): Error {
  const { message } = ((error as Error).cause ?? error) as Error
  return new Error(`The backup ${file} cannot be written: ${message}`, { cause: error })
}
