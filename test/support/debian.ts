import { execFile } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** Where a program lies, and what has to be in its environment. */
export interface Provided {
  path: string
  /** The folder that stands for the machine's root. */
  root: string
  environment: Record<string, string>
}

const uid = process.getuid?.() ?? 0
const triplet = `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`
const run = promisify(execFile)

/**
 * The machine's own program, or Debian's package unpacked, with others beside it: nothing is installed. `find` gives its path below a
 * root folder, null where it is not there. Throws where neither can be had.
 */
export async function provide (name: string, find: (root: string) => string | null, beside: readonly string[] = []): Promise<Provided> {
  const installed = find('/')
  if (installed !== null) return { path: installed, root: '/', environment: {} }
  // Below the folder for what is temporary, since others than the one who runs the tests have to read it.
  const cache = join(tmpdir(), `gatehouse-${name}-${uid}`)
  const path = findOurs() ?? await unpack()
  return { path, root: cache, environment: { LD_LIBRARY_PATH: ['usr/lib', 'lib'].map((folder) => join(cache, folder, triplet)).join(':') } }

  /** Anybody may make a folder of that name. */
  function findOurs (): string | null {
    if (!existsSync(cache)) return null
    if (statSync(cache).uid !== uid) throw new Error(`${cache} is another user's: nothing is started from there`)
    return find(cache)
  }

  /** What a machine without it would install, without what is there already; but all that was asked for, of which a machine may have a part. */
  async function unpack (): Promise<string> {
    const folder = mkdtempSync(`${cache}-`)
    try {
      const simulate = () => run('apt-get', ['install', '-s', '--no-install-recommends', name, ...beside])
      // A machine that is new has no lists yet; only root may fetch them.
      const { stdout } = await simulate().catch(() => run('apt-get', ['update']).then(simulate))
      const needed = [...stdout.matchAll(/^Inst (\S+)/gm)].map(([, needed = '']) => needed)
      await run('apt-get', ['download', ...new Set([name, ...beside, ...needed])], { cwd: folder })
      for (const file of readdirSync(folder)) await run('dpkg', ['-x', join(folder, file), folder])
      chmodSync(folder, 0o755)
      renameSync(folder, cache)
    } catch (error) {
      rmSync(folder, { recursive: true, force: true })
      // Another test file may have been faster.
      const theirs = findOurs()
      if (theirs !== null) return theirs
      const { stderr = '', message } = error as Error & { stderr?: string }
      const [reason = message.split('\n')[0]] = /^E: .*/m.exec(stderr) ?? []
      throw new Error(`${name} is not installed, and Debian's package cannot be had (apt-get, dpkg and apt's lists are needed): ${reason}`)
    }
    return find(cache) ?? fail(`Debian's ${name} does not hold what was looked for`)
  }
}

function fail (message: string): never {
  throw new Error(message)
}

/** A program at a fixed place. */
export function at (...places: string[]): (root: string) => string | null {
  return (root) => places.map((place) => join(root, place)).find((path) => existsSync(path)) ?? null
}

/** The folder with PostgreSQL's server and clients of one version, the newest there is. */
export function findPostgres (root: string): string | null {
  const versions = join(root, 'usr/lib/postgresql')
  if (!existsSync(versions)) return null
  return readdirSync(versions).sort((one, other) => Number(other) - Number(one)).map((version) => join(versions, version, 'bin'))
    .find((bin) => ['postgres', 'initdb', 'pg_dump', 'pg_restore'].every((program) => existsSync(join(bin, program)))) ?? null
}
