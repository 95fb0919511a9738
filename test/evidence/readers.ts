import { row } from '../../bench/page.ts'
import { mostGrowth, type Soaked } from '../soak/picture.ts'
import { tableOf } from '../support/docs.ts'

/** What a part has to say: what of it failed, and its section of the page in Markdown. */
export interface Finding {
  failed: readonly string[]
  text: string
}

/** How a command ended; null where it had not by its time. */
export interface Ended {
  code: number | null
  out: string
}

/** One file of tests, as TAP tells of it. */
interface TestFile {
  path: string
  tests: number
  failed: number
}

/** What a test says beside its result, without what tap itself says and lines of EVIDENCE_FILE. */
const comment = /^ +# (?!Subtest|time=|\{)(.+)$/

/** A run of tap: a row for each file, and what the tests said. */
export function fromTap ({ code, out }: Ended): Finding {
  const files: TestFile[] = []
  const [failed, said]: [string[], string[]] = [[], []]
  for (const line of out.split('\n')) {
    const [, begun] = /^# Subtest: (.+)$/.exec(line) ?? []
    if (begun !== undefined) files.push({ path: begun, tests: 0, failed: 0 })
    const [, result, title = '', directive = ''] = /^ {4}(ok|not ok) \d+ - (.+?)(?: # (.*))?$/.exec(line) ?? []
    const file = files.at(-1)
    if (result !== undefined && file !== undefined) {
      file.tests++
      if (result === 'not ok') failed.push(`${file.path}: ${title}`)
      if (result === 'not ok') file.failed++
      if (directive.startsWith('SKIP')) said.push(`${title}: ${directive}`)
    }
    const [, words] = comment.exec(line) ?? []
    if (words !== undefined) said.push(words)
    const [, path] = /^not ok \d+ - (.+?)(?: # .*)?$/.exec(line) ?? []
    if (path !== undefined && file?.failed === 0) failed.push(path)
  }
  const [tests, failures] = [files.reduce((sum, file) => sum + file.tests, 0), files.reduce((sum, file) => sum + file.failed, 0)]
  const summary = `${tests - failures} passed, ${failures} failed.`
  return { failed: orElse(failed, code, tests > 0), text: `${summary}\n\n${table(['', 'all', 'failed'], files.map((file) => [nameOf(file.path), file.tests, file.failed]))}${said.length === 0 ? '' : `\n\n${block(said)}`}` }
}

/** A command that says in its own lines what it found. */
export function fromLines ({ code, out }: Ended): Finding {
  const lines = out.trim().split('\n')
  return { failed: code === 0 ? [] : [lines.at(-1) ?? '', ...orElse([], code)], text: block(lines) }
}

/** `npm run conformance -- --json`. */
export function fromConformance ({ code, out }: Ended): Finding {
  const { results } = parsed<{ results: Array<{ name: string, outcome: string, detail: string }> }>(out, { results: [] })
  const failed = results.filter(({ outcome }) => outcome === 'fails').map(({ name, detail }) => `${name}: ${detail}`)
  return { failed: orElse(failed, code, results.length > 0), text: table(['check', 'outcome', ''], results.map(({ name, outcome, detail }) => [name, outcome, detail])) }
}

/** `npm run mutation -- --json`; standard error, which says it in words, is not asked. */
export function fromMutation ({ code, out }: Ended): Finding {
  const files = parsed<Array<{ path: string, killed: number, survivors: Array<{ line: number, from: string, to: string, why: string | null }> }>>(out, [])
  const survivors = files.flatMap((file) => file.survivors.map((one) => ({ ...one, where: `${file.path}:${one.line}`, change: `\`${one.from}\` → \`${one.to}\`` })))
  const failed = survivors.filter(({ why }) => why === null).map(({ where, change }) => `${where} ${change}`)
  const killed = files.reduce((sum, file) => sum + file.killed, 0)
  const rowOf = (name: string, dead: number, alive: number) => [name, dead + alive, dead, dead + alive === 0 ? 'not tried' : `${(dead / (dead + alive) * 100).toFixed(1)} %`]
  const rows = [...files.map((file) => rowOf(file.path, file.killed, file.survivors.length)), rowOf('all', killed, survivors.length)]
  const survived = table(['survivor', 'change', 'why'], survivors.map(({ where, change, why }) => [where, change, why ?? '**nobody has said**']))
  return { failed: orElse(failed, code, files.length > 0), text: [table(['', 'mutants', 'killed', ''], rows), ...survivors.length > 0 ? [survived] : []].join('\n\n') }
}

/** The lines that tests of faults left in EVIDENCE_FILE, before what tap says of them. */
export function withFaults (finding: Finding, lines: string): Finding {
  const faults = lines.split('\n').filter((line) => line !== '').map((line) => parsed<{ fault: string, store?: string, held: boolean, readyAfter?: number | null, note?: string } | null>(line, null)).filter((one) => one !== null)
  const rows = faults.map(({ fault, store = '', held, readyAfter = null, note = '' }) => [fault, store, held ? 'yes' : '**no**', readyAfter === null ? '' : `${readyAfter} ms`, note])
  const failed = faults.filter(({ held }) => !held).map(({ fault, store }) => `${fault} ${store ?? ''}`.trim())
  return { failed: [...failed, ...finding.failed], text: [...rows.length > 0 ? [table(['fault', 'store', 'held', 'ready after', ''], rows)] : [], finding.text].join('\n\n') }
}

/** Minutes from which on a run of the soak is long enough to say whether memory grows. */
const shortest = 10

/**
 * A row for this run of the soak, in the service's own time, below those of earlier ones, the last dozen: an hour may be made of pieces, each warmed up by itself. From an hour on,
 * memory may not grow by a MiB an hour, which is the mean of the pieces that are long enough by how long they took.
 */
export function fromSoak (ended: Ended, json: string, section: string, when: readonly string[], picture: string): Finding {
  const soaked = parsed<Soaked | null>(json, null)
  if (soaked === null) return { failed: orElse([], ended.code, false), text: section.trim().split('\n').slice(2).join('\n') }
  const { minutes, rate, requests, failed, series } = soaked
  const [memory, ...others] = series.map(({ first, last, growth, unit }) => ({ span: `${first.toFixed(1)} – ${last.toFixed(1)} ${unit}`.trim(), growth: growth.toFixed(2) }))
  const pieces = [...tableOf(section, 'date').filter((piece) => Number(piece[2]) >= shortest).slice(-11), [...when, minutes.toFixed(1), rate, requests, failed, memory?.growth, memory?.span, ...others.map(({ span }) => span)].map(String)]
  const long = pieces.filter((piece) => Number(piece[2]) >= shortest)
  const all = long.reduce((sum, piece) => sum + Number(piece[2]), 0)
  const growth = long.reduce((sum, piece) => sum + Number(piece[2]) * Number(piece[6]), 0) / all
  const grows = all >= 60 && growth >= mostGrowth ? [`memory grows by ${growth.toFixed(2)} MiB an hour`] : []
  const heading = ['date', 'commit', 'minutes', 'a second', 'requests', 'failed', 'memory, MiB an hour', ...series.map(({ name }) => name)]
  const sum = long.length === 0 ? `Too short to say whether anything grows: ${shortest} minutes at least` : `${all.toFixed(1)} minutes in ${long.length} ${long.length === 1 ? 'piece' : 'pieces'}: memory ${growth.toFixed(2)} MiB an hour`
  const [, why = ''] = /^ +# \d+ requests, \d+ failed: (.+)$/m.exec(ended.out) ?? []
  const said = `${sum}. The last piece as a picture: [${picture}](${picture}).`
  return { failed: [...grows, ...ended.code === 0 || grows.length > 0 ? [] : fromTap(ended).failed], text: [said, table(heading, pieces), ...failed > 0 ? [block([why])] : []].join('\n\n') }
}

export function table (heading: readonly string[], rows: ReadonlyArray<ReadonlyArray<string | number>>): string {
  const cell = (value: string | number) => String(value).replaceAll('\n', ' ').replaceAll('|', '\\|')
  return [row(heading), `|${'---|'.repeat(heading.length)}`, ...rows.map((cells) => row(cells.map(cell)))].join('\n')
}

/** What failed; where nothing says what, that something did. */
function orElse (failed: readonly string[], code: number | null, found = true): readonly string[] {
  if (code === null) return [...failed, 'it did not end in its time']
  if (!found) return [...failed, `it found nothing and ended with ${code}`]
  return code === 0 || failed.length > 0 ? failed : [`it ended with ${code}`]
}

function nameOf (path: string): string {
  return path.replace(/^test\//, '').replace(/(?:\.test)?\.ts$/, '')
}

/** As they are: some of them stand in columns. */
function block (lines: readonly string[]): string {
  return `\`\`\`text\n${lines.join('\n')}\n\`\`\``
}

function parsed<T> (text: string, otherwise: T): T {
  try {
    return JSON.parse(text)
  } catch {
    return otherwise
  }
}
