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

t.test('reads back what it made, and nothing else', async (t) => {
  const tokens = createRefreshTokens(createVault(secret))
  const token = tokens.make(sessionId, 7)
  t.strictSame(tokens.read(token), { sessionId, counter: 7 })
  const bytes = Buffer.from(token.slice(4), 'base64url')
  for (const index of bytes.keys()) {
    const changed = Buffer.from(bytes)
    changed[index] = (changed[index] as number) ^ 1
    t.equal(tokens.read(`gr1_${changed.toString('base64url')}`), null, `byte ${index}`)
  }
  const spare = `${token.slice(0, -1)}${String.fromCharCode(token.charCodeAt(token.length - 1) + 1)}`
  const others = [
    '', 'x', token.slice(0, -1), `${token}x`, `gr2_${token.slice(4)}`, token.slice(4), ` ${token.slice(1)}`, token.toUpperCase(), `gr1_${'-'.repeat(70)}`, `gr1_${'!'.repeat(70)}`,
    `gr1_${'é'.repeat(70)}`, `gr1_${bytes.toString('base64')}`, spare, createRefreshTokens(createVault(randomBytes(32).toString('base64url'))).make(sessionId, 7)
  ]
  for (const text of others) t.equal(tokens.read(text), null, text)
})

t.test('reads what a former secret made, and makes under the new one', async (t) => {
  const before = createRefreshTokens(createVault(secret))
  const after = createRefreshTokens(createVault(`${secret} changed`, secret))
  t.strictSame(after.read(before.make(sessionId, 1)), { sessionId, counter: 1 })
  t.strictSame(after.read(after.make(sessionId, 1)), { sessionId, counter: 1 })
  t.not(after.make(sessionId, 1), before.make(sessionId, 1))
  t.equal(before.read(after.make(sessionId, 1)), null)
})
