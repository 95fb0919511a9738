import { generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createKeyRepository, type StoredKey } from '../../../plugins/keys/repository.ts'
import { generateKey } from '../../../plugins/keys/signing-key.ts'
import { openDatabase } from '../../support/database.ts'
import { openPostgresDatabase, startPostgres } from '../../support/postgres.ts'
import { temporaryFolder } from '../../support/service.ts'
import { keysContract, newKey, other, refusal, vault } from './contract.ts'

t.test('on SQLite in memory', async (t) => keysContract(t, (t) => openDatabase(t)))

t.test('on SQLite on disk', async (t) => keysContract(t, (t) => openDatabase(t, { file: join(temporaryFolder(t), 'keys.db') })))

t.test('on PostgreSQL', async (t) => {
  const server = await startPostgres(t)
  await keysContract(t, (t) => openPostgresDatabase(t, server))
})

async function setUp (t: Test) {
  const queries = await openDatabase(t)
  return { repository: createKeyRepository(queries, vault), under: (secrets: typeof vault) => createKeyRepository(queries, secrets) }
}

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
