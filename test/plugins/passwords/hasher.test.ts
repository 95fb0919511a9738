import { randomBytes } from 'node:crypto'
import { hash as argon2, argon2id } from 'argon2'
import t from 'tap'
import { createHasher } from '../../../plugins/passwords/hasher.ts'
import { vectors } from '../../support/foreign-digests.ts'

const hasher = createHasher({ memory: 19_456, passes: 2 })
const salt = 'c29tZSBzYWx0IGhlcmUhIQ'
const tag = 'MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE'

function digest (parameters: string, { type = 'argon2id', version = 19, salt: otherSalt = salt, tag: otherTag = tag } = {}) {
  return `$${type}$v=${version}$${parameters}$${otherSalt}$${otherTag}`
}

t.test('makes argon2id digests as PHC strings with the configured parameters', async (t) => {
  const made = await hasher.hash('correct horse')
  t.match(made, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  t.match(await createHasher({ memory: 20_000, passes: 3 }).hash('x'), /^\$argon2id\$v=19\$m=20000,t=3,p=1\$/)
  t.not(await hasher.hash('correct horse'), made, 'with a salt of its own each')
})

t.test('knows the password of a digest, to the byte', async (t) => {
  const made = await hasher.hash(' Correct horse ')
  t.equal(await hasher.verify(made, ' Correct horse '), true)
  for (const other of ['Correct horse', ' correct horse ', ' Correct horse', ' Correct horse \0', '', ' Correct horse  ']) t.equal(await hasher.verify(made, other), false, other)
})

t.test('reads all of a long password', async (t) => {
  const long = 'a'.repeat(72)
  const made = await hasher.hash(`${long}X`)
  t.equal(await hasher.verify(made, `${long}X`), true)
  t.equal(await hasher.verify(made, `${long}Y`), false)
  t.equal(await hasher.verify(await hasher.hash('🐴'.repeat(128)), '🐴'.repeat(128)), true)
})

t.test('takes composed and decomposed characters for the same, and compatible ones for others', async (t) => {
  const made = await hasher.hash('caf\u00e9 \u1e9b\u0323')
  t.equal(await hasher.verify(made, 'cafe\u0301 \u1e9b\u0323'), true)
  t.equal(await hasher.verify(await hasher.hash('cafe\u0301'), 'caf\u00e9'), true)
  t.equal(await hasher.verify(await hasher.hash('ﬁle'), 'file'), false)
})

t.test('verifies what other libraries made within the bounds', async (t) => {
  const foreign = await argon2('secret words', { type: argon2id, memoryCost: 1024, timeCost: 3, parallelism: 4, hashLength: 16, salt: Buffer.alloc(8, 7) })
  const [head, pairs = '', ...rest] = foreign.split('$').slice(2)
  const { m, t: passes, p } = Object.fromEntries(pairs.split(',').map((pair) => pair.split('='))) as Record<string, string>
  for (const order of [`m=${m},t=${passes},p=${p}`, `m=${m},p=${p},t=${passes}`, `p=${p},t=${passes},m=${m}`]) {
    const text = ['', 'argon2id', head, order, ...rest].join('$')
    t.equal(hasher.canVerify(text), true, order)
    t.equal(await hasher.verify(text, 'secret words'), true)
    t.equal(await hasher.verify(text, 'other words'), false)
  }
})

t.test('reads no digest that is malformed, of another kind, or would cost too much', async (t) => {
  const good = digest('m=19456,t=2,p=1')
  t.equal(hasher.canVerify(good), true)
  const bad = [
    '', 'x', 'hunter2', '$2b$31$GhvMmNVjRW29ulnudl.LbuAnUtN/LRfe1JsBm1Xu6LE3059z5Tr8m', '$6$salt$hash', '{SSHA}x', '5f4dcc3b5aa765d61d8327deb882cf99', '$argon2id$', good.slice(0, -30), `${good}=`, ` ${good}`, `${good}\n`, good.repeat(2),
    digest('m=19456,t=2,p=1', { type: 'argon2' }), digest('m=19456,t=2,p=1', { type: 'argon2ii' }), digest('m=19456,t=2,p=1', { version: 18 }),
    digest('m=4194304,t=2,p=1'), digest('m=262145,t=2,p=1'), digest('m=99999999999,t=2,p=1'), digest('m=19456,t=11,p=1'), digest('m=19456,t=4294967295,p=1'), digest('m=19456,t=2,p=5'), digest('m=19456,t=2,p=255'),
    digest('m=0,t=2,p=1'), digest('m=7,t=2,p=1'), digest('m=31,t=1,p=4'), digest('m=19456,t=0,p=1'), digest('m=19456,t=2,p=0'), digest('m=-1,t=2,p=1'), digest('m=1e4,t=2,p=1'),
    digest('m=19456,t=2'), digest('m=19456,m=2,p=1'), digest('t=2,t=2,p=1'), digest('m=19456,t=2,p=1,keyid=x'), digest('m=19456,t=2,x=1'),
    digest('m=19456,t=2,p=1', { salt: 'c2FsdA' }), digest('m=19456,t=2,p=1', { tag: 'dGFn' }), digest('m=19456,t=2,p=1', { salt: `${salt}!` }), digest('m=19456,t=2,p=1', { tag: 'A'.repeat(173) }), digest('m=19456,t=2,p=1', { salt: '' })
  ]
  for (const text of bad) t.equal(hasher.canVerify(text), false, text.slice(0, 60))
})

t.test('fails at nothing that it says it can verify', async (t) => {
  // A no takes a hash of today's parameters, whatever those of the digest are.
  const hasher = createHasher({ memory: 256, passes: 1 })
  const salts = Array.from({ length: 76 }, (_, index) => 'A'.repeat(index + 11))
  const tags = Array.from({ length: 151 }, (_, index) => '/'.repeat(index + 22))
  const parameters = ['m=8,t=1,p=1', 'm=32,t=1,p=4', 'm=33,t=1,p=4', 'm=0000064,t=0000001,p=0000001']
  const texts = [...salts.map((other) => digest('m=8,t=1,p=1', { salt: other })), ...tags.map((other) => digest('m=8,t=1,p=1', { tag: other })), ...parameters.map((pairs) => digest(pairs))]
  for (const text of texts) {
    t.ok(hasher.canVerify(text), text)
    t.equal(await hasher.verify(text, 'x'), false)
  }
})

t.test('takes a digest for outdated where any parameter differs from today\'s', async (t) => {
  t.equal(hasher.isOutdated(await hasher.hash('x')), false)
  t.equal(hasher.isOutdated(digest('p=1,t=2,m=19456')), false, 'order does not count')
  const others = [digest('m=19455,t=2,p=1'), digest('m=65536,t=2,p=1'), digest('m=19456,t=3,p=1'), digest('m=19456,t=2,p=2'), digest('m=19456,t=2,p=1', { salt: salt.slice(0, -2) }), digest('m=19456,t=2,p=1', { tag: tag.slice(0, -2) }), 'malformed']
  for (const text of others) t.equal(hasher.isOutdated(text), true, text.slice(0, 40))
})

t.test('verifies what other systems made, and takes it for outdated', async (t) => {
  for (const { digest, password } of Object.values(vectors).flat()) {
    t.equal(hasher.canVerify(digest), true, digest)
    t.equal(await hasher.verify(digest, password), true, digest)
    t.equal(hasher.isOutdated(digest), true, digest)
    t.equal(hasher.lacksPepper(digest), false)
  }
  t.equal(await hasher.verify(vectors.bcrypt[0]?.digest as string, 'not the password'), false)
})

t.test('says no to a digest that it cannot read, if it is asked all the same', async (t) => {
  t.equal(await hasher.verify('x', 'x'), false)
})

t.test('tries the text as it was sent where a digest may come from elsewhere, and the NFC form first', async (t) => {
  const [composed, decomposed] = ['caf\u00e9', 'cafe\u0301']
  const make = (password: string, memoryCost: number) => argon2(password, { type: argon2id, memoryCost, timeCost: 2, parallelism: 1 })
  const elsewhere = await make(decomposed, 1024)
  t.equal(await hasher.verify(elsewhere, decomposed), true)
  t.equal(await hasher.verify(elsewhere, composed), false, 'nobody can tell what else it was made of')
  for (const password of [composed, decomposed]) t.equal(await hasher.verify(await make(composed, 1024), password), true)
  t.equal(await hasher.verify(await make(decomposed, 19_456), decomposed), false, 'one of today\'s parameters is ours')
})

t.test('mixes a pepper in, and says which', async (t) => {
  const [pepper, other] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')]
  const peppered = createHasher({ memory: 19_456, passes: 2, pepper })
  const made = await peppered.hash('correct horse')
  t.match(made, /^\$argon2id\$v=19\$m=19456,t=2,p=1,keyid=[A-Za-z0-9+/]{8}\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  t.strictSame([peppered.canVerify(made), peppered.isOutdated(made), peppered.lacksPepper(made)], [true, false, false])
  t.equal(await peppered.verify(made, 'correct horse'), true)
  t.equal(await peppered.verify(made, 'wrong horse'), false)
  t.equal(await peppered.verify(await peppered.hash('cafe\u0301'), 'caf\u00e9'), true)
  for (const stranger of [hasher, createHasher({ memory: 19_456, passes: 2, pepper: other })]) {
    t.strictSame([stranger.canVerify(made), stranger.isOutdated(made), stranger.lacksPepper(made)], [false, true, true])
  }
})

t.test('moves from no pepper to one, and from one to the next', async (t) => {
  const [pepper, formerPepper] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')]
  const before = createHasher({ memory: 19_456, passes: 2, pepper: formerPepper })
  const after = createHasher({ memory: 19_456, passes: 2, pepper, formerPepper })
  for (const earlier of [hasher, before]) {
    const made = await earlier.hash('correct horse')
    t.strictSame([after.canVerify(made), after.isOutdated(made)], [true, true])
    t.equal(await after.verify(made, 'correct horse'), true)
    t.equal(await after.verify(made, 'wrong horse'), false)
  }
  t.equal(after.isOutdated(await after.hash('x')), false)
  t.equal(await after.verify(vectors.bcrypt[0]?.digest as string, vectors.bcrypt[0]?.password as string), true, 'a digest from elsewhere knows no pepper')
})
