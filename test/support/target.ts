import { createHmac, type KeyObject } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { Test } from 'tap'
import type { TokenReply } from '../../schemas/login.ts'
import { type Attacked, startAttacked } from './attacked.ts'
import { alice } from './build.ts'
import { type LiveKey, liveKeys, segment, signSegments } from './forge.ts'
import { type Answer, type Client, createClient, type HeaderLine, headerOf } from './http.ts'
import type { ServiceOptions } from './service.ts'

type Members = Record<string, unknown>

/** The three ways in which a bearer request fails (RFC 6750, section 3). */
export type Refusal = 'invalid_token' | 'missing_token' | 'invalid_request'

interface Forgery {
  /** Members set, changed or, where undefined, left out. */
  header?: Members
  /** Claims set, changed or, where undefined, left out. */
  claims?: Members
  key?: Pick<LiveKey, 'alg' | 'privateKey'>
}

/** A service under attack, with what an attacker holds (alice's tokens) and what nobody should (the signing keys). */
export interface Target {
  readonly service: Attacked
  readonly call: Client
  /** Alice's token reply. */
  readonly alice: TokenReply
  /** Of alice's access token. */
  readonly header: Members
  readonly claims: Members
  /** The key that signs, and the one that is published to sign next. */
  readonly keys: readonly [LiveKey, LiveKey]
  /** Registers somebody and signs them in. */
  signUp (username: string): Promise<TokenReply>
  /** Alice's access token, changed and signed again by the live key. */
  forge (forgery: Forgery): string
  /** GET /protected with these header lines. */
  visit (...headers: HeaderLine[]): Promise<Answer>
  /** GET /protected with a bearer token. */
  present (token: string): Promise<Answer>
  /** Asserts that an answer is this refusal, and to the byte what the refusal was before: whatever the cause. */
  isRefusal (t: Test, answer: Answer, refusal: Refusal, what: string): void
  /** Presents tokens, by what is wrong with them, and asserts `invalid_token` for each. */
  refuses (t: Test, tokens: Record<string, string>): Promise<void>
  /** Asserts that a token of alice's opens /protected. */
  accepts (t: Test, token: string, what: string): Promise<void>
  /** After the attacks: it serves, ends in order, and wrote down no error of its own. */
  isUnharmed (t: Test): Promise<void>
}

const challenges: Record<Refusal, { status: number, pattern: RegExp }> = {
  invalid_token: { status: 401, pattern: /^Bearer realm="[^"]+", error="invalid_token"$/ },
  missing_token: { status: 401, pattern: /^Bearer realm="[^"]+"$/ },
  invalid_request: { status: 400, pattern: /^Bearer realm="[^"]+", error="invalid_request"$/ }
}

/** Shorter ones would be found in any log. */
const shortestSecret = 16

/** Starts a service to be attacked, with alice signed in. */
export async function startTarget (t: Test, options: ServiceOptions = {}): Promise<Target> {
  const service = await startAttacked(t, options)
  const call = createClient(t, service.port)
  const refusals = new Map<Refusal, string>()
  const reply = await signUp(alice.username)
  const [header, claims] = [0, 1].map((i) => readSegment(reply.access_token, i)) as [Members, Members]
  const keys = liveKeys(service) as [LiveKey, LiveKey]

  async function signUp (username: string): Promise<TokenReply> {
    const credentials = JSON.stringify({ ...alice, username })
    const post = (path: string) => call({ path, method: 'POST', headers: [['content-type', 'application/json']], body: credentials })
    await post('/register')
    return JSON.parse((await post('/login')).body) as TokenReply
  }

  async function visit (...headers: HeaderLine[]) {
    for (const [, value] of headers) {
      const secret = value.trim().split(/\s+/).at(-1) as string
      if (secret.length >= shortestSecret) service.secrets.add(secret)
    }
    return call({ path: '/protected', headers })
  }

  const present = (token: string) => visit(['authorization', `Bearer ${token}`])

  function isRefusal (t: Test, answer: Answer, refusal: Refusal, what: string) {
    const shape = shapeOf(answer)
    const before = refusals.get(refusal)
    if (before !== undefined) t.equal(shape, before, what)
    else {
      refusals.set(refusal, shape)
      const { status, pattern } = challenges[refusal]
      t.equal(answer.status, status, what)
      t.match(headerOf(answer.headers, 'www-authenticate'), pattern, 'the challenge')
      const { message, ...body } = JSON.parse(answer.body)
      t.type(message, 'string', 'the message')
      t.strictSame(body, { statusCode: status, code: refusal, error: STATUS_CODES[status] }, 'the body')
    }
  }

  async function accepts (t: Test, token: string, what: string) {
    const { status, body } = await present(token)
    t.equal(status, 200, what)
    t.equal(JSON.parse(body).message, 'Hello, alice! This is a protected resource.', what)
  }

  return {
    service,
    call,
    alice: reply,
    header,
    claims,
    keys,
    signUp,
    visit,
    present,
    isRefusal,
    accepts,
    forge ({ header: otherHeader = {}, claims: otherClaims = {}, key = keys[0] }) {
      return signSegments(segment({ ...header, ...otherHeader }), segment({ ...claims, ...otherClaims }), key)
    },
    async refuses (t, tokens) {
      await Promise.all(Object.entries(tokens).map(async ([what, token]) => isRefusal(t, await present(token), 'invalid_token', what)))
    },
    async isUnharmed (t) {
      await accepts(t, reply.access_token, 'a good token')
      t.equal(await service.stop(), 0, 'it ends in order')
      t.strictSame(service.output().split('\n').filter((line) => /"level":[56]0/.test(line)), [], 'no error of its own')
    }
  }
}

/** What a token's segment says. */
export function readSegment (token: string, index: number): Members {
  return JSON.parse(Buffer.from(token.split('.')[index] as string, 'base64url').toString())
}

/** A token under HMAC with SHA-256, as somebody without the private key would make it. */
export function macToken (header: Members, claims: Members, key: string | Buffer | KeyObject): string {
  const input = `${segment({ ...header, alg: 'HS256' })}.${segment(claims)}`
  return `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`
}

/** All of an answer but what is new each time. */
export function shapeOf ({ status, headers, body }: Answer): string {
  return JSON.stringify([status, headers.filter(([name]) => name !== 'date' && name !== 'x-request-id'), body])
}
