import type { Vault } from '../secrets.ts'

export interface RefreshTokens {
  /** The token of a session (its UUID) after `counter` rotations: opaque, 70 characters of base64url behind a fixed tag. */
  make (sessionId: string, counter: number): string
}

/** Says which form a token has, so that the form can change. */
const tag = 'gr1_'
const purpose = 'refresh-token'

/**
 * A refresh token is derived, not stored: HMAC-SHA-256 under a key from SECRET_KEY over session id and counter, then
 * these two. Whoever has the database has neither the key nor any token (ASVS 11.5.1).
 */
export function createRefreshTokens (secrets: Vault): RefreshTokens {
  return {
    make (sessionId, counter) {
      const body = Buffer.alloc(20)
      body.write(sessionId.replaceAll('-', ''), 'hex')
      body.writeUInt32BE(counter, 16)
      return tag + Buffer.concat([secrets.mac(purpose, body), body]).toString('base64url')
    }
  }
}
