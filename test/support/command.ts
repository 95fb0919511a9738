import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import type { Test } from 'tap'
import { run } from '../../cli/program.ts'
import type { World } from '../../cli/service.ts'
import type { Ran } from './cli.ts'
import { temporaryFolder } from './service.ts'

export interface Circumstances {
  environment: Record<string, string | undefined>
  /** What is on standard input, or a terminal that it is. */
  input?: string | World['input']
  /** Columns of a terminal that standard output is. */
  columns?: number
}

/** A command as cli.ts runs it, in this process: a tenth of the time. */
export async function command (environment: Record<string, string | undefined>, ...args: string[]): Promise<Ran> {
  return commandWith({ environment }, ...args)
}

export async function commandWith ({ environment, input = '', columns }: Circumstances, ...args: string[]): Promise<Ran> {
  const [output, errors] = [collector(), collector()]
  const code = await run(args, {
    environment,
    input: typeof input === 'string' ? new PassThrough().end(input) : input,
    output: Object.assign(output.stream, columns === undefined ? {} : { isTTY: true, columns }),
    errors: errors.stream
  })
  return { code, out: output.text(), err: errors.text() }
}

export function collector () {
  const chunks: Buffer[] = []
  const stream = new Writable({
    write (chunk: Buffer, _encoding, written) {
      chunks.push(chunk)
      written()
    }
  })
  return { stream, text: () => Buffer.concat(chunks).toString() }
}

/** What a command printed where all went well and nothing was said on standard error. */
export function done (t: Test, { code, out, err }: Ran, what: string): string {
  t.strictSame({ code, err }, { code: 0, err: '' }, what)
  return out
}

/** A database of its own, without a service. */
export function alone (t: Test): Record<string, string> {
  return { DATABASE_URL: `sqlite:${join(temporaryFolder(t), 'gatehouse.db')}`, SECRET_KEY: secretOf() }
}

export function secretOf (): string {
  return randomBytes(32).toString('base64url')
}
