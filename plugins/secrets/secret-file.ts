import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

export interface KeptSecret {
  secret: string
  file: string
  /** True where others than the owner may read the file. */
  exposed: boolean
}

/**
 * The secret beside the database file, made at the first start (mode 0600). Processes that start together agree on one.
 * Throws where the database is there and its secret is not, unless `replaceLost`: a new one could open nothing.
 */
export function readOrMakeSecret (databaseFile: string, replaceLost = false): KeptSecret {
  const file = `${databaseFile}.secret`
  // Looked at first: a process that starts beside this one makes the secret and then the database.
  const databaseExists = existsSync(databaseFile)
  if (!existsSync(file)) {
    if (databaseExists && !replaceLost) throw new Error(`SECRET_KEY is not set and ${file} is missing, but the database exists: put back the secret it was made with`)
    make(file)
  }
  const secret = readFileSync(file, 'utf8').trim()
  if (Buffer.byteLength(secret) < 32) throw new Error(`${file} does not hold a secret of 32 bytes or more`)
  return { secret, file, exposed: (statSync(file).mode & 0o077) !== 0 }
}

/** Written whole under another name first; the link fails, harmlessly, where another process was faster. */
function make (file: string): void {
  makeFolder(dirname(file))
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`
  const descriptor = openSync(draft, 'wx', 0o600)
  try {
    writeSync(descriptor, `${randomBytes(32).toString('base64url')}\n`)
    fsyncSync(descriptor)
    linkSync(draft, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    closeSync(descriptor)
    rmSync(draft)
  }
}

function makeFolder (folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw new Error(`The folder ${folder} of the database cannot be made: ${(error as Error).message}`)
  }
}
