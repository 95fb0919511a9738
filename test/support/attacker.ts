import { STATUS_CODES } from 'node:http'
import { connect } from 'node:net'
import type { Test } from 'tap'
import { type ErrorCode, errors } from '../../schemas/errors.ts'
import { type OauthErrorCode, oauthErrors } from '../../schemas/oauth.ts'
import type { Attacked } from './attacked.ts'
import { malformed } from './description.ts'
import type { Service } from './service.ts'

/** One answer of the service, as it came. */
export interface Answer {
  /** The address that was asked for. */
  target: string
  status: number
  /** What the test is about in most cases: the status and, of an error, its code. `201`, `401 invalid_token`. */
  outcome: string
  /** By name in lower case. */
  headers: Record<string, string>
  body: string
  json<T = Record<string, unknown>> (): T
}

export interface Message {
  method: string
  path: string
  /** `Name: value` each, as it stands; Host, Content-Type and `Connection: close` come with every message. */
  headers?: string[]
  /** Text goes as it is, anything else as JSON. */
  body?: unknown
}

/** Somebody without a client library: a connection for each message, and whatever bytes they please. */
export interface Attacker {
  readonly service: Service
  /** Sends bytes and gives back every answer there was until the service hung up; rejects where it does not. */
  say (bytes: string | Buffer): Promise<Answer[]>
  /** Sends one message and gives back its one answer. */
  send (message: Message): Promise<Answer>
  post (path: string, body: unknown): Promise<Answer>
  get (path: string, token?: string): Promise<Answer>
  /** What must not show anywhere: every password and token that was sent or received. A test may add others; an attacked service is searched for them. */
  readonly secrets: Set<string>
  /** Every answer so far. */
  readonly answers: readonly Answer[]
}

/** Milliseconds the service has to hang up in. Long, for a busy machine: nobody waits for it but where something is wrong. */
const patience = 30_000
/** Milliseconds a file of attacks may take, for the same reason. */
const longest = 180_000
const secretMembers = ['password', 'current_password', 'new_password', 'access_token', 'refresh_token', 'client_secret']

export function createAttacker (service: Service & Partial<Pick<Attacked, 'secrets'>>): Attacker {
  const secrets = service.secrets ?? new Set<string>()
  const answers: Answer[] = []

  async function say (bytes: string | Buffer): Promise<Answer[]> {
    const heard = answersIn(await exchange(service.port, bytes), bytes.toString('latin1').split(' ', 2)[1])
    answers.push(...heard)
    return heard
  }

  async function send ({ method, path, headers = [], body }: Message): Promise<Answer> {
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
    const lines = [`Host: 127.0.0.1:${service.port}`, 'Connection: close', ...headers]
    if (text !== undefined) lines.push(`Content-Length: ${Buffer.byteLength(text)}`)
    if (text !== undefined && !lines.some((line) => /^content-type:/i.test(line))) lines.push('Content-Type: application/json')
    collect(body)
    const [answer, ...others] = await say(`${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${text ?? ''}`)
    if (answer === undefined || others.length > 0) throw new Error(`${others.length + (answer === undefined ? 0 : 1)} answers to one message`)
    if (answer.status < 300 && answer.headers['content-type']?.startsWith('application/json')) collect(answer.json())
    return answer
  }

  function collect (value: unknown): void {
    if (typeof value !== 'object' || value === null) return
    for (const name of secretMembers) {
      const secret = (value as Record<string, unknown>)[name]
      if (typeof secret === 'string') secrets.add(secret)
    }
  }

  return {
    service,
    say,
    send,
    post: (path, body) => send({ method: 'POST', path, body }),
    get: (path, token) => send({ method: 'GET', path, headers: token === undefined ? [] : [`Authorization: Bearer ${token}`] }),
    secrets,
    answers
  }
}

/** The last tests of a file: every failure it saw has the one shape (below /oauth that of RFC 6749), and the service has outlived the attacks. */
export function concludes (t: Test, { service, answers }: Attacker): void {
  t.setTimeout(longest)

  t.test('O244 N239 every answer seen here has our headers, and every failure our members', async (t) => {
    t.ok(answers.length > 0, 'there were answers')
    t.same([...new Set(answers.filter(({ status }) => status >= 200).flatMap(faultsOf))], [])
  })

  t.test('the service ends in order and nothing broke inside', async (t) => {
    t.equal(await service.stop(), 0)
    t.same(service.output().split('\n').filter((line) => /"level":60|"msg":"internal"/.test(line)), [])
  })
}

/** Whether an attempt takes less than so many milliseconds. One of twenty is enough: what else runs on the machine slows down some, not all. */
export async function takesLessThan (milliseconds: number, attempt: () => Promise<unknown>): Promise<boolean> {
  for (let tries = 0; tries < 20; tries++) {
    const begun = performance.now()
    await attempt()
    if (performance.now() - begun < milliseconds) return true
  }
  return false
}

/** Milliseconds that the fastest of several tries takes: what other work on the machine cannot lengthen in all of them. */
export async function quickest (tries: number, attempt: () => Promise<unknown>): Promise<number> {
  let best = Number.POSITIVE_INFINITY
  for (let i = 0; i < tries; i++) {
    const begun = performance.now()
    await attempt()
    best = Math.min(best, performance.now() - begun)
  }
  return best
}

