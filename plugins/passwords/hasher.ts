import { argon2id, hash, verify } from 'argon2'
import { type Argon2Digest, isAffordable, readArgon2Digest } from './argon2-digest.ts'
import { readForeign, spellingsOf } from './foreign.ts'
import { createPepper, type Pepper } from './pepper.ts'

export interface Hasher {
  hash (password: string): Promise<string>
  /** False where checking the digest could fail or cost more than the bounds allow. */
  canVerify (digest: string): boolean
  /** Where the answer is no, at least one hash of today's parameters has been computed. */
  verify (digest: string, password: string): Promise<boolean>
  /** True where the digest was made elsewhere, with other parameters than today's, or with another pepper. */
  isOutdated (digest: string): boolean
  /** True where the digest was made with a pepper that is not known. */
  lacksPepper (digest: string): boolean
}

export interface HasherOptions {
  /** KiB. */
  memory: number
  passes: number
  /** 32 bytes or more; null for none. */
  pepper?: string | null
  /** The pepper before that: checks what it made. */
  formerPepper?: string | null
}

const lanes = 1
const saltBytes = 16
const tagBytes = 32

/**
 * argon2id (RFC 9106) over the NFC form of a password, or over the HMAC that a pepper makes of it, with one lane, a 16-byte salt
 * and a 32-byte tag. Digests of other systems can be checked, and are outdated.
 */
export function createHasher ({ memory, passes, pepper = null, formerPepper = null }: HasherOptions): Hasher {
  const current = pepper === null ? null : createPepper(pepper)
  const peppers = [current, formerPepper === null ? null : createPepper(formerPepper)].filter((one) => one !== null)
  const keyId = current?.keyId ?? null

  const hasher: Hasher = {
    async hash (password) {
      const digest = await hash(season(normalise(password), current), { type: argon2id, memoryCost: memory, timeCost: passes, parallelism: lanes, hashLength: tagBytes })
      return digest.replace(/,(p=\d+),(t=\d+)/, (_, p, t) => `,${t},${p}${keyId === null ? '' : `,keyid=${keyId}`}`)
    },
    canVerify (digest) {
      const own = readOwn(digest)
      return own === null ? readForeign(digest) !== null : isAffordable(own) && isKnown(own)
    },
    async verify (digest, password) {
      const own = readOwn(digest)
      const matches = own === null ? await some(readForeign(digest), spellingsOf(password)) : await verifyOwn(own, digest, password)
      // What a success pays when the digest is made anew, and an unknown user with the dummy.
      if (!matches && (own === null || own.memory * own.passes < memory * passes)) await hasher.hash(password)
      return matches
    },
    isOutdated (digest) {
      const own = readOwn(digest)
      return own === null || isOld(own)
    },
    lacksPepper (digest) {
      const own = readOwn(digest)
      return own !== null && !isKnown(own)
    }
  }

  return hasher

  function isKnown ({ keyId }: Argon2Digest): boolean {
    return keyId === null || peppers.some((one) => one.keyId === keyId)
  }

  function isOld (own: Argon2Digest): boolean {
    return own.memory !== memory || own.passes !== passes || own.lanes !== lanes || own.keyId !== keyId ||
      own.saltLength !== base64Length(saltBytes) || own.tagLength !== base64Length(tagBytes)
  }

  /** argon2id of other parameters and without a pepper may have been made elsewhere. */
  async function verifyOwn (own: Argon2Digest, digest: string, password: string): Promise<boolean> {
    const used = peppers.find((one) => one.keyId === own.keyId) ?? null
    const spellings = used === null && isOld(own) ? spellingsOf(password) : [normalise(password)]
    return some((spelling) => verify(digest, season(spelling, used)), spellings)
  }
}

/** A digest as this service makes them, whoever made it. */
function readOwn (digest: string): Argon2Digest | null {
  const found = readArgon2Digest(digest)
  return found?.type === 'argon2id' && found.version === 19 ? found : null
}

async function some (check: ((password: Buffer) => Promise<boolean>) | null, spellings: Buffer[]): Promise<boolean> {
  for (const spelling of spellings) if (await check?.(spelling) === true) return true
  return false
}

function season (password: Buffer, pepper: Pepper | null): Buffer {
  return pepper === null ? password : pepper.apply(password)
}

function base64Length (bytes: number): number {
  return Math.ceil(bytes * 4 / 3)
}

/** NIST SP 800-63B-4, section 3.1.1.2: the same characters make the same bytes, however a keyboard composes them. */
function normalise (password: string): Buffer {
  return Buffer.from(password.normalize('NFC'))
}
