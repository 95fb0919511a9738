import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { type Report, runCampaign } from './campaign.ts'
import { algorithms } from './seeds.ts'

// npm run fuzz -- [--count N | --seconds N] [--seed N]: a minute where nothing is said. --deep 1 tries every
// mutant that only its signature gives away; one in twenty is enough for most of them to die in the reader. The seed brings back the mutations; keys are new each time.
const { values } = parseArgs({ options: { count: { type: 'string' }, seconds: { type: 'string' }, seed: { type: 'string' }, deep: { type: 'string', default: '20' } } })
const most = values.count === undefined ? Number.POSITIVE_INFINITY : Number(values.count)
const longest = values.count === undefined ? Number(values.seconds ?? 60) : Number.POSITIVE_INFINITY
const seed = Number(values.seed ?? randomInt(2 ** 31))
if (![most, longest, seed, Number(values.deep)].every((number) => number >= 0)) throw new Error('--count, --seconds, --seed and --deep are numbers')

const report = await runCampaign({ seed, deep: Number(values.deep), goesOn: (count, seconds) => count < most && seconds < longest })
process.stdout.write(`${linesOf(report).join('\n')}\n`)
if (report.accepted + report.disagreements > 0) process.exitCode = 1

function linesOf ({ count, seconds, accepted, disagreements, outcomes, findings, seed }: Report): string[] {
  const rows = [...outcomes].map(([outcome, byAlgorithm]) => [outcome, ...algorithms.map((alg) => String(byAlgorithm.get(alg) ?? 0))])
  return [
    ...[['outcome', ...algorithms], ...rows.sort()].map((cells) => cells.map((cell, index) => index === 0 ? cell.padEnd(16) : cell.padStart(10)).join('')),
    ...findings.map((finding) => JSON.stringify(finding)),
    `mutants                          ${count}`,
    `seconds                          ${seconds.toFixed(1)}`,
    `a second                         ${Math.round(count / seconds)}`,
    `accepted that must not be        ${accepted}`,
    `disagreements with the oracle    ${disagreements}`,
    `seed                             ${seed}`
  ]
}
