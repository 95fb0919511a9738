/** What a PHC string says of an argon2 digest, before any work. */
export interface Argon2Digest {
  type: 'argon2i' | 'argon2d' | 'argon2id'
  /** 19 is RFC 9106's; 16 came before, and is meant where none is written. */
  version: 16 | 19
  /** KiB. */
  memory: number
  passes: number
  lanes: number
  /** Which pepper the digest was made with; null for none. */
  keyId: string | null
  saltLength: number
  tagLength: number
}

/** What a stored digest may ask for at most: it may come from an import, or from somebody who can write to the database. */
const bounds = { memory: 262_144, passes: 10, lanes: 4 }

/** The PHC string format; libraries write the three parameters in different orders. Lengths are in characters of base64. */
const phc = /^\$(argon2id?|argon2d)(?:\$v=(16|19))?\$([mtp]=\d{1,7}),([mtp]=\d{1,7}),([mtp]=\d{1,7})(?:,keyid=([A-Za-z0-9+/]{8}))?\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,172})$/

/** Null where the text is no argon2 digest. */
export function readArgon2Digest (digest: string): Argon2Digest | null {
  const [, type, version = '16', first = '', second = '', third = '', keyId = null, salt = '', tag = ''] = phc.exec(digest) ?? []
  const found = Object.fromEntries([first, second, third].map((pair) => [pair[0], Number(pair.slice(2))])) as Record<string, number>
  const { m, t, p } = found
  if (m === undefined || t === undefined || p === undefined) return null
  return { type: type as Argon2Digest['type'], version: Number(version) as 16 | 19, memory: m, passes: t, lanes: p, keyId, saltLength: salt.length, tagLength: tag.length }
}

/** Whether argon2 takes the parameters, and they cost no more than the bounds allow. */
export function isAffordable ({ memory, passes, lanes }: Argon2Digest): boolean {
  return memory >= 8 * lanes && memory <= bounds.memory && passes >= 1 && passes <= bounds.passes && lanes >= 1 && lanes <= bounds.lanes
}
