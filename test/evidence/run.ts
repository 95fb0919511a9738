import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { describeHost } from '../../bench/machine.ts'
import { hostText } from '../../bench/page.ts'
import { written } from './page.ts'
import { type Part, parts } from './parts.ts'
import type { Ended, Finding } from './readers.ts'

// npm run evidence [-- PART[=MINUTES] …]: runs parts one after the other and writes each into docs/evidence.md as it ends; what is not run stays
// there as it was. MINUTES is how long a part may take, or how long fuzzing, mutation and soak go on. Ends with 1 where a part failed.
const root = resolve(import.meta.dirname, '../..')
const file = join(root, 'docs/evidence.md')
/** Minutes that what goes on as long as it is told to may take to begin and to end. */
const slack = 15

const asked = process.argv.slice(2).map((word) => word.split('=') as [string, string?])
const wrong = asked.filter(([name, minutes = '1']) => !Object.hasOwn(parts, name) || !(Number(minutes) > 0))
if (wrong.length > 0) {
  process.stderr.write(`no such part: ${wrong.map((words) => words.join('=')).join(' ')}; there are ${Object.keys(parts).join(' ')}, each as PART or PART=MINUTES\n`)
  process.exit(2)
}

process.once('SIGTERM', () => process.exit(1)).once('SIGINT', () => process.exit(1))
let failed = 0
for (const [name, minutes] of asked.length > 0 ? asked : Object.keys(parts).map((name) => [name] as [string, string?])) {
  const part = parts[name] as Part
  const finding = await look(name, part, minutes === undefined ? part.minutes : Number(minutes))
  failed += finding.failed.length
  process.stdout.write(`${name}: ${finding.failed.length === 0 ? 'held' : `failed: ${finding.failed.join('; ')}`}\n`)
}
process.exitCode = failed > 0 ? 1 : 0

async function look (name: string, part: Part, minutes: number): Promise<Finding> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-evidence-'))
  const ends: Array<() => unknown> = [() => rmSync(folder, { recursive: true })]
  const endAtOnce = () => { for (const end of ends.splice(0)) end() }
  process.once('exit', endAtOnce)
  const begun = performance.now()
  const deadline = begun + (minutes + (part.isTimed === true ? slack : 0)) * 60_000
  const [date, commit] = [new Date().toISOString().slice(0, 10), commitNow()]
  const machine = `${hostText(describeHost())}; load average before ${loadavg().map((value) => value.toFixed(1)).join(' ')}`
  let finding: Finding
  try {
    finding = await part.look({
      minutes, date, commit, folder, page: readFileSync(file, 'utf8'), owner: { teardown: (end) => { ends.unshift(end) } },
      run: (line, environment = {}) => run(line, environment, deadline)
    })
  } catch (error) {
    finding = { failed: [(error as Error).message.split('\n', 1)[0] as string], text: '' }
  }
  for (const end of ends.splice(0)) await end()
  process.off('exit', endAtOnce)
  writeFileSync(file, written(readFileSync(file, 'utf8'), Object.keys(parts), name, finding, { date, commit, machine, minutes: (performance.now() - begun) / 60_000 }))
  return finding
}

/** A group of its own, so that what it has started ends with it. */
async function run (line: string, environment: Record<string, string>, deadline: number): Promise<Ended> {
  const child = spawn('sh', ['-c', line], { cwd: root, env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'inherit'], detached: true })
  const end = () => { process.kill(-(child.pid as number), 'SIGKILL') }
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    end()
  }, deadline - performance.now())
  process.once('exit', end)
  const [out, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  clearTimeout(timer)
  process.off('exit', end)
  return { code: isLate ? null : code ?? 1, out }
}

function commitNow (): string {
  const git = (...words: string[]) => execFileSync('git', words, { cwd: root, encoding: 'utf8' }).trim()
  const changed = git('status', '--porcelain', '--', '.', ':!docs/evidence.md', ':!docs/soak.svg', ':!docs/day.svg')
  return `\`${git('rev-parse', '--short=10', 'HEAD')}\`${changed === '' ? '' : ' and changes'}`
}
