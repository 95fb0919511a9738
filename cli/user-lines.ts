import type { Readable } from 'node:stream'
import { parse } from 'csv-parse/sync'
import type { Line } from '../plugins/user-transfer.ts'
import type { UserEntry } from '../schemas/user-entry.ts'

export const formats = ['jsonl', 'csv'] as const
export type Format = (typeof formats)[number]

/** Bytes of a line, far beyond what a user takes. */
const longest = 16 * 1024
const columns = ['id', 'username', 'email', 'password_hash', 'roles', 'disabled', 'created_at'] as const
const tooLong = `line is longer than ${longest} bytes`
const [newline, carriageReturn] = [0x0a, 0x0d]
const mark = Buffer.from('\ufeff')

/** A JSON object a line. Empty lines say nothing; one that is too long is skipped without being kept. */
export async function * readJsonLines (file: Readable, parseJson: (bytes: Uint8Array) => unknown): AsyncGenerator<Line> {
  let number = 0
  for await (const bytes of splitLines(file)) {
    number++
    if (bytes === null) yield { number, fault: tooLong }
    else if (bytes.toString('latin1').trim() !== '') yield { number, ...read(bytes) }
  }

  function read (bytes: Buffer): { value: unknown } | { fault: string } {
    try {
      return { value: parseJson(bytes) }
    } catch {
      return { fault: 'line is not well-formed JSON' }
    }
  }
}

/** Lines without their ends and the first without a byte order mark; null for one that is too long. */
async function * splitLines (file: Readable): AsyncGenerator<Buffer | null> {
  let kept: Buffer = Buffer.alloc(0)
  let skipping = false
  let first = true
  for await (const chunk of file as AsyncIterable<Buffer>) {
    let rest = Buffer.concat([kept, Buffer.from(chunk)])
    for (let end = rest.indexOf(newline); end !== -1; end = rest.indexOf(newline)) {
      yield finish(rest.subarray(0, end))
      rest = rest.subarray(end + 1)
    }
    skipping ||= rest.length > longest
    kept = skipping ? Buffer.alloc(0) : rest
  }
  if (kept.length > 0 || skipping) yield finish(kept)

  function finish (bytes: Buffer): Buffer | null {
    const start = first && bytes.indexOf(mark) === 0 ? mark.length : 0
    const line = bytes.subarray(start, bytes.at(-1) === carriageReturn ? -1 : undefined)
    const whole = !skipping && line.length <= longest
    first = false
    skipping = false
    return whole ? line : null
  }
}

/** RFC 4180, but for line ends in fields, which no user has: names of columns in the first line, then a user a line. */
export async function * readCsv (file: Readable): AsyncGenerator<Line> {
  let number = 0
  let names: string[] | null = null
  for await (const bytes of splitLines(file)) {
    number++
    const fields = bytes === null ? null : fieldsOf(bytes.toString())
    if (fields?.length === 0) continue
    if (names === null) names = namesOf(fields ?? [])
    else if (bytes === null) yield { number, fault: tooLong }
    else if (fields === null) yield { number, fault: 'line is not well-formed CSV' }
    else if (fields.length !== names.length) yield { number, fault: 'line has more or fewer fields than the first one names' }
    else yield { number, value: entryOf(names, fields) }
  }
}

/** None where the line is empty; null where it is not well-formed. */
function fieldsOf (line: string): string[] | null {
  try {
    return parse(line, { record_delimiter: '\n', skip_empty_lines: true }).flat()
  } catch {
    return null
  }
}

/** Not what was found: without a line of names, a user would be printed. */
function namesOf (names: string[]): string[] {
  const known = names.every((name) => (columns as readonly string[]).includes(name)) && new Set(names).size === names.length
  if (!known || !names.includes('username')) throw new Error(`The first line of the CSV does not name its columns: username, and any of ${columns.filter((name) => name !== 'username').join(', ')}`)
  return names
}

/** Empty fields say nothing; roles are separated by spaces. What is neither true nor false is left for the schema to refuse. */
function entryOf (names: string[], fields: string[]): Record<string, unknown> {
  const truths: Record<string, boolean> = { true: true, false: false }
  const said = names.map((name, index) => [name, fields[index] as string] as const).filter(([, text]) => text !== '')
  return Object.fromEntries(said.map(([name, text]) => {
    if (name === 'roles') return [name, text.split(' ').filter((role) => role !== '')]
    return [name, name === 'disabled' ? truths[text] ?? text : text]
  }))
}

/** Users as lines of a file that `readJsonLines` or `readCsv` reads. */
export async function * writeLines (entries: AsyncIterable<Required<UserEntry>>, format: Format): AsyncGenerator<string> {
  if (format === 'csv') yield `${columns.join(',')}\r\n`
  for await (const entry of entries) yield format === 'csv' ? csvLine(entry) : `${JSON.stringify(entry)}\n`
}

function csvLine (entry: Required<UserEntry>): string {
  return `${columns.map((name) => quoted([entry[name] ?? ''].flat().join(' '))).join(',')}\r\n`
}

function quoted (text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
