import { scrypt } from 'node:crypto'
import { promisify } from 'node:util'
import { type Check, equal, type Reader } from './digest.ts'

/** RFC 7914, section 2. */
export interface ScryptParameters {
  /** N, a power of two. */
  cost: number
  /** r */
  blockSize: number
  /** p */
  parallelism: number
}

const mebibyte = 2 ** 20
/** Bytes of memory, 128·N·r; as much as an argon2 digest may ask for. */
const mostMemory = 256 * mebibyte
/** Bytes gone through, 128·N·r·p: above a second. OWASP's recommendations end at 128 MiB. */
const mostWork = 512 * mebibyte
const mostParallelism = 16

const derive = promisify<Buffer, Buffer, number, object, Buffer>(scrypt)

/** What passlib and the PHC string format write. */
const phc = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]{0,171}={0,2})\$([A-Za-z0-9+/]{22,86}={0,2})$/
/** What Werkzeug, and Flask with it, writes: the salt is text, and the tag is 64 bytes long. */
const werkzeug = /^scrypt:(\d{1,7}):(\d{1,3}):(\d{1,3})\$([^$]{1,128})\$([0-9a-f]{128})$/

export const readScrypt: Reader = (digest) => {
  const [, log = '', r = '', p = '', salt = '', tag = ''] = phc.exec(digest) ?? []
  if (tag !== '') return check({ cost: 2 ** Number(log), blockSize: Number(r), parallelism: Number(p) }, Buffer.from(salt, 'base64'), Buffer.from(tag, 'base64'))
  const [, cost = '', blockSize = '', parallelism = '', text = '', hex = ''] = werkzeug.exec(digest) ?? []
  return hex === '' ? null : check({ cost: Number(cost), blockSize: Number(blockSize), parallelism: Number(parallelism) }, Buffer.from(text), Buffer.from(hex, 'hex'))
}

/** Whether OpenSSL takes the parameters, and they cost no more than the bounds allow. */
export function isAffordable ({ cost, blockSize, parallelism }: ScryptParameters): boolean {
  const memory = 128 * cost * blockSize
  return cost >= 2 && Number.isInteger(Math.log2(cost)) && Math.log2(cost) < 16 * blockSize && blockSize >= 1 && parallelism >= 1 &&
    parallelism <= mostParallelism && memory <= mostMemory && memory * parallelism <= mostWork
}

/** `length` bytes of scrypt. Rejects where the parameters are not affordable. */
export async function deriveScrypt (password: Buffer, salt: Buffer, length: number, { cost, blockSize, parallelism }: ScryptParameters): Promise<Buffer> {
  // The vectors of N, of p, and two blocks to work in: what OpenSSL adds up before it starts.
  const maxmem = 128 * blockSize * (cost + parallelism + 2)
  return derive(password, salt, length, { N: cost, r: blockSize, p: parallelism, maxmem })
}

function check (parameters: ScryptParameters, salt: Buffer, tag: Buffer): Check | null {
  if (!isAffordable(parameters)) return null
  return async (password) => equal(await deriveScrypt(password, salt, tag.length, parameters), tag)
}
