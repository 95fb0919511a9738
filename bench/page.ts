import { type Figure, goalOf, spreadText, textOf, verdictOf } from './figures.ts'
import type { Host, Machine } from './machine.ts'

const words = { reached: 'yes', met: 'at least', missed: '**no**', '': '' }

/** The figures as a Markdown table, those with goals first. */
export function tableOf (figures: readonly Figure[]): string {
  const asked = figures.filter((figure) => goalOf(figure) !== undefined)
  const beside = figures.filter((figure) => goalOf(figure) === undefined)
  return [
    row(['', 'median', 'middle half', 'extremes', 'at least', 'aim', 'reached', 'made of']), `|${'---|'.repeat(8)}`, ...asked.map(askedRow),
    '', row(['Beside', 'median', 'middle half', 'extremes', 'made of']), `|${'---|'.repeat(5)}`,
    ...beside.map((figure) => row([figure.name, ...spreadText(figure), figure.note ?? '']))
  ].join('\n')
}

function askedRow (figure: Figure): string {
  const goal = goalOf(figure) as NonNullable<ReturnType<typeof goalOf>>
  const [bound, aim] = [goal.bound, goal.aim].map((limit) => `${goal.less === true ? '≤ ' : ''}${textOf(limit, figure.unit)}`) as [string, string]
  return row([figure.name, ...spreadText(figure), bound, aim, words[verdictOf(figure)], figure.note ?? ''])
}

/** A row of a Markdown table. */
export function row (cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}

/** One paragraph: what it was measured on. */
export function machineText (machine: Machine, when: string): string {
  const { load, pinned, loadAverage } = machine
  return `Measured ${when}: ${hostText(machine)}; load by ${load}, ${pinned ? 'servers on the first processor and the load on the second' : 'servers and load on the same processors'}. ` +
    `Load average before the run: ${loadAverage}.`
}

export function hostText ({ processor, processors, memory, system, node, openssl, fastify, argon2 }: Host): string {
  return `${processors} processors (${processor}), ${memory}, ${system}; Node.js ${node} with OpenSSL ${openssl}, Fastify ${fastify}, argon2 ${argon2}`
}

/** `page` with other text between the markers `<!-- name -->` and `<!-- /name -->`. Throws where they are not there. */
export function between (page: string, name: string, text: string): string {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const from = page.indexOf(begin)
  const to = page.indexOf(end)
  if (from === -1 || to < from) throw new Error(`the page has no place for ${name}`)
  return `${page.slice(0, from + begin.length)}\n${text}\n${page.slice(to)}`
}
