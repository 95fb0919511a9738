export type TokenAlgorithm = 'ES256' | 'RS256' | 'EdDSA'

/** Why a token is refused, in the order of reading: the first fault met is named. For logs and counters, never for the answer. */
export const tokenReasons = [
  'too_long', 'segments', 'base64url', 'header', 'algorithm', 'type', 'key_id', 'signature',
  'claims', 'issuer', 'audience', 'lifetime', 'future', 'not_yet_valid', 'expired'
] as const

export type TokenReason = (typeof tokenReasons)[number]

/** What Gatehouse puts into an access token (RFC 9068, section 2.2). A client's own token has neither `sid` nor `preferred_username`. */
export interface AccessTokenClaims {
  readonly iss: string
  readonly aud: string | readonly string[]
  readonly sub: string
  readonly exp: number
  readonly iat: number
  readonly nbf?: number
  readonly jti: string
  readonly sid?: string
  readonly client_id: string
  readonly scope: string
  readonly roles: readonly string[]
  readonly preferred_username?: string
}

/** A token that is well-formed and means something now, but that nobody has proved yet: its signature is still to be verified. */
export interface UnverifiedToken {
  readonly alg: TokenAlgorithm
  readonly kid: string
  readonly claims: AccessTokenClaims
  /** The header and payload segments with the dot between them: what the signature is over. */
  readonly signingInput: string
  readonly signature: Buffer
}

export interface ReaderOptions {
  /** Strict JSON from UTF-8; throws at anything else. */
  parseJson: (bytes: Uint8Array) => unknown
  issuer: string
  audience: string
  /** The longest lifetime a token may have, in seconds. */
  maxLifetime: number
  /** How far clocks may differ, in seconds. */
  clockSkew: number
  /** Milliseconds since the epoch. */
  now: () => number
}

export interface Reader {
  /**
   * What a compact JWS says, read strictly and before any cryptography, at `now` in milliseconds (the reader's clock).
   *
   * In this order: at most 8192 characters; three segments (RFC 7515, section 3.1), each canonical base64url (RFC 7515,
   * section 2; RFC 4648, section 3.5), so that no token has two spellings; a header of `alg`, `kid` and `typ` alone, so
   * that `crit`, `b64`, `jwk`, `jku`, `x5u`, `x5c`, `zip` and `cty` are refused by their names; `typ` exactly `at+jwt`, in no
   * other case and without `application/`; `kid` a thumbprint (RFC 7638); a signature as long as its algorithm makes them;
   * every claim of the right type, the claims of a user's or of a client's own token, and no other than ours and `nbf`;
   * issuer, audience, lifetime and times.
   *
   * @throws TokenRejected for anything else, and nothing but that
   */
  read: (token: string, now?: number) => UnverifiedToken
}

type Times = Pick<AccessTokenClaims, 'exp' | 'iat' | 'nbf'>
type Members = Record<string, unknown>

/** A token that is not one of ours or not of this moment. `reason` is for us; neither it nor the message holds any of the token. */
export class TokenRejected extends Error {
  readonly reason: TokenReason

  constructor (reason: TokenReason) {
    // Without a stack: it is the same each time, takes longer than the whole refusal, and whoever sends the token would choose how often.
    const limit = Error.stackTraceLimit
    Error.stackTraceLimit = 0
    super(`token rejected: ${reason}`)
    Error.stackTraceLimit = limit
    this.name = 'TokenRejected'
    this.reason = reason
  }
}

// Ours are below 1.5 KiB; HTTP servers and gateways commonly stop at 8 KiB for a header line.
const longestToken = 8192
const longestName = 255
const mostAudiences = 16
const mostRoles = 64

/** The bytes of a signature: R and S of P-256 (RFC 7518, section 3.4), Ed25519 (RFC 8032), RSA of 2048 to 4096 bits. */
const signatureLengths: ReadonlyMap<string, { alg: TokenAlgorithm, least: number, most: number }> = new Map([
  ['ES256', { alg: 'ES256', least: 64, most: 64 }],
  ['EdDSA', { alg: 'EdDSA', least: 64, most: 64 }],
  ['RS256', { alg: 'RS256', least: 256, most: 512 }]
])

const claimNames = new Set(['iss', 'aud', 'sub', 'exp', 'iat', 'nbf', 'jti', 'sid', 'client_id', 'scope', 'roles', 'preferred_username'])

