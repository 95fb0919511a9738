import { randomBytes } from 'node:crypto'
import t from 'tap'
import { createVault } from '../../../plugins/secrets/vault.ts'

const secret = randomBytes(32).toString('base64url')
const plain = Buffer.from('-----BEGIN PRIVATE KEY-----\u0000é')

t.test('opens what it sealed, after a restart too', async (t) => {
  const sealed = createVault(secret).seal('signing-key', 'kid-1', plain)
  t.same(createVault(secret).open('signing-key', 'kid-1', sealed), plain)
  t.same(createVault(secret).open('x', '', createVault(secret).seal('x', '', Buffer.alloc(0))), Buffer.alloc(0), 'nothing too')
})

t.test('seals the same differently each time, and shows none of it', async (t) => {
  const vault = createVault(secret)
  const texts = Array.from({ length: 100 }, () => vault.seal('signing-key', 'kid-1', plain))
  t.equal(new Set(texts).size, 100)
  for (const text of texts) {
    t.match(text, /^v1\.[\w-]+$/)
    t.equal(Buffer.from(text.slice(3), 'base64url').indexOf('PRIVATE'), -1)
  }
})

t.test('opens what a former secret sealed, seals under the new one, and tells them apart', async (t) => {
  const before = createVault(secret)
  const after = createVault(`${secret} changed`, secret)
  const [old, current] = [before.seal('x', 'y', plain), after.seal('x', 'y', plain)]
  for (const sealed of [old, current]) t.same(after.open('x', 'y', sealed), plain)
  t.same([old, current].map((sealed) => after.isCurrent('x', 'y', sealed)), [false, true])
  t.throws(() => before.open('x', 'y', current))
  t.equal(before.isCurrent('x', 'y', current), false)
  t.not(after.mac('x', plain).toString('hex'), before.mac('x', plain).toString('hex'))
  t.throws(() => createVault(`${secret} changed again`, `${secret} changed`).open('x', 'y', old), 'only the one before')
})

t.test('opens nothing for another secret, purpose or context', async (t) => {
  const sealed = createVault(secret).seal('signing-key', 'kid-1', plain)
  t.throws(() => createVault(`${secret}x`).open('signing-key', 'kid-1', sealed))
  t.throws(() => createVault(secret).open('other', 'kid-1', sealed))
  t.throws(() => createVault(secret).open('signing-key', 'kid-2', sealed))
})

t.test('opens nothing that was changed', async (t) => {
  const vault = createVault(secret)
  const sealed = vault.seal('signing-key', 'kid-1', plain)
  const bytes = Buffer.from(sealed.slice(3), 'base64url')
  for (const index of bytes.keys()) {
    const changed = Buffer.from(bytes)
    changed[index] = (changed[index] as number) ^ 1
    t.throws(() => vault.open('signing-key', 'kid-1', `v1.${changed.toString('base64url')}`), `byte ${index}`)
  }
  for (const text of ['', 'v1', 'v1.', `v2${sealed.slice(2)}`, sealed.slice(3), `v1.${bytes.subarray(0, 27).toString('base64url')}`, `v1.${bytes.subarray(0, -1).toString('base64url')}`, `v1.${Buffer.concat([bytes, Buffer.alloc(1)]).toString('base64url')}`]) {
    t.throws(() => vault.open('signing-key', 'kid-1', text), text.slice(0, 8))
  }
})

t.test('derives from the same data the same 32 bytes, and others for another purpose or secret', async (t) => {
  const mac = (key: string, purpose: string, data: string) => createVault(key).mac(purpose, Buffer.from(data))
  const first = mac(secret, 'refresh-token', 'data')
  t.equal(first.length, 32)
  t.same(mac(secret, 'refresh-token', 'data'), first)
  const vault = createVault(secret)
  t.same([1, 2].map(() => vault.mac('refresh-token', Buffer.from('data'))), [first, first], 'also from one vault')
  const others = [mac(secret, 'other', 'data'), mac(secret, 'refresh-token', 'datb'), mac(`${secret}x`, 'refresh-token', 'data')]
  t.equal(new Set([first, ...others].map((bytes) => bytes.toString('hex'))).size, 4)
})
