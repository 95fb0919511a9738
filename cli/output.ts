import Table from 'cli-table3'
import widthOf from 'string-width'
import type { World } from './service.ts'

/** Of `--json`. */
export interface Json {
  json?: true
}

type Cell = string | number | boolean | null
type Row = Readonly<Record<string, Cell>>

const gap = '  '
const none = Object.fromEntries(['top', 'bottom', 'left', 'right', 'mid'].flatMap((side) => [side, `${side}-left`, `${side}-mid`, `${side}-right`]).map((edge) => [edge, '']))
const bare = { chars: { ...none, middle: gap }, style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true } }
/** Rows laid out at once: the time that cli-table3 takes grows with their square. */
const block = 100
/** Where a column is cut, it keeps this many places: a date and the sign that something follows. */
const narrowest = 11

export function print ({ output }: World, text: string): void {
  output.write(`${text}\n`)
}

export function printJson (world: World, value: unknown): void {
  print(world, JSON.stringify(value, null, 2))
}

export function time (milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}

/**
 * Rows under the names of their members; where there are none, nothing. A terminal that is too narrow gets every column but the first
 * cut, and one that is too narrow for that, row after row as `printRecord` prints one. Elsewhere nothing is cut.
 */
export function printTable (world: World, rows: readonly Row[]): void {
  const cells = [...rows.slice(0, 1).map((row) => Object.keys(row)), ...rows.map(cellsOf)]
  const lines = layOut(cells, roomOf(world)) ?? rows.flatMap((row, index) => [...index > 0 ? [''] : [], ...recordOf(row)])
  if (lines.length > 0) print(world, lines.join('\n'))
}

/** The same without names, and in lines alone. */
export function printRows (world: World, rows: readonly Row[]): void {
  const cells = rows.map(cellsOf)
  print(world, (layOut(cells, roomOf(world)) ?? align(cells)).join('\n'))
}

/** One thing, a member a line. Nothing is cut: a secret may be among them. */
export function printRecord (world: World, row: Row): void {
  print(world, recordOf(row).join('\n'))
}

function recordOf (row: Row): string[] {
  const cells = cellsOf(row)
  return align(Object.keys(row).map((name, index) => [name, String(cells[index])]))
}

function cellsOf (row: Row): string[] {
  return Object.values(row).map((cell) => cell === null ? '-' : harmless(String(cell)))
}

/** What would move the cursor, change colours or turn the direction of writing is shown and not done. */
function harmless (text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (char) => `\\u{${Number(char.codePointAt(0)).toString(16)}}`)
}

function roomOf ({ output }: World): number {
  return output.isTTY === true ? output.columns ?? 80 : Number.POSITIVE_INFINITY
}

/** Lines of at most `room` places, the widest column but the first cut first; null where that is not enough. */
function layOut (rows: string[][], room: number): string[] | null {
  const widths = widthsOf(rows)
  let surplus = widths.reduce((sum, width) => sum + width + gap.length, -gap.length) - room
  for (; surplus > 0; surplus--) {
    const widest = widths.reduce((found, width, index) => index > 0 && width > Number(widths[found]) ? index : found, 1)
    if (!(Number(widths[widest]) > narrowest)) return null
    widths[widest] = Number(widths[widest]) - 1
  }
  return align(rows, widths)
}

function align (rows: string[][], widths = widthsOf(rows)): string[] {
  return Array.from({ length: Math.ceil(rows.length / block) }, (_, index) => {
    const table = new Table({ ...bare, colWidths: widths })
    table.push(...rows.slice(index * block, (index + 1) * block))
    // It cuts between the two halves of a picture.
    return table.toString().replace(/\p{Surrogate}/gu, ' ').split('\n').map((line) => line.trimEnd())
  }).flat()
}

/** As a terminal shows them, by the measure that cli-table3 has: letters of East Asia and pictures take two places, marks on a letter none. */
function widthsOf (rows: string[][]): number[] {
  return rows.reduce<number[]>((widest, row) => row.map((cell, index) => Math.max(widthOf(cell), widest[index] ?? 0)), [])
}
