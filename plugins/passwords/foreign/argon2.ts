import { verify } from 'argon2'
import { isAffordable, readArgon2Digest } from '../argon2-digest.ts'
import type { Reader } from './digest.ts'

/** argon2i, argon2d, and argon2id of the first version: PHC strings that this service never made. */
export const readArgon2: Reader = (digest) => {
  const found = readArgon2Digest(digest)
  return found === null || found.keyId !== null || !isAffordable(found) ? null : (password) => verify(digest, password)
}
