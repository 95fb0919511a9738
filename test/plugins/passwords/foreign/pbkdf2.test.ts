import t from 'tap'
import { checkPbkdf2, readPbkdf2 } from '../../../../plugins/passwords/foreign/pbkdf2.ts'
import { readsItsForm } from '../../../support/foreign-reader.ts'

readsItsForm('pbkdf2', readPbkdf2)

t.test('goes up to two million iterations, over all blocks of the tag', async (t) => {
  const salt = Buffer.from('salt')
  const derivation = (hash: 'sha1' | 'sha256' | 'sha512', iterations: number, length: number) => checkPbkdf2({ hash, iterations, salt, tag: Buffer.alloc(length) })
  for (const [hash, length] of [['sha1', 20], ['sha256', 32], ['sha512', 64]] as const) {
    t.type(derivation(hash, 2_000_000, length), 'function', hash)
    t.equal(derivation(hash, 2_000_001, length), null, hash)
    t.equal(derivation(hash, 1_000_001, length + 1), null, `${hash}, two blocks`)
    t.equal(derivation(hash, 0, length), null, hash)
  }
  t.type(readPbkdf2(`pbkdf2_sha256$2000000$seasalt2$${Buffer.alloc(32).toString('base64')}`), 'function')
})

t.test('makes the vectors of RFC 6070', async (t) => {
  const check = (iterations: number, tag: string) => checkPbkdf2({ hash: 'sha1', iterations, salt: Buffer.from('salt'), tag: Buffer.from(tag, 'hex') })?.(Buffer.from('password'))
  t.equal(await check(1, '0c60c80f961f0e71f3a9b524af6012062fe037a6'), true)
  t.equal(await check(4096, '4b007901b765489abead49d926f721d065a429c1'), true)
  t.equal(await check(4097, '4b007901b765489abead49d926f721d065a429c1'), false)
})
