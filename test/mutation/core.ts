import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { copySources, discard, tryMutants, type Verdict } from './run.ts'
import { type Kept, reasonFor, strangers } from './survivors.ts'

// npm run mutation -- [--file plugins/tokens/reader.ts]… [--share 0.25] [--minutes N] [--json]: changes the core one place at a time in a copy and
// runs the tests that stand for it. Ends with 1 where fewer than nine in ten are noticed, or one survives that survivors.json does not explain.
const core = [
  'plugins/tokens/reader.ts', 'plugins/tokens/verifier.ts', 'plugins/tokens/cache.ts', 'plugins/tokens.ts',
  'plugins/sessions/verdict.ts', 'plugins/sessions/refresh-token.ts', 'plugins/sessions/session-id.ts', 'plugins/sessions/repository.ts', 'plugins/sessions.ts',
  'plugins/throttle/verdict.ts', 'plugins/throttle/window.ts', 'plugins/throttle/charges.ts', 'plugins/throttle/address-limits.ts', 'plugins/throttle/attempts.ts', 'plugins/throttle/repository.ts', 'plugins/throttle.ts',
  'plugins/revocations/register.ts', 'plugins/revocations/remote.ts', 'plugins/revocations/repository.ts', 'plugins/revocations.ts',
  'plugins/strict-json/parse.ts', 'plugins/strict-json.ts', 'plugins/access.ts'
]
const leastShare = 0.9

const { values } = parseArgs({ options: { file: { type: 'string', multiple: true, default: core }, share: { type: 'string', default: '1' }, minutes: { type: 'string', default: '120' }, json: { type: 'boolean', default: false } } })
const share = Number(values.share)
const deadline = performance.now() + Number(values.minutes) * 60_000
if (!(share > 0 && share <= 1 && deadline > 0)) throw new Error('--share is above 0 and at most 1, --minutes a number')

const kept: Kept[] = JSON.parse(readFileSync(resolve(import.meta.dirname, 'survivors.json'), 'utf8'))
const folders = Array.from({ length: availableParallelism() }, copySources)
process.once('SIGTERM', () => process.exit(1)).once('SIGINT', () => process.exit(1)).once('exit', () => { for (const folder of folders) discard(folder) })

const verdicts: Verdict[] = []
for (const path of values.file) {
  const verdict = await tryMutants(folders, path, { share, deadline })
  verdicts.push(verdict)
  say(lineOf(path, [verdict]))
  for (const { line, source, from, to } of verdict.survivors) say(`  ${path}:${line} ${JSON.stringify(from)} -> ${JSON.stringify(to)} in ${JSON.stringify(source)}`)
}
say(lineOf('all', verdicts))
const unexplained = verdicts.flatMap((verdict) => strangers(verdict, kept))
if (unexplained.length > 0) say(`${unexplained.length} survive without a reason in survivors.json`)
if (values.json) process.stdout.write(`${JSON.stringify(verdicts.map(({ path, killed, survivors }) => ({ path, killed, survivors: survivors.map((one) => ({ line: one.line, from: one.from, to: one.to, why: reasonFor(path, one, kept) })) })))}\n`)
if (shareOf(verdicts) < leastShare || unexplained.length > 0) process.exitCode = 1

function lineOf (name: string, some: Verdict[]): string {
  const killed = some.reduce((sum, verdict) => sum + verdict.killed, 0)
  const survived = some.reduce((sum, { survivors }) => sum + survivors.length, 0)
  return `${name.padEnd(42)} ${String(killed + survived).padStart(5)} mutants ${String(killed).padStart(5)} killed  ${(shareOf(some) * 100).toFixed(1)} %`
}

function shareOf (some: Verdict[]): number {
  const killed = some.reduce((sum, verdict) => sum + verdict.killed, 0)
  const all = some.reduce((sum, { survivors }) => sum + survivors.length, killed)
  return all === 0 ? 1 : killed / all
}

/** On standard error where standard output holds JSON. */
function say (line: string): void {
  (values.json ? process.stderr : process.stdout).write(`${line}\n`)
}