// 256 bits in 43 characters leave two bits over, zero in the canonical spelling: the last is one of sixteen.
const thumbprint = /^[\w-]{42}[AEIMQUYcgkosw048]$/
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
// Claims travel on in headers where a space separates the items of a list: visible ASCII alone.
const visible = /^[!-~]+$/
// RFC 6749, section 3.3, or nothing at all.
const scopeList = /^(?:[!#-[\]-~]+(?: [!#-[\]-~]+)*)?$/

/** A reader of access tokens of one issuer for one audience. */
export function createReader (options: ReaderOptions): Reader {
  const { parseJson, issuer, audience, maxLifetime, clockSkew } = options

  function read (token: string, now = options.now()): UnverifiedToken {
    if (token.length > longestToken) reject('too_long')
    const first = token.indexOf('.')
    const second = token.indexOf('.', first + 1)
    if (first <= 0 || second <= first + 1 || second === token.length - 1 || token.includes('.', second + 1)) reject('segments')
    const header = decode(token.slice(0, first))
    const payload = decode(token.slice(first + 1, second))
    const signature = decode(token.slice(second + 1))

    const { alg, kid } = readHeader(parseObject(header, 'header'), signature.length)
    const claims = parseObject(payload, 'claims')
    checkClaims(claims)
    checkContext(claims)
    const fault = timeFault(claims, now, clockSkew)
    if (fault !== null) reject(fault)
    return { alg, kid, claims, signingInput: token.slice(0, second), signature }
  }

  function parseObject (bytes: Buffer, reason: TokenReason): Members {
    let value: unknown
    try {
      value = parseJson(bytes)
    } catch {
      reject(reason)
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) reject(reason)
    return value as Members
  }

  function checkContext (claims: AccessTokenClaims) {
    if (claims.iss !== issuer) reject('issuer')
    if (typeof claims.aud === 'string' ? claims.aud !== audience : !claims.aud.includes(audience)) reject('audience')
    const lifetime = claims.exp - claims.iat
    if (lifetime <= 0 || lifetime > maxLifetime) reject('lifetime')
  }

  return { read }
}

/**
 * Whether a token read before still holds at `now` (milliseconds), give or take `skew` seconds: not from the future,
 * not before its `nbf`, and before its `exp`, which itself is too late (RFC 7519, section 4.1.4).
 */
export function timesHold (claims: Times, now: number, skew: number): boolean {
  return timeFault(claims, now, skew) === null
}

function timeFault ({ exp, iat, nbf }: Times, now: number, skew: number): TokenReason | null {
  const seconds = now / 1000
  if (iat > seconds + skew) return 'future'
  if (nbf !== undefined && nbf > seconds + skew) return 'not_yet_valid'
  if (seconds >= exp + skew) return 'expired'
  return null
}

/** The bytes of a canonical base64url text: the one spelling that encoding gives back (no padding, no `+/`, no stray or spare bits). */
function decode (segment: string): Buffer {
  const bytes = Buffer.from(segment, 'base64url')
  if (bytes.toString('base64url') !== segment) reject('base64url')
  return bytes
}

function readHeader (header: Members, signatureLength: number) {
  const { alg, kid, typ } = header
  if (Object.keys(header).length !== 3 || typeof alg !== 'string' || typeof kid !== 'string' || typeof typ !== 'string') reject('header')
  const lengths = signatureLengths.get(alg)
  if (lengths === undefined) reject('algorithm')
  if (typ !== 'at+jwt') reject('type')
  if (!thumbprint.test(kid)) reject('key_id')
  if (signatureLength < lengths.least || signatureLength > lengths.most) reject('signature')
  return { alg: lengths.alg, kid }
}

function checkClaims (claims: Members): asserts claims is Members & AccessTokenClaims {
  for (const name of Object.keys(claims)) if (!claimNames.has(name)) reject('claims')
  if (!hasRegisteredClaims(claims) || !hasOwnClaims(claims) || !hasSubject(claims)) reject('claims')
}

function hasRegisteredClaims ({ iss, aud, sub, exp, iat, nbf, jti }: Members) {
  return typeof iss === 'string' && (typeof aud === 'string' || isAudienceList(aud)) && isName(sub) && isName(jti) &&
    Number.isSafeInteger(exp) && Number.isSafeInteger(iat) && (nbf === undefined || Number.isSafeInteger(nbf))
}

function hasOwnClaims ({ client_id: clientId, scope, roles }: Members) {
  return isName(clientId) && typeof scope === 'string' && scopeList.test(scope) && isRoleList(roles)
}

/** A user's token names the session and the user; a client's own is about the client, which has no roles. */
function hasSubject ({ sub, client_id: clientId, sid, preferred_username: username, roles }: Members) {
  if (sid === undefined && username === undefined) return sub === clientId && (roles as unknown[]).length === 0
  return typeof sid === 'string' && uuid.test(sid) && isName(username)
}

function isAudienceList (value: unknown) {
  return Array.isArray(value) && value.length > 0 && value.length <= mostAudiences && value.every((item) => typeof item === 'string')
}

function isRoleList (value: unknown) {
  return Array.isArray(value) && value.length <= mostRoles && value.every(isName)
}

function isName (value: unknown) {
  return typeof value === 'string' && value.length <= longestName && visible.test(value)
}

function reject (reason: TokenReason): never {
  throw new TokenRejected(reason)
}
