import type { Reader } from './digest.ts'
import { checkPbkdf2, type Hash } from './pbkdf2.ts'

/** Base64 of 45 bytes, with the shortest salt and tag, to 144, with longer ones than Identity was ever set to make. */
const form = /^(?=.{60,192}$)(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

const hashes: readonly Hash[] = ['sha1', 'sha256', 'sha512']
const leastBytes = 16

/** What ASP.NET Core Identity stores: PBKDF2, in base64 of a record whose first byte is its version. */
export const readAspNet: Reader = (digest) => {
  if (!form.test(digest)) return null
  const record = Buffer.from(digest, 'base64')
  if (record[0] === 0) return readVersion2(record)
  return record[0] === 1 ? readVersion3(record) : null
}

/** 16 bytes of salt, 32 of tag; 1000 iterations of SHA-1. */
function readVersion2 (record: Buffer): ReturnType<Reader> {
  if (record.length !== 49) return null
  return checkPbkdf2({ hash: 'sha1', iterations: 1000, salt: record.subarray(1, 17), tag: record.subarray(17) })
}

/** Hash function, iterations and the salt's length, four bytes each, the highest first; then salt and tag. */
function readVersion3 (record: Buffer): ReturnType<Reader> {
  const [hash, iterations, saltLength] = [hashes[record.readUInt32BE(1)], record.readUInt32BE(5), record.readUInt32BE(9)]
  const tagLength = record.length - 13 - saltLength
  if (hash === undefined || saltLength < leastBytes || tagLength < leastBytes || tagLength > 64) return null
  return checkPbkdf2({ hash, iterations, salt: record.subarray(13, 13 + saltLength), tag: record.subarray(13 + saltLength) })
}
