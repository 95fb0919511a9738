import { readJson } from '../strict-json/oracle.ts'

export interface Expectations {
  issuer: string
  audience: string
  maxLifetime: number
  clockSkew: number
  /** Milliseconds. */
  now: number
}

type Check = (value: unknown) => boolean

const base64url = /^([A-Za-z0-9_-]{4})*([A-Za-z0-9_-][AQgw]|[A-Za-z0-9_-]{2}[AEIMQUYcgkosw048])?$/
const signatureBytes = new Map([['ES256', [64, 64]], ['RS256', [256, 512]], ['EdDSA', [64, 64]]])
const optional = ['nbf', 'sid', 'preferred_username']

const text: Check = (value) => typeof value === 'string'
const word: Check = (value) => typeof value === 'string' && value.length > 0 && value.length < 256 && [...value].every((char) => char > ' ' && char < '\u007f')
const words: Check = (value) => typeof value === 'string' && (value === '' || value.split(' ').every((part) => part !== '' && /^[\u0021\u0023-\u005b\u005d-\u007e]+$/.test(part)))
const whole: Check = (value) => typeof value === 'number' && Math.abs(value) < 2 ** 53 && Math.floor(value) === value
const list = (least: number, most: number, item: Check): Check => (value) => Array.isArray(value) && value.length >= least && value.length <= most && value.every(item)
const either = (one: Check, other: Check): Check => (value) => one(value) || other(value)

const claimChecks: Record<string, Check> = {
  iss: text,
  aud: either(text, list(1, 16, text)),
  sub: word,
  exp: whole,
  iat: whole,
  nbf: whole,
  jti: word,
  sid: (value) => typeof value === 'string' && /^[0-9a-f-]{36}$/.test(value) && value.split('-').map((part) => part.length).join() === '8,4,4,4,12',
  client_id: word,
  scope: words,
  roles: list(0, 64, word),
  preferred_username: word
}

/** Every reason there is to refuse a token, as far as it can be read; none where it is good. Plain, slow, and for tests alone. */
export function faultsOf (token: string, expected: Expectations): string[] {
  const faults: string[] = []
  if (token.length > 8192) faults.push('too_long')
  const parts = token.split('.')
  if (parts.length !== 3 || parts.includes('')) return [...faults, 'segments']
  if (!parts.every((part) => base64url.test(part))) return [...faults, 'base64url']
  const [header, payload, signature] = parts.map((part) => Buffer.from(part, 'base64')) as [Buffer, Buffer, Buffer]
  return [...faults, ...headerFaults(objectOf(header), signature), ...claimsFaults(objectOf(payload), expected)]
}

function headerFaults (header: Record<string, unknown> | undefined, signature: Buffer) {
  if (header === undefined || Object.keys(header).sort().join() !== 'alg,kid,typ' || !Object.values(header).every(text)) return ['header']
  const { alg, kid, typ } = header as Record<string, string>
  const faults: string[] = []
  const bounds = signatureBytes.get(`${alg}`)
  if (bounds === undefined) faults.push('algorithm')
  else if (signature.length < Math.min(...bounds) || signature.length > Math.max(...bounds)) faults.push('signature')
  if (typ !== 'at+jwt') faults.push('type')
  if (kid?.length !== 43 || !base64url.test(kid)) faults.push('key_id')
  return faults
}

function claimsFaults (claims: Record<string, unknown> | undefined, { issuer, audience, maxLifetime, clockSkew, now }: Expectations) {
  if (claims === undefined) return ['claims']
  const known = Object.keys(claims).every((name) => Object.hasOwn(claimChecks, name))
  const right = Object.entries(claimChecks).every(([name, check]) => Object.hasOwn(claims, name) ? check(claims[name]) : optional.includes(name))
  const ofUser = Object.hasOwn(claims, 'sid') && Object.hasOwn(claims, 'preferred_username')
  const ofClient = !Object.hasOwn(claims, 'sid') && !Object.hasOwn(claims, 'preferred_username') && claims.sub === claims.client_id && `${claims.roles}` === ''
  if (!known || !right || !(ofUser || ofClient)) return ['claims']

  const { iss, aud, exp, iat, nbf = 0 } = claims as { iss: string, aud: string | string[], exp: number, iat: number, nbf?: number }
  const faults: string[] = []
  if (iss !== issuer) faults.push('issuer')
  if (![aud].flat().includes(audience)) faults.push('audience')
  if (!(exp > iat && exp - iat <= maxLifetime)) faults.push('lifetime')
  if (iat * 1000 > now + clockSkew * 1000) faults.push('future')
  if (nbf * 1000 > now + clockSkew * 1000) faults.push('not_yet_valid')
  if (now >= exp * 1000 + clockSkew * 1000) faults.push('expired')
  return faults
}

function objectOf (bytes: Buffer): Record<string, unknown> | undefined {
  const text = bytes.toString('utf8')
  const reading = readJson(text)
  const sound = Buffer.from(text).equals(bytes) && reading.wellFormed && reading.faults.size === 0
  return sound && Object.prototype.toString.call(reading.value) === '[object Object]' ? reading.value as Record<string, unknown> : undefined
}
