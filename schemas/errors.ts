import { Type } from '@sinclair/typebox'

/**
 * Every error the service answers: its stable code, its HTTP status and what a person reads.
 * docs/errors.md lists the same rows; a test compares them both ways.
 */
export const errors = {
  invalid_request: { status: 400, message: 'The request is malformed' },
  weak_password: { status: 400, message: 'This password is too short or too easy to guess: choose a longer or less common one' },
  missing_token: { status: 401, message: 'This call needs an access token: send "Authorization: Bearer <token>"' },
  invalid_token: { status: 401, message: 'The access token is invalid or has expired' },
  invalid_credentials: { status: 401, message: 'Invalid username or password' },
  invalid_refresh_token: { status: 401, message: 'The refresh token is invalid or has expired: sign in again' },
  forbidden: { status: 403, message: 'This token does not give the right to do that' },
  registration_closed: { status: 403, message: 'Registration is closed: ask an administrator for an account' },
  not_found: { status: 404, message: 'There is nothing here' },
  method_not_allowed: { status: 405, message: 'This resource does not know that method' },
  request_timeout: { status: 408, message: 'The request took too long to arrive' },
  username_taken: { status: 409, message: 'This username is taken' },
  email_taken: { status: 409, message: 'This e-mail address is taken' },
  last_admin: { status: 409, message: 'This is the last administrator: make another one first' },
  payload_too_large: { status: 413, message: 'The request body is too large' },
  uri_too_long: { status: 414, message: 'The request address is too long' },
  unsupported_media_type: { status: 415, message: 'Send the body as application/json in UTF-8, not encoded' },
  expectation_failed: { status: 417, message: 'The only expectation known here is 100-continue' },
  too_many_attempts: { status: 429, message: 'Too many attempts: wait as long as Retry-After says' },
  headers_too_large: { status: 431, message: 'The request headers are too large' },
  internal: { status: 500, message: 'Something went wrong on our side' },
  overloaded: { status: 503, message: 'Too many are signing in right now: try again shortly' },
  unavailable: { status: 503, message: 'The service cannot answer right now: try again shortly' }
} as const

/** The names of all errors. */
export type ErrorCode = keyof typeof errors

export const ErrorReply = Type.Object({
  statusCode: Type.Integer({ description: 'The HTTP status', examples: [400] }),
  code: Type.String({ description: 'The stable name of this error', examples: ['invalid_request'] }),
  error: Type.String({ description: 'The name of the HTTP status', examples: ['Bad Request'] }),
  message: Type.String({ description: 'What went wrong, for a person', examples: ['The request is malformed'] })
}, { $id: 'ErrorReply', additionalProperties: false })

/** Among the responses of a route: every failure is answered in this shape. */
export const failures = { '4xx': ErrorReply, '5xx': ErrorReply }
