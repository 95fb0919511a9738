import { STATUS_CODES } from 'node:http'
import { type ErrorCode, errors } from '../../schemas/errors.ts'
import { type OauthErrorCode, oauthErrors } from '../../schemas/oauth.ts'

export type FailureCode = ErrorCode | OauthErrorCode

/** What a route says of itself, as far as its failures follow from it. */
export interface Stated {
  /** Whether it asks for a token, a user's token, some right, or a client's secret. */
  access: 'public' | 'token' | 'user' | 'right' | 'client'
  /** What limits an address there: failed guesses at a password are hashed. */
  limit: string | null
  hasBody: boolean
  hasQuery: boolean
  /** What it says itself. */
  errors: readonly FailureCode[]
}

/** What any call may be answered, whatever it asks for: said once, for all of them. */
export const general: readonly ErrorCode[] = ['invalid_request', 'not_found', 'method_not_allowed', 'request_timeout', 'uri_too_long', 'expectation_failed', 'headers_too_large', 'internal']

const byAccess = {
  public: [],
  token: ['invalid_request', 'missing_token', 'invalid_token', 'unavailable'],
  user: ['invalid_request', 'missing_token', 'invalid_token', 'forbidden', 'unavailable'],
  right: ['invalid_request', 'missing_token', 'invalid_token', 'forbidden', 'unavailable']
} as const satisfies Record<Exclude<Stated['access'], 'client'>, readonly ErrorCode[]>

/** Every code that a call may be answered beside those that any may be, in the order of the registry. */
export function failuresOf ({ access, limit, hasBody, hasQuery, errors: own }: Stated): FailureCode[] {
  if (access === 'client') return inOrder(['invalid_request', 'invalid_client', 'slow_down', 'server_error', 'temporarily_unavailable', ...own], oauthErrors)
  return inOrder([
    ...byAccess[access],
    ...hasBody ? ['invalid_request', 'payload_too_large', 'unsupported_media_type', 'unavailable'] as const : [],
    ...hasQuery ? ['invalid_request'] as const : [],
    ...limit === null ? [] : ['too_many_attempts'] as const,
    ...limit === 'login' || limit === 'register' ? ['overloaded'] as const : [],
    ...own
  ], errors)
}

/** An answer of each status, with what is known of the failures that have it. */
export function answersOf (codes: readonly FailureCode[], access: Stated['access']): Record<string, object> {
  const registry: Record<string, { status: number }> = access === 'client' ? oauthErrors : errors
  const byStatus = Map.groupBy(codes, (code) => registry[code]?.status ?? 500)
  return Object.fromEntries([...byStatus].map(([status, codes]) => [String(status), answerOf(status, codes, access)]))
}

function answerOf (status: number, codes: FailureCode[], access: Stated['access']): object {
  const schema = { $ref: `#/components/schemas/${access === 'client' ? 'OauthErrorReply' : 'ErrorReply'}` }
  const examples = Object.fromEntries(codes.map((code) => [code, { value: bodyOf(code, status, access) }]))
  const waits = { 'Retry-After': { description: 'Seconds after which trying again may help', required: true, schema: { type: 'integer', minimum: 1 } } }
  return { description: codes.map((code) => `\`${code}\``).join(', '), ...[429, 503].includes(status) && { headers: waits }, content: { 'application/json': { schema, examples } } }
}

function bodyOf (code: FailureCode, status: number, access: Stated['access']): object {
  if (access === 'client') return { error: code, error_description: oauthErrors[code as OauthErrorCode].description }
  return { statusCode: status, code, error: STATUS_CODES[status], message: errors[code as ErrorCode].message }
}

function inOrder (codes: readonly FailureCode[], registry: object): FailureCode[] {
  return Object.keys(registry).filter((code) => codes.includes(code as FailureCode)) as FailureCode[]
}
