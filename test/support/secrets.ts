// What must not be left anywhere, and how it is looked for.

/** A shorter text may stand anywhere by chance. */
const shortest = 10
/** Shorter values of a header are words of an attack's, not secrets. */
const shortestCredential = 16
/** Whoever sends an id for a token sends nothing secret: logs and tables name users and sessions by theirs. */
const isId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const names = '(?:(?:current_|new_)?password|(?:access_|refresh_)?token|client_secret)'
const members = new RegExp(`"${names}"\\s*:\\s*("(?:[^"\\\\]|\\\\.)*")`, 'g')
const fields = new RegExp(`(?<=^|[?&\\s])${names}=([^&\\s]+)`, 'g')
const credentials = /^authorization:.*?(\S+)\r$/gim

/** The passwords, tokens and client secrets in what went over a connection: members of JSON, fields of forms and queries, headers. */
export function secretsIn (text: string): Set<string> {
  return new Set([
    ...[...text.matchAll(members)].map(([, value = '']) => read(value, JSON.parse)),
    ...[...text.matchAll(fields)].map(([, value = '']) => read(value.replaceAll('+', ' '), decodeURIComponent)),
    ...[...text.matchAll(credentials)].map(([, value = '']) => value).filter((value) => value.length >= shortestCredential)
  ])
}

/** A value, or the text as it stands where that is no good one: attackers write what they please. */
function read (text: string, reader: (text: string) => unknown): string {
  try {
    return String(reader(text))
  } catch {
    return text
  }
}

interface Form {
  what: string
  bytes: Buffer
}

/** Those of the secrets that stand in a text or in bytes, as `searchFor` looks for them. */
export function found (secrets: Iterable<string>, where: string | Buffer): string[] {
  return searchFor(secrets)(where)
}

/**
 * What finds secrets in a text or in bytes: as they are, escaped as JSON or an address would, in hexadecimal, in base64 of either alphabet wherever
 * it began, or as the bytes that they are themselves base64 of; and the parts of a token as they are.
 */
export function searchFor (secrets: Iterable<string>): (where: string | Buffer) => string[] {
  const wholes = [...secrets].filter(isWorthwhile)
  const parts = new Set(wholes.filter((secret) => secret.includes('.')).flatMap((secret) => secret.split('.')).filter(isWorthwhile))
  const forms = [...wholes.flatMap(formsOf), ...[...parts].map((part) => ({ what: part, bytes: Buffer.from(part) }))]
  // All of them in one pass: a file of attacks sees thousands.
  const byStart = Map.groupBy(forms, ({ bytes }) => bytes.readUInt32LE())

  return (where) => {
    const bytes = typeof where === 'string' ? Buffer.from(where) : where
    const hits = new Set<string>()
    for (let at = 0; at + 4 <= bytes.length; at++) {
      for (const { what, bytes: form } of byStart.get(bytes.readUInt32LE(at)) ?? []) {
        if (bytes.length - at >= form.length && bytes.compare(form, 0, form.length, at, at + form.length) === 0) hits.add(what)
      }
    }
    return [...hits]
  }
}

function isWorthwhile (text: string): boolean {
  return text.length >= shortest && !isId.test(text)
}

function formsOf (secret: string): Form[] {
  const utf8 = Buffer.from(secret)
  const hex = utf8.toString('hex')
  const base64 = [0, 1, 2].map((offset) => base64Beginning(offset, utf8))
  const raw = bytesOf(secret)
  const texts: Array<[string, string[]]> = [
    ['', [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret.toWellFormed())]],
    [' in hexadecimal', [hex, hex.toUpperCase()]],
    [' in base64', base64],
    [' in base64url', base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'))],
    [' as bytes in hexadecimal', raw === null ? [] : [raw.toString('hex')]]
  ]
  const forms = texts.flatMap(([how, all]) => [...new Set(all)].map((text) => ({ what: `${secret}${how}`, bytes: Buffer.from(text) })))
  return raw === null ? forms : [...forms, { what: `${secret} as bytes`, bytes: raw }]
}

/** The characters that only these bytes decide, where so many others stand before them. */
function base64Beginning (offset: number, bytes: Buffer): string {
  const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64')
  return text.slice(Math.ceil(offset * 8 / 6), Math.floor((offset + bytes.length) * 8 / 6))
}

/** What a key, a signature or an opaque token is in base64url of: 32 bytes at most, after which a refresh token says whose it is. Null of anything else. */
function bytesOf (secret: string): Buffer | null {
  const [, text = ''] = /^(?:g[a-z]\d_)?((?!eyJ)[\w-]{32,})$/.exec(secret) ?? []
  const bytes = Buffer.from(text, 'base64url')
  const beginning = bytes.subarray(0, 32)
  // An attacker's signature of zeros stands in every file.
  return new Set(beginning).size < 12 || isId.test(bytes.toString()) ? null : beginning
}
