import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { endedTime, processorTime } from '../support/process.ts'
import { type Mutant, mutantsOf } from './mutants.ts'

const root = resolve(import.meta.dirname, '../..')

/** Milliseconds of processor time, and of any time, that a test may take before its mutant counts as caught: one that hangs is noticed. */
const mostWork = 90_000
const patience = 900_000
/** Of processor time, where it is known what the tests take as they stand: so many times that, and not less than these milliseconds. */
const slowdown = 4
const leastWork = 5000
const glance = 1000

/** What became of the mutants of one file. */
export interface Verdict {
  path: string
  killed: number
  survivors: Mutant[]
}

/** A copy of the sources that can be changed, with the packages of the original. The caller removes it. */
export function copySources (): string {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-mutation-'))
  const left = new Set(['node_modules', '.git', '.tap', 'data'].map((name) => join(root, name)))
  cpSync(root, folder, { recursive: true, filter: (path) => !left.has(path) })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  return folder
}

/** What is noticed from farther away: how a door works with others. */
const beyond: Readonly<Record<string, string[]>> = {
  'plugins/tokens.ts': ['test/verifier.test.ts'],
  'plugins/revocations.ts': ['test/plugins/gauges.test.ts', 'test/races/postgres.test.ts'],
  'plugins/sessions.ts': ['test/plugins/sign-out.test.ts', 'test/plugins/gauges.test.ts', 'test/races/postgres.test.ts']
}

/** The tests that stand for a file: its mirror, where it is behind a door the door's, and for some one that is farther away. */
export function testsOf (path: string): string[] {
  const door = path.replace(/^(plugins\/[^/]+)\/.*/, '$1.ts')
  return [...new Set([path, door])].map((one) => `test/${one.replace(/\.ts$/, '.test.ts')}`).concat(beyond[path] ?? [])
}

/** Whether one of the tests fails in that folder. The first failure is enough. */
export async function fails (folder: string, tests: readonly string[], most = mostWork): Promise<boolean> {
  for (const test of tests) if (!await passes(folder, test, most)) return true
  return false
}

async function passes (folder: string, test: string, most: number): Promise<boolean> {
  const environment = { PATH: process.env['PATH'], NODE_OPTIONS: '--no-warnings', TAP_BAIL: '1', TAP_TIMEOUT: '900' }
  const child = spawn(process.execPath, ['--import', './check-node.js', test], { cwd: folder, env: environment, stdio: 'ignore', detached: true })
  process.once('exit', end)
  const begun = performance.now()
  const watch = setInterval(() => { if (performance.now() - begun > patience || workOf(child.pid as number) > most) end() }, glance)
  const [code] = await once(child, 'exit')
  clearInterval(watch)
  process.off('exit', end)
  end()
  return code === 0

  /** With whatever it has started: a bailing test tears nothing down. */
  function end () {
    try {
      process.kill(-(child.pid as number), 'SIGKILL')
    } catch {}
  }
}

/** Nothing for a process that has ended meanwhile. */
function workOf (pid: number): number {
  try {
    return processorTime(pid)
  } catch {
    return 0
  }
}

/** Tries mutants of a file, one at a time in each of these copies, `share` of them (1 is all, a third every third), until time is up. */
export async function tryMutants (folders: readonly string[], path: string, { share, deadline }: { share: number, deadline: number }): Promise<Verdict> {
  const original = readFileSync(join(root, path), 'utf8')
  const step = 1 / share
  const mutants = mutantsOf(original).filter((_, number) => Math.floor(number % step) === 0)
  const before = endedTime()
  if (mutants.length > 0 && await fails(folders[0] as string, testsOf(path))) throw new Error(`the tests of ${path} fail as it stands, or take too long: they would catch everything`)
  const most = Math.max(leastWork, (endedTime() - before) * slowdown)

  const queue = mutants.values()
  const caught = new Map<Mutant, boolean>()
  await Promise.all(folders.map(async (folder) => {
    while (performance.now() < deadline) {
      const { value: mutant } = queue.next()
      if (mutant === undefined) break
      writeFileSync(join(folder, path), mutant.text)
      caught.set(mutant, await fails(folder, testsOf(path), most))
    }
    writeFileSync(join(folder, path), original)
  }))
  const tried = mutants.filter((mutant) => caught.has(mutant))
  const survivors = tried.filter((mutant) => caught.get(mutant) === false)
  return { path, killed: tried.length - survivors.length, survivors }
}

export function discard (folder: string): void {
  rmSync(folder, { recursive: true, force: true })
}
