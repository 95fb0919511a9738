import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
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
const bundler = '.ci/bundle'
const unknown = positionals.filter((name) => !Object.hasOwn(parts, name))
if (unknown.length > 0) {
  process.stderr.write(`no such part: ${unknown.join(' ')}; there are ${Object.keys(parts).join(' ')}\n`)
  process.exit(2)
}

const chosen = positionals.length === 0 ? Object.keys(parts) : positionals
const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'))
const figures: Figure[] = []

try {
  install(peers)
  install(bundler)
  const image = bundle()
  const load = await findLoad()
  const machine = describeMachine(load.name)
  const begun = new Date()
  say(machineText(machine, begun.toISOString().slice(0, 10)))
  for (const name of chosen) await measure(name, parts[name] as Part, load, image)
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

/** From its own lockfile, at the first whole run; a quick one makes do with what the service itself brings. */
function install (place: string): void {
  if (quick || isInstalled(place)) return
  execFileSync('npm', ['ci', '--ignore-scripts'], { cwd: place, stdio: ['ignore', 'ignore', 'inherit'] })
}

function isInstalled (place: string): boolean {
  return existsSync(join(place, 'node_modules'))
}

/** What the image runs, beside the builds of argon2 that are here. */
function bundle (): string | null {
  if (!isInstalled(bundler)) return null
  const image = join(folder, 'image')
  execFileSync(process.execPath, [join(bundler, 'bundle.js'), image], { stdio: ['ignore', 'ignore', 'inherit'] })
  if (existsSync('native')) symlinkSync(resolve('native'), join(image, 'native'))
  return image
}

async function measure (name: string, part: Part, load: Awaited<ReturnType<typeof findLoad>>, image: string | null): Promise<void> {
  const begun = performance.now()
  say(`\n${name}`)
  // A part of its own folder and of its own end: one that cannot be measured here does not take the others along.
  const own = mkdtempSync(join(folder, `${name}-`))
  const found = await part({ load, quick, pairs: quick ? 1 : 10, folder: own, page: page ?? null, hasPeers: !quick && isInstalled(peers), image })
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
