import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { ClientRecord } from './repository.ts'

const basic = /^basic +([A-Za-z0-9+/]+={0,2})$/i
const longestCredentials = 1024

/** A secret of 256 random bits. */
export function makeSecret (): string {
  return randomBytes(32).toString('base64url')
}

export function digestOf (secret: string): string {
  return createHash('sha256').update(secret).digest('base64url')
}

/** Whether a secret is the client's, or was a moment ago and still may be used. Takes the same time whatever it is. */
export function isSecretOf (secret: string, { secretDigest, formerDigest, formerUntil }: ClientRecord, now: number): boolean {
  const presented = Buffer.from(digestOf(secret))
  const current = timingSafeEqual(presented, Buffer.from(secretDigest))
  const former = timingSafeEqual(presented, Buffer.from(formerDigest ?? secretDigest))
  return current || (former && formerDigest !== null && now < (formerUntil ?? 0))
}

/** Id and secret from an Authorization header, both form-encoded (RFC 6749, section 2.3.1); null where it holds none. */
export function readBasic (header: string | undefined): { id: string, secret: string } | null {
  const encoded = header !== undefined && header.length <= longestCredentials ? basic.exec(header)?.[1] : undefined
  if (encoded === undefined) return null
  const text = Buffer.from(encoded, 'base64').toString()
  const colon = text.indexOf(':')
  if (colon <= 0) return null
  try {
    return { id: formDecode(text.slice(0, colon)), secret: formDecode(text.slice(colon + 1)) }
  } catch {
    return null
  }
}

function formDecode (text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '))
}
