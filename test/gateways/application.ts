import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Test } from 'tap'
import type { HeaderLine } from '../support/http.ts'

/** A request as it came to the application. */
export interface Seen {
  method: string
  url: string
  headers: HeaderLine[]
  /** Headers behind the body. */
  trailers: HeaderLine[]
  /** Of the body, once it is whole. */
  length: number
  digest: string
}

/** What is behind a gateway: it answers every request with what it saw of it. */
export interface Application {
  readonly port: number
  readonly seen: Seen[]
  /** What reached it and should not have, in words: without a caller, under a name that a client made up, or for administrators alone. */
  faults (): string[]
  /** Forgets what it saw. */
  forget (): void
}

/** Stands in every header that a client makes up. */
export const spoof = 'spoofed'

/** Reads more than the standard allows, as many an application does. */
export async function startApplication (t: Test): Promise<Application> {
  const seen: Seen[] = []
  const server = createServer({ insecureHTTPParser: true, maxHeaderSize: 128 * 1024, keepAliveTimeout: 60_000 }, async (request, response) => {
    const noted = note(request)
    const hash = createHash('sha256')
    try {
      for await (const chunk of request) {
        noted.length += chunk.length
        hash.update(chunk)
      }
    } catch {
      return
    }
    noted.trailers = linesOf(request.rawTrailers)
    noted.digest = hash.digest('hex')
    response.setHeader('content-type', 'application/json').end(JSON.stringify(noted))
  })
  server.on('upgrade', (request: IncomingMessage, socket: Duplex) => {
    note(request)
    socket.on('error', () => {})
    const accept = createHash('sha1').update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`)
    socket.pipe(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })

  function note ({ method = '', url = '', rawHeaders }: IncomingMessage): Seen {
    const noted = { method, url, headers: linesOf(rawHeaders), trailers: [], length: 0, digest: '' }
    seen.push(noted)
    return noted
  }

  return {
    port: (server.address() as { port: number }).port,
    seen,
    faults: () => seen.flatMap((one) => faultsOf(one).map((fault) => `${one.method} ${one.url}: ${fault}`)),
    forget () { seen.length = 0 }
  }
}

function linesOf (raw: readonly string[]): HeaderLine[] {
  return raw.flatMap((name, i) => i % 2 === 0 ? [[name.toLowerCase(), raw[i + 1] as string] as const] : [])
}

function faultsOf ({ url, headers, trailers }: Seen): string[] {
  // As the most forgiving application would read the names.
  const identity = headers.filter(([name]) => name.replaceAll(/[^a-z0-9]/gi, '').includes('xauth'))
  const values = (name: string) => identity.filter(([key]) => key === name).map(([, value]) => value)
  const [user = '', client = '', roles = ''] = ['x-auth-user-id', 'x-auth-client-id', 'x-auth-roles'].map((name) => values(name).join(','))
  return [
    ...(user === '' && client === '' ? ['without a caller'] : []),
    ...identity.filter(([, value]) => value.includes(spoof) || value.includes('{')).map(([name, value]) => `with ${name}: ${value}`),
    ...trailers.map(([name, value]) => `with a trailer ${name}: ${value}`),
    ...headers.filter(([name, value]) => /^(?:x[-_.](?:forwarded|real|original|rewrite|envoy|remote)|forwarded|remote|true-client|proxy$)/.test(name) && value.includes(spoof)).map(([name, value]) => `with ${name}: ${value}`),
    ...(mostForgiving(url).startsWith('/api/admin') && !roles.split(' ').includes('admin') ? ['is for administrators'] : [])
  ]
}

/** A path as an application might read it that decodes twice, takes any slash and any case, and drops what it does not know. */
export function mostForgiving (url: string): string {
  let path = url.replace(/^https?:\/\/[^/]*/i, '').replace(/[?#].*$/s, '')
  for (let times = 0; times < 2; times++) path = path.replaceAll(/%([0-9a-f]{2})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
  const segments: string[] = []
  for (const segment of path.replaceAll('\\', '/').toLowerCase().split('/').map((one) => one.replace(/;.*$/, ''))) {
    if (segment === '..') segments.pop()
    else if (segment !== '' && segment !== '.') segments.push(segment)
  }
  return `/${segments.join('/')}`
}
