import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Figure, goalOf, spreadText, textOf, verdictOf } from './figures.ts'
import { findLoad } from './load.ts'
import { describeMachine } from './machine.ts'
import { between, machineText, tableOf } from './page.ts'
import { type Part, parts } from './parts.ts'

// npm run bench [-- PART …] [--quick] [--results FILE] [--page FILE]
// Every figure is a ratio to a baseline of the same run or of one process's own; ends with 1 where a goal is missed, but for --quick.
const { values: { quick, results, page }, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean', default: false }, results: { type: 'string' }, page: { type: 'string' } }
})

const peers = 'bench/peers'
const unknown = positionals.filter((name) => !Object.hasOwn(parts, name))
if (unknown.length > 0) {
  process.stderr.write(`no such part: ${unknown.join(' ')}; there are ${Object.keys(parts).join(' ')}\n`)
  process.exit(2)
}

const chosen = positionals.length === 0 ? Object.keys(parts) : positionals
const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'))
const figures: Figure[] = []

try {
  installPeers()
  const load = await findLoad()
  const machine = describeMachine(load.name)
  const begun = new Date()
  say(machineText(machine, begun.toISOString().slice(0, 10)))
  for (const name of chosen) await measure(name, parts[name] as Part, load)
  const seconds = Math.round((Date.now() - begun.getTime()) / 1000)
  say(`\n${seconds} s in all`)
  if (results !== undefined) {
    mkdirSync(dirname(results), { recursive: true })
    writeFileSync(results, `${JSON.stringify({ begun, seconds, quick, machine, figures }, null, 1)}\n`)
  }
  const text = `${machineText(machine, begun.toISOString().slice(0, 10))}\n\n${tableOf(figures)}`
  if (page !== undefined) writeFileSync(page, between(readFileSync(page, 'utf8'), 'figures', text))
} finally {
  rmSync(folder, { recursive: true })
}
process.exitCode = !quick && figures.some((figure) => verdictOf(figure) === 'missed') ? 1 : 0

/** From their own lockfile, at the first whole run; a quick one measures against what the service itself brings. */
function installPeers (): void {
  if (quick || existsSync(join(peers, 'node_modules'))) return
  execFileSync('npm', ['ci', '--ignore-scripts'], { cwd: peers, stdio: ['ignore', 'ignore', 'inherit'] })
}

async function measure (name: string, part: Part, load: Awaited<ReturnType<typeof findLoad>>): Promise<void> {
  const begun = performance.now()
  say(`\n${name}`)
  // A part of its own folder and of its own end: one that cannot be measured here does not take the others along.
  const own = mkdtempSync(join(folder, `${name}-`))
  const found = await part({ load, quick, pairs: quick ? 1 : 10, folder: own, page: page ?? null, hasPeers: !quick && existsSync(join(peers, 'node_modules')) })
  for (const figure of found) {
    figures.push({ part: name, ...figure })
    report({ part: name, ...figure })
  }
  say(`  ${((performance.now() - begun) / 1000).toFixed(0)} s`)
}

function report (figure: Figure): void {
  const [median, half, extremes] = spreadText(figure)
  const goal = goalOf(figure)
  const asked = goal === undefined ? '' : `; asked ${textOf(goal.bound)}, aim ${textOf(goal.aim)}: ${verdictOf(figure)}`
  say(`  ${figure.name}: ${median} (${half}; ${extremes})${asked}${figure.note === undefined ? '' : `; ${figure.note}`}`)
}

function say (line: string): void {
  process.stdout.write(`${line}\n`)
}
