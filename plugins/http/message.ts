import type { IncomingMessage } from 'node:http'

/** As many as other servers take. Node would drop those beyond 2000 in silence. */
const mostHeaderLines = 100

export function hasTooManyHeaders ({ rawHeaders }: IncomingMessage): boolean {
  return rawHeaders.length > 2 * mostHeaderLines
}

/**
 * What Node's parser lets through and a server before us may read otherwise (RFC 9112, sections 3.2 and 6.1): no Host or
 * several, a transfer coding that is more than `chunked`, or any from a client that cannot know one.
 */
export function isAmbiguous ({ rawHeaders, headers, httpVersion }: IncomingMessage): boolean {
  const coding = headers['transfer-encoding']
  if (coding !== undefined && (coding.toLowerCase() !== 'chunked' || httpVersion === '1.0')) return true
  let hosts = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++
  }
  return hosts > 1 || (hosts === 0 && httpVersion !== '1.0')
}

/** Whether an address has one reading whatever its route is: then nothing has to be known of that. */
export function isPlain (url: string): boolean {
  return /^\/[^%#]*$/.test(url)
}

/**
 * The router decodes before it looks, cuts an address at a hash and takes one with a host in it: `/%6cogin`, `/login#x`
 * and `http://elsewhere/login` would be `/login` here and something else to a gateway's rules.
 */
export function isRespelt (url: string, route: string | undefined): boolean {
  if (!url.startsWith('/')) return true
  return route !== undefined && !route.endsWith('*') && /^[^?]*[%#]/.test(url)
}
