import { STATUS_CODES } from 'node:http'
import { type ErrorCode, errors } from '../../schemas/errors.ts'

/** RFC 6750, section 3: what a client is told whose token is refused. */
export const refusal = 'Bearer realm="gatehouse", error="invalid_token"'

/** The body of an error answer: Fastify's shape with our code. */
export function errorBody (code: ErrorCode, message: string = errors[code].message) {
  const { status } = errors[code]
  return { statusCode: status, code, error: STATUS_CODES[status] as string, message }
}
