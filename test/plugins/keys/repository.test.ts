import { generateKeyPairSync } from 'node:crypto'
import t, { type Test } from 'tap'
import { createKeyRepository, openKey, type StoredKey } from '../../../plugins/keys/repository.ts'
import { generateKey } from '../../../plugins/keys/signing-key.ts'
import { createVault } from '../../../plugins/secrets/vault.ts'
import { build } from '../../support/build.ts'

const vault = createVault('a secret for the tests of stored keys')
const other = createVault('another secret for tests of stored keys')

/** The repository of an app's database, emptied, under `vault`. */
async function setUp (t: Test, secrets = vault) {
  const { database } = await build(t)
  const repository = createKeyRepository(database.queries, secrets)
  for (const { kid } of await repository.list()) await repository.remove(kid)
  return { repository, under: (secrets: typeof vault) => createKeyRepository(database.queries, secrets) }
}

async function newKey (createdAt: number, signsFrom: number) {
  return { ...await generateKey('ES256'), createdAt, signsFrom }
}

function refusal (stored: StoredKey, secrets = vault): string {
  try {
    openKey(stored, secrets)
  } catch (error) {
    return (error as Error).message
  }
  throw new Error('it was opened')
}

t.test('keeps a key sealed, and opens it as it was', async (t) => {
  const { repository } = await setUp(t)
  const key = await newKey(1, 2)
  await repository.add(key)
  const [stored] = await repository.list() as [StoredKey]
  t.notMatch(JSON.stringify(stored), /PRIVATE|BEGIN|"d"/)
  t.strictSame(openKey(stored, vault), key)
})

t.test('lists keys in the order in which they sign, then in which they were made', async (t) => {
  const { repository } = await setUp(t)
  const [late, early, first, second] = [await newKey(1, 30), await newKey(2, 10), await newKey(3, 20), await newKey(4, 20)]
  for (const key of [second, late, first, early]) await repository.add(key)
  t.strictSame((await repository.list()).map(({ kid }) => kid), [early, first, second, late].map(({ kid }) => kid))
})

t.test('moves, erases and removes one key alone', async (t) => {
  const { repository } = await setUp(t)
  const [one, two] = [await newKey(1, 10), await newKey(2, 20)]
  for (const key of [one, two]) await repository.add(key)
  await repository.move(two.kid, 5)
  await repository.erase(one.kid)
  const [moved, erased] = (await repository.list()).map((stored) => openKey(stored, vault))
  t.strictSame(moved, { ...two, signsFrom: 5 })
  t.strictSame(erased, { ...one, privatePem: null })
  await repository.remove(two.kid)
  t.strictSame((await repository.list()).map(({ kid }) => kid), [one.kid])
})

t.test('keeps a key without a private part as it is', async (t) => {
  const { repository } = await setUp(t)
  const key = { ...await newKey(1, 10), privatePem: null }
  await repository.add(key)
  const [stored] = await repository.list() as [StoredKey]
  await repository.reseal(stored)
  t.strictSame(await repository.list(), [stored])
  t.strictSame(openKey(stored, other), key, 'whatever the secret')
})

t.test('seals anew what a former secret sealed, and nothing else', async (t) => {
  const { repository, under } = await setUp(t, other)
  const key = await newKey(1, 10)
  await repository.add(key)
  const [before] = await repository.list() as [StoredKey]
  await repository.reseal(before)
  t.strictSame(await repository.list(), [before], 'the secret is the same')

  const both = createVault('a secret for the tests of stored keys', 'another secret for tests of stored keys')
  await under(both).reseal(before)
  const [after] = await repository.list() as [StoredKey]
  t.not(after.private_key, before.private_key)
  t.strictSame(openKey(after, vault), key)
  t.match(refusal(after, other), /^SECRET_KEY is not the one/)
})

t.test('says in one line that the secret is another one', async (t) => {
  const { repository, under } = await setUp(t)
  await repository.add(await newKey(1, 10))
  const [stored] = await repository.list() as [StoredKey]
  const line = /^SECRET_KEY is not the one [^\n]* keys reset --yes"$/
  t.match(refusal(stored, other), line)
  t.match(refusal({ ...stored, private_key: `${stored.private_key}x` }), line, 'or that the text was changed')
  t.match(refusal({ ...stored, private_key: '' }), line)
  await t.rejects(under(other).reseal(stored), { message: line })
})

t.test('opens no key under another key\'s id', async (t) => {
  const { repository } = await setUp(t)
  for (const time of [1, 2]) await repository.add(await newKey(time, time))
  const [one, two] = await repository.list() as [StoredKey, StoredKey]
  t.match(refusal({ ...one, private_key: two.private_key }), /^SECRET_KEY/)
  t.equal(refusal({ ...one, kid: two.kid, private_key: null }), `The signing key ${two.kid} in the database cannot be used: its id is not its thumbprint`)
})

t.test('quotes nothing of a stored key that cannot be used', async (t) => {
  const { repository } = await setUp(t)
  const key = await newKey(1, 10)
  await repository.add(key)
  const [stored] = await repository.list() as [StoredKey]
  const cannot = `The signing key ${stored.kid} in the database cannot be used:`
  const sealed = (text: string) => vault.seal('signing-key', stored.kid, Buffer.from(text))
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'jwk' })
  for (const [what, changes, reason] of [
    ['no JSON', { public_jwk: '{"x":"secret' }, 'it is malformed'],
    ['null', { public_jwk: 'null' }, 'it is malformed'],
    ['no key', { public_jwk: '{"kty":"EC","secret":1}' }, 'it is malformed'],
    ['another curve', { public_jwk: JSON.stringify(p384) }, 'it is too weak or of another kind than its algorithm'],
    ['another algorithm', { alg: 'EdDSA' }, 'it is too weak or of another kind than its algorithm'],
    ['an unknown algorithm', { alg: 'none' }, 'it is too weak or of another kind than its algorithm'],
    ['no private key', { private_key: sealed('secret') }, 'it is malformed'],
    ['half a private key', { private_key: sealed((key.privatePem as string).slice(0, 120)) }, 'it is malformed'],
    ['another private key', { private_key: sealed((await generateKey('ES256')).privatePem as string) }, 'its private part belongs to another key']
  ] as const) t.equal(refusal({ ...stored, ...changes }), `${cannot} ${reason}`, what)
})
