import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

export interface Issuer {
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  /** Paths asked for so far. */
  readonly asked: string[]
  /** What the key set holds. */
  keys: unknown
  /** Sent with the key set. */
  cacheControl: string | null
  /** Answers instead of the issuer where it is set. */
  instead: ((request: IncomingMessage, response: ServerResponse) => void) | null
  /** Answers instead of the discovery document's members. */
  metadata: Record<string, unknown> | null
}

/** An issuer on a free port of this machine, which answers as it is told to; closed with the test. */
export async function startIssuer (t: Test): Promise<Issuer> {
  const server = createServer((request, response) => {
    issuer.asked.push(request.url as string)
    if (issuer.instead !== null) return issuer.instead(request, response)
    if (request.url === '/jwks') {
      if (issuer.cacheControl !== null) response.setHeader('cache-control', issuer.cacheControl)
      return response.end(JSON.stringify({ keys: issuer.keys }))
    }
    response.end(JSON.stringify({ issuer: issuer.url, jwks_uri: `${issuer.url}/jwks`, ...issuer.metadata }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const issuer: Issuer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked: [], keys: [], cacheControl: null, instead: null, metadata: null
  }
  return issuer
}
