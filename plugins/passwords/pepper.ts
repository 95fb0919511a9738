import { createHmac, hkdfSync } from 'node:crypto'

/** A key outside the database that every password goes through before it is hashed (NIST SP 800-63B-4, section 3.1.1.2). */
export interface Pepper {
  /** Tells this pepper from others and nothing of what it is: 8 characters of base64. */
  keyId: string
  /** HMAC-SHA-256 of a password: 32 bytes. */
  apply (password: Buffer): Buffer
}

const keyIdBytes = 6

export function createPepper (secret: string): Pepper {
  return {
    // Derived apart from the HMAC, so that no password's HMAC is a key id.
    keyId: Buffer.from(hkdfSync('sha256', secret, 'gatehouse', 'pepper:id', keyIdBytes)).toString('base64'),
    apply: (password) => createHmac('sha256', secret).update(password).digest()
  }
}
