import { readFileSync } from 'node:fs'
import t from 'tap'
import { readBlocklist, writeBlocklist } from '../../../plugins/passwords/blocklist.ts'

const texts = ['password', 'dragon', 'пароль', '']
const kept = readFileSync(new URL('../../../plugins/passwords/blocklist.bin', import.meta.url))

t.test('finds what was written and nothing else', async (t) => {
  const blocklist = readBlocklist(writeBlocklist(texts))
  t.equal(blocklist.size, texts.length)
  for (const text of texts) t.ok(blocklist.has(text), text)
  for (const text of ['passwore', 'Password', 'password ', 'drago', 'п']) t.notOk(blocklist.has(text), text)
  t.notOk(readBlocklist(writeBlocklist([])).has(''))
})

t.test('is the same for the same texts, in any order and however often each', async (t) => {
  t.ok(writeBlocklist([...texts.toReversed(), 'dragon']).equals(writeBlocklist(texts)))
  t.notOk(writeBlocklist([...texts, 'dragons']).equals(writeBlocklist(texts)))
})

t.test('is not read where a byte is missing, added or changed', async (t) => {
  const bytes = writeBlocklist(texts)
  const damaged = { message: /^the list of common passwords, \S+, is damaged: install this version anew$/ }
  const changed = (at: number) => Buffer.concat([bytes.subarray(0, at), Buffer.from([bytes.readUInt8(at) ^ 1]), bytes.subarray(at + 1)])
  for (const length of [0, 1, 31, 32, 33, bytes.length - 33, bytes.length - 1]) t.throws(() => readBlocklist(bytes.subarray(0, length)), damaged, `${length} bytes`)
  for (const at of [0, 40_000, 65_540, bytes.length - 1]) t.throws(() => readBlocklist(changed(at)), damaged, `byte ${at}`)
  t.throws(() => readBlocklist(Buffer.concat([bytes, Buffer.from([0])])), damaged)
})

t.test('takes at most one text in a million for one that is listed', async (t) => {
  const blocklist = readBlocklist(kept)
  let found = 0
  for (let index = 0; index < 1_000_000; index++) if (blocklist.has(`nobody's ${index}`)) found++
  t.ok(found <= 1, `${found}`)
})
