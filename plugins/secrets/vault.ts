import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto'

export interface Vault {
  /**
   * `plain`, encrypted and authenticated with AES-256-GCM (NIST SP 800-38D) for one `purpose` and `context`:
   * it opens with the same two alone. Text, safe to store.
   */
  seal (purpose: string, context: string, plain: Uint8Array): string
  /** What was sealed. Throws where the secret, purpose or context is another, or the text was changed. */
  open (purpose: string, context: string, sealed: string): Buffer
  /** False where what was sealed opens, if at all, with a former secret. */
  isCurrent (purpose: string, context: string, sealed: string): boolean
  /** HMAC-SHA-256 of `data` under a key of its own for this `purpose`: 32 bytes. */
  mac (purpose: string, data: Uint8Array): Buffer
}

const version = 'v1'
const ivBytes = 12
const tagBytes = 16

/**
 * A vault under `secret` that opens what `former` sealed as well. HKDF-SHA-256 (RFC 5869) derives a key for each
 * purpose; the secrets themselves encrypt nothing.
 */
export function createVault (secret: string, former: string | null = null): Vault {
  const current = createKeyring(secret)
  const keyrings = former === null ? [current] : [current, createKeyring(former)]

  return {
    seal (purpose, context, plain) {
      const iv = randomBytes(ivBytes)
      const cipher = createCipheriv('aes-256-gcm', current(`seal:${purpose}`), iv).setAAD(Buffer.from(context))
      const sealed = Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
      return `${version}.${sealed.toString('base64url')}`
    },
    open (purpose, context, sealed) {
      for (const keyring of keyrings) {
        const plain = unseal(keyring(`seal:${purpose}`), context, sealed)
        if (plain !== null) return plain
      }
      throw new Error('not sealed under this secret for this purpose')
    },
    isCurrent: (purpose, context, sealed) => unseal(current(`seal:${purpose}`), context, sealed) !== null,
    mac: (purpose, data) => createHmac('sha256', current(`mac:${purpose}`)).update(data).digest()
  }
}

/** The keys of one secret, each derived once. */
function createKeyring (secret: string): (purpose: string) => Buffer {
  const keys = new Map<string, Buffer>()
  return (purpose) => {
    const known = keys.get(purpose)
    if (known !== undefined) return known
    const key = Buffer.from(hkdfSync('sha256', secret, 'gatehouse', purpose, 32))
    keys.set(purpose, key)
    return key
  }
}

function unseal (key: Buffer, context: string, text: string): Buffer | null {
  const [found, body = ''] = text.split('.')
  const sealed = Buffer.from(body, 'base64url')
  if (found !== version || sealed.length < ivBytes + tagBytes) return null
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, ivBytes), { authTagLength: tagBytes })
  decipher.setAAD(Buffer.from(context)).setAuthTag(sealed.subarray(-tagBytes))
  try {
    return Buffer.concat([decipher.update(sealed.subarray(ivBytes, -tagBytes)), decipher.final()])
  } catch {
    return null
  }
}
