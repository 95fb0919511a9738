import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { connect } from 'node:net'
import type { Test } from 'tap'
import type { LiveKey } from '../support/forge.ts'
import { type Forwarder, startForwarder } from '../support/forwarder.ts'
import { freePort } from '../support/ports.ts'
import { macToken, readSegment, startTarget, type Target } from '../support/target.ts'
import { type Application, startApplication } from './application.ts'

/** What stands around a gateway: the service, the application, and a way between gateway and service that can be made bad. */
export interface World {
  readonly target: Target
  readonly application: Application
  /** Where the gateway finds the service. */
  readonly way: Forwarder
  /** Tokens of alice's, each with one thing about it; signed with the live key. */
  readonly tokens: Tokens
  /** Puts something else in the service's place: a port that nobody listens on, one that never answers, one that answers with this. */
  replaceService (by: 'nobody' | 'silence' | RequestListener): Promise<void>
  restoreService (): void
}

export interface Tokens {
  good: string
  /** Holds the role that /api/admin/ asks for. */
  admin: string
  /** A client's own: no user, no session. */
  client: string
  /** Whoever holds these does not pass; by what is wrong with them. */
  bad: Record<string, string>
}

/** The issuer that the files of deploy/ name. */
export const issuer = 'https://auth.example.com'
export const clientId = '0198c0de-0000-7000-8000-00000000c11e'

/** The service, which all gateways of a run share. */
export function startGatehouse (t: Test, environment: Record<string, string> = {}): Promise<Target> {
  return startTarget(t, { environment: { PUBLIC_URL: issuer, TRUST_PROXY: '127.0.0.1', LOG_LEVEL: 'info', ...environment } })
}

/** What one gateway has to itself. */
export async function startWorld (t: Test, target: Target): Promise<World> {
  const [application, nobody, silence] = await Promise.all([startApplication(t), freePort(), listen(t, () => {})])
  const way = await startForwarder(t, target.service.port)
  return {
    target, application, way, tokens: tokensOf(target),
    async replaceService (by) {
      way.leadTo(by === 'nobody' ? nobody : by === 'silence' ? silence : await listen(t, by))
    },
    restoreService () { way.leadTo(target.service.port) }
  }
}

function tokensOf ({ forge, keys, alice }: Target): Tokens {
  const now = Math.floor(Date.now() / 1000)
  const good = alice.access_token
  const [{ alg }] = keys
  const otherAlg = alg === 'ES256' ? 'RS256' : 'ES256'
  const [header = '', payload = '', signature = ''] = good.split('.')
  const changed = JSON.parse(Buffer.from(payload, 'base64url').toString())
  const other = Buffer.from(JSON.stringify({ ...changed, preferred_username: 'mallory' })).toString('base64url')
  return {
    good,
    admin: forge({ claims: { roles: ['editor', 'admin'] } }),
    client: forge({ claims: { sub: clientId, client_id: clientId, sid: undefined, preferred_username: undefined, roles: [], scope: 'orders:read orders:write' } }),
    bad: {
      expired: forge({ claims: { iat: now - 900, exp: now - 300 } }),
      'without exp': forge({ claims: { exp: undefined } }),
      'with another payload': `${header}.${other}.${signature}`,
      'with another signature': `${header}.${payload}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`,
      'with the last character of its signature changed where its bits are to spare': `${good.slice(0, -1)}${next(good.slice(-1))}`,
      'with one character more': `${good}A`,
      'with an x more': `${good}x`,
      'with an equals sign more': `${good}=`,
      'without a signature': `${header}.${payload}.`,
      'with alg none': `${Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')}.${payload}.`,
      'signed by the public key': hmac(keys[0], payload),
      'signed by another key': forge({ header: { kid: 'unknown' }, key: strangersKey(alg) }),
      'signed by another key under our kid': forge({ key: strangersKey(alg) }),
      'signed by another key with another algorithm under our kid': forge({ header: { alg: otherAlg }, key: strangersKey(otherAlg) }),
      'for another audience': forge({ claims: { aud: 'somewhere-else' } }),
      'for an audience that begins like ours': forge({ claims: { aud: 'api2' } }),
      'of another issuer': forge({ claims: { iss: 'https://auth.example.org' } }),
      'of an issuer that begins like ours': forge({ claims: { iss: `${issuer}.evil.example` } }),
      'that is none': 'x.y.z',
      empty: ''
    }
  }
}

/** The character after this one in base64url: behind 64 bytes the last one has two bits that mean nothing. */
function next (character: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return alphabet[alphabet.indexOf(character) + 1] as string
}

const strangersKeys = new Map<string, KeyObject>()

/** One for all worlds: those of RSA take a while to make. */
function strangersKey (alg: string): Pick<LiveKey, 'alg' | 'privateKey'> {
  const made = strangersKeys.get(alg) ?? (alg === 'ES256' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('rsa', { modulusLength: 3072 })).privateKey
  strangersKeys.set(alg, made)
  return { alg, privateKey: made }
}

function hmac ({ kid, privateKey }: LiveKey, payload: string): string {
  const pem = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' })
  return macToken({ kid, typ: 'at+jwt' }, readSegment(`.${payload}.`, 1), pem as string)
}

/** A server of HTTP on a free port, gone with the test. */
async function listen (t: Test, answer: RequestListener): Promise<number> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return (server.address() as { port: number }).port
}

/** Writes bytes as they are and gives back all that comes, until the other side hangs up or is silent for a while. Of two pieces the second waits for an answer. */
export async function say (port: number, bytes: string | readonly [string, string], patience = 400): Promise<string> {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1')
  let text = ''
  socket.on('error', () => {}).on('data', (chunk: string) => { text += chunk })
  socket.setTimeout(patience, () => socket.destroy())
  const [first, second] = typeof bytes === 'string' ? [bytes] : bytes
  if (second !== undefined) socket.once('data', () => socket.write(second, 'latin1'))
  socket.write(first, 'latin1')
  await once(socket, 'close')
  return text
}

/** The statuses of the answers in what a connection said. */
export function statusesIn (text: string): number[] {
  return [...text.matchAll(/^HTTP\/1\.[01] (\d{3})/gm)].map(([, status]) => Number(status))
}
