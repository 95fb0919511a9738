/** Why a text was refused. Where it has several faults, the first one met is named. */
export type StrictJsonReason = 'encoding' | 'syntax' | 'duplicate_member' | 'forbidden_member' | 'too_deep'

const messages: Record<StrictJsonReason, string> = {
  encoding: 'not well-formed UTF-8',
  syntax: 'not well-formed JSON',
  duplicate_member: 'a member name occurs twice in one object',
  forbidden_member: 'a member name is not allowed',
  too_deep: 'nested too deeply'
}

/** A text that is not strict JSON. `reason` says which rule it broke; neither it nor the message holds any of the input. */
export class StrictJsonError extends Error {
  readonly reason: StrictJsonReason

  constructor (reason: StrictJsonReason) {
    // Without a stack: it is the same each time, takes longer than the whole refusal, and whoever sends the text would choose how often.
    const limit = Error.stackTraceLimit
    Error.stackTraceLimit = 0
    super(messages[reason])
    Error.stackTraceLimit = limit
    this.name = 'StrictJsonError'
    this.reason = reason
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * The value of a JSON text that leaves no room for a second reading. Well-formed (RFC 8259), without a byte
 * order mark (section 8.1), every member name once in its object after unescaping (RFC 7515, section 4), arrays and
 * objects nested `limits.depth` deep at most (8). No name is `__proto__`, `constructor` or `prototype`, or has a quote,
 * a backslash or a control character in it. Time and memory grow with the length of the text alone.
 *
 * @throws StrictJsonError for anything else
 */
export function parseStrictJson (text: string, { depth = 8 }: { depth?: number } = {}): unknown {
  const members = countMembers(text, depth)
  const value = parse(text.includes('\\') ? unescapeNames(text) : text)
  if (countNames(value) !== members) throw new StrictJsonError('duplicate_member')
  return value
}

/**
 * `parseStrictJson` for bytes, which must be UTF-8 without a fault. A byte order mark stays in the text and is refused there.
 *
 * @throws StrictJsonError, with the reason `encoding` where the bytes are not UTF-8
 */
export function parseStrictJsonBytes (bytes: Uint8Array, limits?: { depth?: number }): unknown {
  return parseStrictJson(decode(bytes), limits)
}

/**
 * How many members a text writes: one colon outside a string is one. The text need not be well-formed yet. JSON.parse reads
 * in the same direction and stops at the first fault, so up to there this depth is the true one, and it never sees a deeper text.
 */
function countMembers (text: string, depth: number) {
  let members = 0
  let level = 0
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x22: i = endOfString(text, i); break // "
      case 0x3a: members++; break // :
      case 0x5b: case 0x7b: if (++level > depth) throw new StrictJsonError('too_deep'); break // [ {
      case 0x5d: case 0x7d: level-- // ] }
    }
  }
  return members
}

/** Where the string that begins at `start` closes, or past the end of the text. */
function endOfString (text: string, start: number) {
  for (let i = start + 1; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x22) return i // "
    if (code === 0x5c) i++ // \ and what it escapes
  }
  return text.length
}

/**
 * The same text with every member name written without escapes. V8 may take an escaped name for another one, depending on what the
 * process has parsed before (nodejs/node#63785): `{"\n":1}` read as `{"\\":1}`. A name that needs an escape is therefore refused.
 */
function unescapeNames (text: string) {
  let plain = ''
  let copied = 0
  let end = -1
  for (let start = text.indexOf('"'); start !== -1; start = text.indexOf('"', end + 1)) {
    end = endOfString(text, start)
    const token = text.slice(start, end + 1)
    if (!token.includes('\\') || !isBeforeColon(text, end + 1)) continue
    plain += `${text.slice(copied, start)}"${unescapeName(token)}"`
    copied = end + 1
  }
  return plain + text.slice(copied)
}

function unescapeName (token: string) {
  const name = parse(token) as string
  if (/["\\\u0000-\u001f]/.test(name)) throw new StrictJsonError('forbidden_member')
  return name
}

function isBeforeColon (text: string, from: number) {
  let i = from
  while (isWhitespace(text.charCodeAt(i))) i++
  return text.charCodeAt(i) === 0x3a // :
}

/** Space, tab, line feed and carriage return (RFC 8259, section 2). */
function isWhitespace (code: number) {
  return code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d
}

/** How many members a value holds. JSON.parse keeps one of each name, so fewer than the text writes means that a name came twice. */
function countNames (value: unknown) {
  let names = 0
  const pending = [value]
  while (pending.length > 0) {
    const node = pending.pop()
    if (typeof node !== 'object' || node === null) continue
    if (Array.isArray(node)) {
      for (const item of node) if (typeof item === 'object') pending.push(item)
      continue
    }
    for (const name of Object.keys(node)) {
      if (name === '__proto__' || name === 'constructor' || name === 'prototype') throw new StrictJsonError('forbidden_member')
      const member = (node as Record<string, unknown>)[name]
      if (typeof member === 'object') pending.push(member)
      names++
    }
  }
  return names
}

function parse (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new StrictJsonError('syntax')
  }
}

function decode (bytes: Uint8Array) {
  try {
    return decoder.decode(bytes)
  } catch {
    throw new StrictJsonError('encoding')
  }
}
