import { readArgon2 } from './foreign/argon2.ts'
import { readAspNet } from './foreign/aspnet.ts'
import { readBcrypt } from './foreign/bcrypt.ts'
import type { Check, Reader } from './foreign/digest.ts'
import { readFirebase } from './foreign/firebase.ts'
import { readPbkdf2 } from './foreign/pbkdf2.ts'
import { readScrypt } from './foreign/scrypt.ts'

/** No form within the bounds is longer. */
const mostCharacters = 512

const readers: readonly Reader[] = [readBcrypt, readArgon2, readPbkdf2, readScrypt, readFirebase, readAspNet]

/**
 * Reads a digest that another system made: docs/passwords.md lists the forms and their bounds. Null where there is none to
 * read, or where checking it would cost too much; nothing has been computed by then.
 */
export function readForeign (digest: string): Check | null {
  if (digest.length > mostCharacters) return null
  for (const read of readers) {
    const check = read(digest)
    if (check !== null) return check
  }
  return null
}

/**
 * The bytes a password may have had where it came from: most systems hashed what they were sent, some its NFC form.
 * Mostly these are the same, and then there is one.
 */
export function spellingsOf (password: string): Buffer[] {
  return [...new Set([password.normalize('NFC'), password])].map((spelling) => Buffer.from(spelling))
}
