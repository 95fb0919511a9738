import { hash } from 'node:crypto'

export interface Blocklist {
  /** How many are listed. */
  readonly size: number
  /** Whether a text is listed; wrongly so for one text in 10⁹ with 200,000 listed. */
  has (text: string): boolean
}

/**
 * Of each listed text the first 48 bits of its SHA-256 are kept: 16 of them choose a bucket, 32 stand in it. The file is the
 * number of entries of every bucket in a byte each, the entries in ascending order, and the SHA-256 of both.
 */
const buckets = 2 ** 16
const entryBytes = 4
const digestBytes = 32

/** The bytes of a blocklist, the same for the same texts in any order. Throws RangeError where there are too many: about ten million. */
export function writeBlocklist (texts: Iterable<string>): Buffer {
  const fingerprints = [...new Set(Array.from(texts, (text) => fingerprintOf(text).readUIntBE(0, 6)))].sort((a, b) => a - b)
  const bytes = Buffer.alloc(buckets + fingerprints.length * entryBytes)
  for (const [index, fingerprint] of fingerprints.entries()) {
    const bucket = Math.floor(fingerprint / 2 ** 32)
    bytes.writeUInt8(bytes.readUInt8(bucket) + 1, bucket)
    bytes.writeUInt32BE(fingerprint % 2 ** 32, buckets + index * entryBytes)
  }
  return Buffer.concat([bytes, hash('sha256', bytes, 'buffer')])
}

/** A blocklist from its bytes, which it goes on using. Throws where they are not all there as they were written. */
export function readBlocklist (bytes: Buffer): Blocklist {
  const contents = bytes.subarray(0, Math.max(0, bytes.length - digestBytes))
  if (!hash('sha256', contents, 'buffer').equals(bytes.subarray(contents.length))) {
    throw new Error('the list of common passwords, plugins/passwords/blocklist.bin, is damaged: install this version anew')
  }
  const starts = new Uint32Array(buckets + 1)
  for (let bucket = 0; bucket < buckets; bucket++) starts[bucket + 1] = Number(starts[bucket]) + Number(contents[bucket])

  return {
    size: Number(starts[buckets]),
    has (text) {
      const fingerprint = fingerprintOf(text)
      const bucket = fingerprint.readUInt16BE(0)
      const entry = fingerprint.readUInt32BE(2)
      for (let at = Number(starts[bucket]); at < Number(starts[bucket + 1]); at++) {
        if (contents.readUInt32BE(buckets + at * entryBytes) === entry) return true
      }
      return false
    }
  }
}

function fingerprintOf (text: string): Buffer {
  return hash('sha256', text, 'buffer')
}