/** The processor time that an attempt takes in this process, in milliseconds, whatever runs beside it: the least of five. */
export async function workOf (attempt: () => Promise<unknown>): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let tries = 0; tries < 5; tries++) {
    const begun = process.cpuUsage()
    await attempt()
    const { user, system } = process.cpuUsage(begun)
    least = Math.min(least, (user + system) / 1000)
  }
  return least
}

/** What is wrong with an answer, whatever it answers. */
export function faultsOf (answer: Answer): string[] {
  const { target, status, headers, outcome } = answer
  const policy = target.startsWith('/documentation') ? /^default-src 'none'; .*frame-ancestors 'none';?$/ : /^default-src 'none'; frame-ancestors 'none'$/
  const headerFaults = [
    ['x-content-type-options', headers['x-content-type-options'] === 'nosniff'],
    ['content-security-policy', policy.test(headers['content-security-policy'] ?? '')],
    ['referrer-policy', headers['referrer-policy'] === 'no-referrer'],
    ['strict-transport-security', /^max-age=\d{8,}/.test(headers['strict-transport-security'] ?? '')],
    ['server', headers.server === undefined && headers['x-powered-by'] === undefined],
    ['set-cookie', headers['set-cookie'] === undefined]
  ].flatMap(([name, holds]) => holds === true ? [] : [`${outcome}: ${String(name)}`])
  return status < 400 ? headerFaults : [...headerFaults, ...bodyFaultsOf(answer)]
}

function bodyFaultsOf ({ target, status, headers, body, outcome }: Answer): string[] {
  if (headers['content-type'] !== 'application/json; charset=utf-8') return [`${outcome}: ${headers['content-type']}`]
  // The answer to HEAD ends with its headers.
  if (body === '') return headers['content-length'] === '0' ? [`${outcome}: no body`] : []
  const { statusCode, code, error, message, error_description: description, ...others } = JSON.parse(body) as Record<string, unknown>
  const oauth = target.startsWith('/oauth/') && statusCode === undefined && (oauthErrors[error as OauthErrorCode]?.status === status || error === 'invalid_request' && malformed.includes(status)) && typeof description === 'string'
  const shaped = oauth || description === undefined && statusCode === status && errors[code as ErrorCode]?.status === status && error === STATUS_CODES[status] &&
    typeof message === 'string' && message !== ''
  const telling = /node_modules|node:|\.[jt]s\b|\bat \S+:\d+|\bselect\b|\binsert\b|sqlite|fastify|\/tmp\/|\d+\.\d+\.\d+/i.test(body)
  return [...shaped && Object.keys(others).length === 0 ? [] : [`${outcome}: ${body}`], ...telling ? [`${outcome} tells of the inside: ${body}`] : []]
}

/** Everything that comes back until the other side hangs up. A reset after that is what closing on unread bytes looks like. */
function exchange (port: number, bytes: string | Buffer): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const chunks: Buffer[] = []
  const socket = connect(port, '127.0.0.1')
  const impatience = setTimeout(() => socket.destroy(new Error('the service kept the connection')), patience)
  socket.on('data', (chunk) => { chunks.push(chunk as Buffer) })
  socket.on('error', (error: NodeJS.ErrnoException) => { if (!['ECONNRESET', 'EPIPE'].includes(error.code ?? '')) reject(error) })
  socket.on('close', () => {
    clearTimeout(impatience)
    resolve(Buffer.concat(chunks))
  })
  socket.write(bytes)
  return promise
}

/** The answers that stand in what a connection brought. */
export function answersIn (bytes: Buffer, target = ''): Answer[] {
  if (bytes.length === 0) return []
  const end = bytes.indexOf('\r\n\r\n')
  const [statusLine = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n')
  const [, status] = /^HTTP\/1\.1 (\d{3})/.exec(statusLine) ?? []
  if (status === undefined) throw new Error(`no answer begins like this: ${statusLine}`)
  const headers = Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]))
  const rest = bytes.subarray(end + 4)
  const { body, length } = headers['transfer-encoding'] === 'chunked' ? dechunk(rest) : plain(rest, Number(headers['content-length'] ?? 0))
  return [createAnswer(target, Number(status), headers, body.toString()), ...answersIn(rest.subarray(length), target)]
}

function plain (bytes: Buffer, length: number) {
  return { body: bytes.subarray(0, length), length }
}

function dechunk (bytes: Buffer): { body: Buffer, length: number } {
  const lineEnd = bytes.indexOf('\r\n')
  const size = Number.parseInt(bytes.subarray(0, lineEnd).toString('latin1'), 16)
  const start = lineEnd + 2
  if (size === 0) return { body: Buffer.alloc(0), length: start + 2 }
  const { body, length } = dechunk(bytes.subarray(start + size + 2))
  return { body: Buffer.concat([bytes.subarray(start, start + size), body]), length: start + size + 2 + length }
}

function createAnswer (target: string, status: number, headers: Record<string, string>, body: string): Answer {
  const isError = status >= 400 && headers['content-type']?.startsWith('application/json') && body !== ''
  const outcome = isError ? `${status} ${String(JSON.parse(body).code ?? JSON.parse(body).error)}` : String(status)
  return { target, status, outcome, headers, body, json: () => JSON.parse(body) }
}
