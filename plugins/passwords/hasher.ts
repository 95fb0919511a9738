import { argon2id, hash, verify } from 'argon2'

export interface Hasher {
  hash (password: string): Promise<string>
  /** False where checking the digest could fail or cost more than the bounds allow. */
  canVerify (digest: string): boolean
  verify (digest: string, password: string): Promise<boolean>
  /** True where the digest was made with other parameters than today's. */
  isOutdated (digest: string): boolean
}

interface Parameters {
  /** KiB. */
  memory: number
  passes: number
  lanes: number
}

const lanes = 1
const saltBytes = 16
const tagBytes = 32
/** What a stored digest may ask for at most: it may come from an import, or from somebody who can write to the database. */
const bounds: Parameters = { memory: 262_144, passes: 10, lanes: 4 }

/** The PHC string format; libraries write the three parameters in different orders. */
const phc = /^\$argon2id\$v=19\$([mtp]=\d{1,7}),([mtp]=\d{1,7}),([mtp]=\d{1,7})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,172})$/

/** argon2id (RFC 9106) over the NFC form of a password, with one lane, a 16-byte salt and a 32-byte tag. */
export function createHasher ({ memory, passes }: { memory: number, passes: number }): Hasher {
  return {
    async hash (password) {
      const digest = await hash(normalise(password), { type: argon2id, memoryCost: memory, timeCost: passes, parallelism: lanes, hashLength: tagBytes })
      return digest.replace(/,(p=\d+),(t=\d+)/, ',$2,$1')
    },
    canVerify (digest) {
      const found = parametersOf(digest)
      return found !== null && found.memory >= 8 * found.lanes && found.memory <= bounds.memory && found.passes >= 1 &&
        found.passes <= bounds.passes && found.lanes >= 1 && found.lanes <= bounds.lanes
    },
    verify: (digest, password) => verify(digest, normalise(password)),
    isOutdated (digest) {
      const found = parametersOf(digest)
      return found === null || found.memory !== memory || found.passes !== passes || found.lanes !== lanes ||
        found.saltLength !== base64Length(saltBytes) || found.tagLength !== base64Length(tagBytes)
    }
  }
}

function parametersOf (digest: string): (Parameters & { saltLength: number, tagLength: number }) | null {
  const [, first = '', second = '', third = '', salt = '', tag = ''] = phc.exec(digest) ?? []
  const found = Object.fromEntries([first, second, third].map((pair) => [pair[0], Number(pair.slice(2))])) as Record<string, number>
  const { m, t, p } = found
  if (m === undefined || t === undefined || p === undefined) return null
  return { memory: m, passes: t, lanes: p, saltLength: salt.length, tagLength: tag.length }
}

function base64Length (bytes: number): number {
  return Math.ceil(bytes * 4 / 3)
}

/** NIST SP 800-63B-4, section 3.1.1.2: the same characters make the same bytes, however a keyboard composes them. */
function normalise (password: string): Buffer {
  return Buffer.from(password.normalize('NFC'))
}
