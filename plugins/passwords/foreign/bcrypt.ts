import { hash } from 'bcrypt'
import { equal, type Reader } from './digest.ts'

/** About a second on a slow core; 31 would be days. */
const mostCost = 14
const leastCost = 4

/** `$2x$` marks digests of a faulty implementation, which no library makes any more. */
const form = /^\$2[aby]\$(\d\d)\$([./A-Za-z0-9]{22})([./A-Za-z0-9]{31})$/

/**
 * bcrypt. The three versions differ in what broken implementations did; made correctly, they agree. Bytes of a password
 * beyond the 72nd do not count, as they did not where the digest was made.
 */
export const readBcrypt: Reader = (digest) => {
  const [, cost = '', salt = '', tag = ''] = form.exec(digest) ?? []
  if (tag === '' || Number(cost) < leastCost || Number(cost) > mostCost) return null
  return async (password) => {
    // As $2b$: under $2a$ the library counts a password's length modulo 256, as OpenBSD once did and nobody else.
    const made = await hash(password, `$2b$${cost}$${salt}`)
    return equal(Buffer.from(made.slice(-tag.length)), Buffer.from(tag))
  }
}
