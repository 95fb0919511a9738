import { pbkdf2 } from 'node:crypto'
import { promisify } from 'node:util'
import { type Check, equal, type Reader } from './digest.ts'

/** Bytes that each hash function gives, which is what one pass over the iterations costs. */
const hashBytes = { sha1: 20, sha256: 32, sha512: 64 }

export type Hash = keyof typeof hashBytes

interface Derivation {
  hash: Hash
  iterations: number
  salt: Buffer
  tag: Buffer
}

/** All blocks of the tag together: about a second. Django counts to 1,500,000 so far. */
const mostIterations = 2_000_000

const derive = promisify(pbkdf2)

/** What Django writes: the salt is text. */
const django = /^pbkdf2_(sha1|sha256|sha512)\$(\d{1,7})\$([^$]{1,128})\$([A-Za-z0-9+/]{27,86}={0,2})$/
/** What Werkzeug, and Flask with it, writes: the salt is text. */
const werkzeug = /^pbkdf2:(sha1|sha256|sha512):(\d{1,7})\$([^$]{1,128})\$([0-9a-f]{40,128})$/
/** What passlib writes: base64 with a dot for the plus, and no name for SHA-1. */
const passlib = /^\$pbkdf2(?:-(sha256|sha512))?\$(\d{1,7})\$([./A-Za-z0-9]{0,171})\$([./A-Za-z0-9]{27,86})$/

export const readPbkdf2: Reader = (digest) => {
  const derivation = readDjango(digest) ?? readWerkzeug(digest) ?? readPasslib(digest)
  return derivation === null || derivation.tag.length !== hashBytes[derivation.hash] ? null : checkPbkdf2(derivation)
}

/** PBKDF2 with HMAC (RFC 8018, section 5.2). Null where the iterations are none or too many. */
export function checkPbkdf2 ({ hash, iterations, salt, tag }: Derivation): Check | null {
  const blocks = Math.ceil(tag.length / hashBytes[hash])
  if (iterations < 1 || iterations * blocks > mostIterations) return null
  return async (password) => equal(await derive(password, salt, iterations, tag.length, hash), tag)
}

function readDjango (digest: string): Derivation | null {
  const [, hash, iterations, salt = '', tag = ''] = django.exec(digest) ?? []
  return tag === '' ? null : { hash: hash as Hash, iterations: Number(iterations), salt: Buffer.from(salt), tag: Buffer.from(tag, 'base64') }
}

function readWerkzeug (digest: string): Derivation | null {
  const [, hash, iterations, salt = '', tag = ''] = werkzeug.exec(digest) ?? []
  return tag === '' ? null : { hash: hash as Hash, iterations: Number(iterations), salt: Buffer.from(salt), tag: Buffer.from(tag, 'hex') }
}

function readPasslib (digest: string): Derivation | null {
  const [, hash = 'sha1', iterations, salt = '', tag = ''] = passlib.exec(digest) ?? []
  return tag === '' ? null : { hash: hash as Hash, iterations: Number(iterations), salt: undot(salt), tag: undot(tag) }
}

function undot (text: string): Buffer {
  return Buffer.from(text.replaceAll('.', '+'), 'base64')
}
