import { between } from '../../bench/page.ts'
import { tableOf } from '../support/docs.ts'
import { type Finding, table } from './readers.ts'

/** When and where a part was run. */
export interface Circumstances {
  /** `2026-11-27` */
  date: string
  commit: string
  minutes: number
  /** The machine, and what it did beside. */
  machine: string
}

/** A part's row in the table at the top of the page. */
interface Row {
  name: string
  state: string
  rest: string[]
}

const notRun = 'not run yet'
/** So many of a part's failures are named at the top; its section has them all. */
const mostNamed = 5

/** The page with what was found of one part: its own section, its row at the top. All else stays as it was, the dates and commits of the other parts too. */
export function written (page: string, names: readonly string[], name: string, { failed, text }: Finding, { date, commit, minutes, machine }: Circumstances): string {
  const named = failed.slice(0, mostNamed).join('; ') + (failed.length > mostNamed ? `; and ${failed.length - mostNamed} more` : '')
  const done = { name, state: failed.length === 0 ? 'held' : `**failed**: ${named}`, rest: [date, commit, minutes.toFixed(1)] }
  const rows = names.map((one) => one === name ? done : rowsOf(page).find((row) => row.name === one) ?? { name: one, state: notRun, rest: ['', '', ''] })
  const all = failed.length > mostNamed ? `\n\nFailed:\n\n${failed.map((one) => `- ${one}`).join('\n')}` : ''
  const section = `${date}, commit ${commit}, ${minutes.toFixed(1)} minutes on ${machine}.\n\n${text}${all}`
  return between(between(page, 'parts', summaryOf(rows)), name, section)
}

/** What the page says of the parts so far. */
export function rowsOf (page: string): Row[] {
  return tableOf(page, 'part').map(([link = '', state = '', ...rest]) => ({ name: /^\[(.+?)\]/.exec(link)?.[1] ?? link, state, rest }))
}

/** What a section holds. */
export function sectionOf (page: string, name: string): string {
  return page.split(`<!-- ${name} -->`)[1]?.split(`<!-- /${name} -->`)[0] ?? ''
}

/** Failures first, then what was not run. */
function summaryOf (rows: readonly Row[]): string {
  const [failed, missing] = [rows.filter(({ state }) => state.startsWith('**failed')), rows.filter(({ state }) => state === notRun)]
  const held = rows.filter((one) => !failed.includes(one) && !missing.includes(one))
  const lines = [...failed, ...missing, ...held].map(({ name, state, rest }) => [`[${name}](#${name})`, state, ...rest])
  return `${failed.length} of ${rows.length} parts failed, ${missing.length} not run.\n\n${table(['part', '', 'date', 'commit', 'minutes'], lines)}`
}
