import { randomBytes, randomUUIDv7 } from 'node:crypto'
import t from 'tap'
import { createVault } from '../../../plugins/secrets/vault.ts'
import { createRefreshTokens } from '../../../plugins/sessions/refresh-token.ts'

const secret = randomBytes(32).toString('base64url')
const sessionId = '019aaf3e-7c1c-7c3e-9a53-0d2f6c1b2a3d'

t.test('is opaque: a fixed tag and 70 characters', async (t) => {
  const token = createRefreshTokens(createVault(secret)).make(sessionId, 0)
  t.match(token, /^gr1_[\w-]{70}$/)
})

t.test('is the same for the same session, counter and secret, and another for another', async (t) => {
  const make = (key: string, id: string, counter: number) => createRefreshTokens(createVault(key)).make(id, counter)
  const token = make(secret, sessionId, 7)
  t.equal(make(secret, sessionId, 7), token)
  const others = [make(secret, sessionId, 8), make(secret, randomUUIDv7(), 7), make(randomBytes(32).toString('base64url'), sessionId, 7)]
  t.equal(new Set([token, ...others].map((text) => text.slice(0, 40))).size, 4, 'they differ in the part that only the secret makes')
})

t.test('says which session and counter it is of, behind the proof', async (t) => {
  const bytes = Buffer.from(createRefreshTokens(createVault(secret)).make(sessionId, 0xfffffffe).slice(4), 'base64url')
  t.equal(bytes.length, 52)
  t.equal(bytes.subarray(32, 48).toString('hex'), sessionId.replaceAll('-', ''))
  t.equal(bytes.readUInt32BE(48), 0xfffffffe)
})

t.test('shares no prefix but the tag with any other of ten thousand', async (t) => {
  const tokens = createRefreshTokens(createVault(secret))
  const made = Array.from({ length: 10_000 }, (_, index) => tokens.make(randomUUIDv7(), index % 3))
  t.equal(new Set(made.map((token) => token.slice(0, 20))).size, made.length)
  t.ok(new Set(made.map((token) => token.slice(4, 6))).size > 3000, 'any first characters')
})
