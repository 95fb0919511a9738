import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto'

export interface Vault {
  /**
   * `plain`, encrypted and authenticated with AES-256-GCM (NIST SP 800-38D) for one `purpose` and `context`:
   * it opens with the same two alone. Text, safe to store.
   */
  seal (purpose: string, context: string, plain: Uint8Array): string
  /** What was sealed. Throws where the secret, purpose or context is another, or the text was changed. */
  open (purpose: string, context: string, sealed: string): Buffer
  /** HMAC-SHA-256 of `data` under a key of its own for this `purpose`: 32 bytes. */
  mac (purpose: string, data: Uint8Array): Buffer
}

const version = 'v1'
const ivBytes = 12
const tagBytes = 16

/** Derives a key for each purpose from `secret` with HKDF-SHA-256 (RFC 5869); the secret itself encrypts nothing. */
export function createVault (secret: string): Vault {
  const keys = new Map<string, Buffer>()

  function keyFor (purpose: string): Buffer {
    const known = keys.get(purpose)
    if (known !== undefined) return known
    const key = Buffer.from(hkdfSync('sha256', secret, 'gatehouse', purpose, 32))
    keys.set(purpose, key)
    return key
  }

  return {
    seal (purpose, context, plain) {
      const iv = randomBytes(ivBytes)
      const cipher = createCipheriv('aes-256-gcm', keyFor(`seal:${purpose}`), iv).setAAD(Buffer.from(context))
      const sealed = Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
      return `${version}.${sealed.toString('base64url')}`
    },
    open (purpose, context, text) {
      const [found, body = ''] = text.split('.')
      const sealed = Buffer.from(body, 'base64url')
      if (found !== version || sealed.length < ivBytes + tagBytes) throw new Error('not a sealed text')
      const decipher = createDecipheriv('aes-256-gcm', keyFor(`seal:${purpose}`), sealed.subarray(0, ivBytes), { authTagLength: tagBytes })
      decipher.setAAD(Buffer.from(context)).setAuthTag(sealed.subarray(-tagBytes))
      return Buffer.concat([decipher.update(sealed.subarray(ivBytes, -tagBytes)), decipher.final()])
    },
    mac: (purpose, data) => createHmac('sha256', keyFor(`mac:${purpose}`)).update(data).digest()
  }
}
