import t from 'tap'
import { isAffordable, readArgon2Digest } from '../../../plugins/passwords/argon2-digest.ts'

const salt = 'c29tZSBzYWx0IGhlcmUhIQ'
const tag = 'MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE'

t.test('reads what a PHC string says, in any order', async (t) => {
  const found = { type: 'argon2id', version: 19, memory: 19_456, passes: 2, lanes: 1, keyId: null, saltLength: 22, tagLength: 43 }
  t.strictSame(readArgon2Digest(`$argon2id$v=19$m=19456,t=2,p=1$${salt}$${tag}`), found)
  t.strictSame(readArgon2Digest(`$argon2id$v=19$p=1,t=2,m=19456$${salt}$${tag}`), found)
  t.strictSame(readArgon2Digest(`$argon2id$v=19$m=19456,t=2,p=1,keyid=Ab3/+xyz$${salt}$${tag}`), { ...found, keyId: 'Ab3/+xyz' })
  t.strictSame(readArgon2Digest(`$argon2d$m=19456,t=2,p=1$${salt}$${tag}`), { ...found, type: 'argon2d', version: 16 })
  t.strictSame(readArgon2Digest(`$argon2i$v=16$m=19456,t=2,p=1$${salt}$${tag}`), { ...found, type: 'argon2i', version: 16 })
})

t.test('reads nothing else', async (t) => {
  for (const parameters of ['m=19456,t=2', 'm=19456,m=2,p=1', 'm=19456,t=2,p=1,keyid=', 'm=19456,t=2,p=1,keyid=short', 'm=19456,t=2,p=1,keyid=waytoolong', 'm=19456,t=2,p=1,keyid=no_url-s', 'keyid=Ab3/+xyz,m=19456,t=2,p=1', 'm=19456,t=2,p=1,data=AAAA']) {
    t.equal(readArgon2Digest(`$argon2id$v=19$${parameters}$${salt}$${tag}`), null, parameters)
  }
  for (const head of ['$argon2', '$argon2dd', '$argon2id$v=17', '$argon2id$v=', 'argon2id$v=19']) t.equal(readArgon2Digest(`${head}$m=19456,t=2,p=1$${salt}$${tag}`), null, head)
})

t.test('tells what the bounds allow', async (t) => {
  const cases: Array<[parameters: string, expected: boolean]> = [
    ['m=262144,t=10,p=4', true], ['m=262145,t=10,p=4', false], ['m=262144,t=11,p=4', false], ['m=262144,t=10,p=5', false], ['m=8,t=1,p=1', true], ['m=7,t=1,p=1', false], ['m=31,t=1,p=4', false], ['m=8,t=0,p=1', false], ['m=8,t=1,p=0', false]
  ]
  for (const [parameters, expected] of cases) {
    const found = readArgon2Digest(`$argon2id$v=19$${parameters}$${salt}$${tag}`)
    t.equal(found !== null && isAffordable(found), expected, parameters)
  }
})
