import type { FastifyInstance, LightMyRequestResponse as Reply } from 'fastify'
import { alice } from './build.ts'

/** Where a call comes from that is made without HTTP. */
export const origin = { ip: '192.0.2.1', network: '192.0.2.1', userAgent: null, requestId: 'r', signal: new AbortController().signal }

export const start = Date.parse('2026-03-01T12:00:00Z')

export interface Pair {
  access_token: string
  refresh_token: string
  refresh_expires_in: number
  expires_in: number
  user: { id: string, username: string, email: string | null }
}

/** A clock that stands still until it is turned; `monotonic` goes with it and is never turned back. */
export function createClock (time = start) {
  const clock = {
    time,
    past: 0,
    now: () => clock.time,
    monotonic: () => clock.past,
    /** Seconds. */
    turn (seconds: number) {
      clock.time += seconds * 1000
      clock.past += Math.max(0, seconds * 1000)
    }
  }
  return clock
}

/** Signs somebody in, alice where nobody else is named. */
export async function signIn (server: FastifyInstance, who: { username: string, password: string } = alice, userAgent = 'tap'): Promise<Pair> {
  const reply = await server.inject({ method: 'POST', url: '/login', payload: who, headers: { 'user-agent': userAgent } })
  if (reply.statusCode !== 200) throw new Error(`no sign-in: ${reply.body}`)
  return reply.json()
}

export function refresh (server: FastifyInstance, token: string): Promise<Reply> {
  return server.inject({ method: 'POST', url: '/refresh', payload: { refresh_token: token } })
}

/** The pair that a refresh token gets. */
export async function refreshed (server: FastifyInstance, token: string): Promise<Pair> {
  const reply = await refresh(server, token)
  if (reply.statusCode !== 200) throw new Error(`no refresh: ${reply.body}`)
  return reply.json()
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** A call with an access token: `call(server, 'DELETE /me', token, { password })`. */
export function call (server: FastifyInstance, what: string, token: string, payload?: object): Promise<Reply> {
  const [method, url] = what.split(' ') as [Method, string]
  return server.inject({ method, url, headers: { authorization: `Bearer ${token}` }, ...payload === undefined ? {} : { payload } })
}

/** The status with which a guarded route answers a token. */
export async function worth (server: FastifyInstance, { access_token: token }: Pick<Pair, 'access_token'>): Promise<number> {
  return (await call(server, 'GET /protected', token)).statusCode
}

/** The session that an access token is of. */
export function sidOf ({ access_token: token }: Pick<Pair, 'access_token'>): string {
  return claimsOf(token).sid
}

export function claimsOf (token: string): Record<'sub' | 'sid' | 'jti' | 'client_id' | 'scope', string> & { exp: number, iat: number } {
  return JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString())
}

export interface Registered {
  id: string
  secret: string
  /** The header that authenticates it. */
  basic: string
}

/** A registered client. */
export async function registerClient (server: FastifyInstance, scopes: string[] = [], name = 'billing'): Promise<Registered> {
  const { client: { id }, secret } = await server.clients.create(name, scopes)
  return { id, secret, basic: basic(id, secret) }
}

export function basic (id: string, secret: string): string {
  return `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
}

/** A form sent by a client, as members or as the text of the body. */
export function post (server: FastifyInstance, url: string, authorization: string | undefined, form: Record<string, string> | string): Promise<Reply> {
  const payload = typeof form === 'string' ? form : new URLSearchParams(form).toString()
  return server.inject({ method: 'POST', url, payload, headers: { 'content-type': 'application/x-www-form-urlencoded', ...authorization === undefined ? {} : { authorization } } })
}

/** A client's own token. */
export async function clientToken (server: FastifyInstance, { basic: authorization }: Registered): Promise<string> {
  return (await post(server, '/oauth/token', authorization, { grant_type: 'client_credentials' })).json().access_token
}
