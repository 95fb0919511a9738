import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import type { World } from './service.ts'

/** Bytes of standard input that are taken for a password: far beyond the longest. */
const most = 4096

/** A new password: from a terminal, asked for twice and not shown; otherwise the one line that is on standard input, without its end. */
export async function readNewPassword (world: World): Promise<string> {
  if (world.input.isTTY !== true) return readAll(world)
  const password = await ask('Password: ', world)
  if (await ask('The same again: ', world) !== password) throw new Error('The two passwords differ: nothing was changed')
  return password
}

/** Reads a line without echo; Ctrl-C and Ctrl-D give up. */
async function ask (question: string, { input, errors }: World): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, written) => written() })
  const lines = createInterface({ input, output: nowhere, terminal: true, historySize: 0 })
  const given = new AbortController()
  for (const event of ['SIGINT', 'close']) lines.once(event, () => given.abort())
  errors.write(question)
  try {
    return await lines.question('', { signal: given.signal })
  } catch {
    throw new Error('No password was given: nothing was changed')
  } finally {
    lines.close()
    errors.write('\n')
  }
}

async function readAll ({ input }: World): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of input) {
    chunks.push(Buffer.from(chunk))
    length += chunk.length
    if (length > most) throw new Error('Standard input is longer than any password')
  }
  const password = textOf(Buffer.concat(chunks)).replace(/\r?\n$/, '')
  if (/[\r\n]/.test(password)) throw new Error('There is more than one line on standard input: a password is one')
  if (password === '') throw new Error('No password was given on standard input')
  return password
}

/** As it is: what another encoding left behind could never be typed again. */
function textOf (bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new Error('Standard input is not well-formed UTF-8')
  }
}
