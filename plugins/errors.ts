import sensible from '@fastify/sensible'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { type ErrorCode, errors } from '../schemas/errors.ts'
import { errorBody, refusal } from './errors/body.ts'
import { answerConnect, answerExpectation } from './errors/unparsed.ts'

export { unparsedOptions } from './errors/unparsed.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Makes the errors of the registry: `throw app.errors.create('not_found')`. */
    errors: Errors
  }
}

export interface Errors {
  /**
   * An error that is answered with the status, code and message of the registry.
   * `message` replaces the registry's for this answer and must hold nothing that was submitted;
   * `headers` go with the answer; `cause` goes to the log alone.
   */
  create (code: ErrorCode, details?: ErrorDetails): Error
  /** Whether an error was made here. */
  isOurs (error: unknown): boolean
}

export interface ErrorDetails {
  message?: string
  headers?: Record<string, string>
  cause?: unknown
}

/** Whatever a handler may throw. */
type Thrown = FastifyError | null | undefined

/** What a failure is answered with. */
interface Answer {
  code: ErrorCode
  message: string
  headers: Record<string, string>
}

const byStatus = new Map<number, ErrorCode>([
  [400, 'invalid_request'], [403, 'not_found'], [404, 'not_found'], [405, 'method_not_allowed'], [408, 'request_timeout'],
  [413, 'payload_too_large'], [414, 'uri_too_long'], [415, 'unsupported_media_type'], [417, 'expectation_failed'],
  [431, 'headers_too_large'], [503, 'unavailable']
])

/** RFC 6750, section 3: what a client that was refused for its token is told. */
const challenges: Partial<Record<ErrorCode, string>> = {
  missing_token: 'Bearer realm="gatehouse"',
  invalid_token: refusal,
  forbidden: 'Bearer realm="gatehouse", error="insufficient_scope"'
}

/** Seconds after which trying again may help (RFC 9110, section 10.2.3). */
const retryAfter = '1'

export interface ErrorsOptions {
  /** Where this app answers every failure in this shape, the framework's own included: what goes with answers to what never became a request. */
  answers?: { headers: Readonly<Record<string, string>> }
}

export default fp<ErrorsOptions>(async (app, { answers }) => {
  if (!app.hasDecorator('httpErrors')) await app.register(sensible)
  const made = new WeakSet<object>()

  app.decorate('errors', {
    create (code, { message = errors[code].message, headers = {}, cause } = {}) {
      const error = app.httpErrors.createError(errors[code].status, message, { code, cause, headers: { ...usualHeaders(code), ...headers } })
      made.add(error)
      return error
    },
    isOurs: (error) => made.has(error as object)
  } satisfies Errors)

  if (answers !== undefined) answerAll(answers.headers)

  function answerAll (headers: Readonly<Record<string, string>>): void {
    app.setErrorHandler((error: Thrown, request, reply) => {
      const answer = answerTo(error)
      if (errors[answer.code].status >= 500 && !isCounted(answer.code)) request.log[isExpected(error) ? 'warn' : 'error']({ err: error?.cause ?? error }, answer.code)
      else request.log.debug({ code: answer.code, cause: reasonOf(error as FastifyError) }, 'refused')
      return send(reply, answer)
    })

    app.setNotFoundHandler((_request: FastifyRequest, reply: FastifyReply) => {
      return send(reply, { code: 'not_found', message: errors.not_found.message, headers: {} })
    })

    app.server.on('connect', (_request, socket) => answerConnect(socket, headers))
    app.server.on('checkExpectation', (request, response) => answerExpectation(request, response, headers))
  }

  /** Ours as it was made; the framework's by its status, in our words; anything else is our fault and says nothing, also where what was thrown is no error. */
  function answerTo (error: Thrown): Answer {
    if (made.has(error as FastifyError)) return error as unknown as Answer
    const status = error?.statusCode ?? 500
    const code = byStatus.get(status) ?? (status >= 400 && status < 500 ? 'invalid_request' : 'internal')
    return { code, message: errors[code].message, headers: code === 'unavailable' ? { 'retry-after': retryAfter } : {} }
  }
}, { name: 'errors', fastify: '5.x' })

/** What goes with every answer of this code. */
function usualHeaders (code: ErrorCode): Record<string, string> {
  const challenge = challenges[code]
  return { ...errors[code].status === 503 && { 'retry-after': retryAfter }, ...challenge !== undefined && { 'www-authenticate': challenge } }
}

function send (reply: FastifyReply, { code, message, headers }: Answer): FastifyReply {
  return reply.code(errors[code].status).headers(headers).type('application/json; charset=utf-8').send(errorBody(code, message))
}

/** Whether we ourselves gave the reason, such as a drain, rather than something that failed. */
function isExpected (error: Thrown): boolean {
  return typeof error?.cause === 'string'
}

/** Refused by the thousand where it is at all: whoever refuses counts, and warns now and then. */
function isCounted (code: ErrorCode): boolean {
  return code === 'overloaded'
}

/** A cause that may stand in a debug log: one of our own machine words, never a library's message, which may quote input. */
function reasonOf (error: FastifyError): string {
  const { cause } = error
  return typeof cause === 'string' ? cause : error.code
}
