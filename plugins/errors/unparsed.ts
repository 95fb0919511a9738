import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { FastifyError, FastifyReply, FastifyRequest, FastifyServerOptions } from 'fastify'
import { type ErrorCode, errors } from '../../schemas/errors.ts'
import { oauthErrors } from '../../schemas/oauth.ts'
import { errorBody, refusal } from './body.ts'

type Headers = Readonly<Record<string, string>>
type UnparsedOptions = Required<Pick<FastifyServerOptions, 'clientErrorHandler' | 'frameworkErrors'>>

const parserFaults = new Map<string, ErrorCode>([
  ['HPE_HEADER_OVERFLOW', 'headers_too_large'],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', 'payload_too_large'],
  ['ERR_HTTP_REQUEST_TIMEOUT', 'request_timeout']
])

/** A gateway appends the address that it asks about, and makes 500 of a 400, or passes it on. */
const belowVerify = /^\/verify\//
/** RFC 6749, section 5.2, is what is answered there. */
const belowOauth = /^\/oauth(?:[/?]|$)/

/** Answers in our shape, with `headers`, to what never became a request of ours: broken HTTP, and addresses that cannot be decoded. */
export function unparsedOptions (headers: Headers): UnparsedOptions {
  return {
    clientErrorHandler (error: Error & { code?: string, rawPacket?: unknown }, socket: Socket) {
      const code = asksToVerify(error.rawPacket) ? 'invalid_token' : parserFaults.get(error.code ?? '') ?? 'invalid_request'
      if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy()
      else hangUp(socket, isAnswering(socket) ? '' : rawAnswer(code, challenging(code, headers)))
    },
    frameworkErrors (error: FastifyError, request: FastifyRequest, reply: FastifyReply) {
      const code = belowVerify.test(request.raw.url ?? '') ? 'invalid_token' : error.statusCode === 414 ? 'uri_too_long' : 'invalid_request'
      reply.code(errors[code].status).headers(challenging(code, headers)).type(mediaType).send(bodyAt(request.raw.url, code))
    }
  } as UnparsedOptions
}

/** RFC 9110, section 10.1.1: an expectation that is not understood. A gateway hands on that of its client, and makes 500 of what is not 401 or 403. */
export function answerExpectation ({ url = '' }: Pick<IncomingMessage, 'url'>, response: ServerResponse, headers: Headers): void {
  const code = /^\/verify(?:[/?]|$)/.test(url) ? 'invalid_token' : 'expectation_failed'
  response.writeHead(errors[code].status, { ...challenging(code, headers), 'content-type': mediaType, connection: 'close' }).end(bodyAt(url, code))
}

function challenging (code: ErrorCode, headers: Headers): Headers {
  return code === 'invalid_token' ? { ...headers, 'www-authenticate': refusal } : headers
}

function bodyAt (url: string | undefined, code: ErrorCode): string {
  return JSON.stringify(belowOauth.test(url ?? '') ? { error: 'invalid_request', error_description: oauthErrors.invalid_request.description } : errorBody(code))
}

/** We are no proxy. Node hands over the bare connection, without a listener for its errors. */
export function answerConnect (socket: Duplex, headers: Headers): void {
  socket.on('error', () => socket.destroy()).resume()
  hangUp(socket, rawAnswer('method_not_allowed', { ...headers, allow: '' }))
}

/** Whether what could not be read begins as a gateway's question: it is sent in one piece, unless it is as long as no question has to be. */
function asksToVerify (packet: unknown): boolean {
  return Buffer.isBuffer(packet) && /^[A-Z-]{1,20} \/verify[/? ]/.test(packet.toString('latin1', 0, 40))
}

/** Whether an answer is on its way: a second one would be taken for a part of it, or for the answer to what comes next. */
function isAnswering (socket: Socket & { _httpMessage?: ServerResponse | null }): boolean {
  return socket._httpMessage?.headersSent === true
}

/** Says the last word on a connection and soon closes it for good: a client might never close its half. */
function hangUp (socket: Duplex, answer: string): void {
  socket.end(answer)
  setTimeout(() => socket.destroy(), lingering).unref()
}

/** Milliseconds for the answer to arrive: closing at once could reset the connection before it does. */
const lingering = 1000
const mediaType = 'application/json; charset=utf-8'

function rawAnswer (code: ErrorCode, headers: Headers): string {
  const { status } = errors[code]
  const body = JSON.stringify(errorBody(code))
  const lines = Object.entries({
    ...headers,
    date: new Date().toUTCString(),
    'content-type': mediaType,
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close'
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`
}
