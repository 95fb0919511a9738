import type { Vault } from '../secrets.ts'

/** The session (its UUID) that a refresh token was made for, and after how many rotations. */
export interface PresentedToken {
  sessionId: string
  counter: number
}

export interface RefreshTokens {
  /** The token of a session (its UUID) after `counter` rotations: opaque, 70 characters of base64url behind a fixed tag. */
  make (sessionId: string, counter: number): string
  /** Which session and count a token was made for; null where it was not made here. Reads nothing. */
  read (token: string): PresentedToken | null
}

/** Says which form a token has, so that the form can change. */
const tag = 'gr1_'
const purpose = 'refresh-token'
const macBytes = 32
const bodyBytes = 20
const length = tag.length + Math.ceil((macBytes + bodyBytes) * 4 / 3)

/**
 * A refresh token is derived, not stored: HMAC-SHA-256 under a key from SECRET_KEY over session id and counter, then
 * these two. Whoever has the database has neither the key nor any token (ASVS 11.5.1).
 */
export function createRefreshTokens (secrets: Vault): RefreshTokens {
  return {
    make (sessionId, counter) {
      const body = Buffer.alloc(bodyBytes)
      body.write(sessionId.replaceAll('-', ''), 'hex')
      body.writeUInt32BE(counter, 16)
      return tag + Buffer.concat([secrets.mac(purpose, body), body]).toString('base64url')
    },
    read (token) {
      if (token.length !== length || !token.startsWith(tag)) return null
      const bytes = Buffer.from(token.slice(tag.length), 'base64url')
      const body = bytes.subarray(macBytes)
      if (bytes.toString('base64url') !== token.slice(tag.length) || !secrets.isAuthentic(purpose, body, bytes.subarray(0, macBytes))) return null
      const hex = body.toString('hex')
      const sessionId = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-')
      return { sessionId, counter: body.readUInt32BE(16) }
    }
  }
}
