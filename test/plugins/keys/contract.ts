import type { Test } from 'tap'
import type { Queries } from '../../../plugins/database.ts'
import { createKeyRepository, openKey, type StoredKey } from '../../../plugins/keys/repository.ts'
import { generateKey } from '../../../plugins/keys/signing-key.ts'
import { createVault } from '../../../plugins/secrets/vault.ts'

export const vault = createVault('a secret for the tests of stored keys')
export const other = createVault('another secret for tests of stored keys')

export async function newKey (createdAt: number, signsFrom: number) {
  return { ...await generateKey('ES256'), createdAt, signsFrom }
}

/** What a stored key is refused with. */
export function refusal (stored: StoredKey, secrets = vault): string {
  try {
    openKey(stored, secrets)
  } catch (error) {
    return (error as Error).message
  }
  throw new Error('it was opened')
}

/** What the key repository promises, whatever database it is on. `open` gives a new empty one. */
export function keysContract (t: Test, open: (t: Test) => Promise<Queries>): void {
  async function setUp (t: Test, secrets = vault) {
    const queries = await open(t)
    return { repository: createKeyRepository(queries, secrets), under: (secrets: typeof vault) => createKeyRepository(queries, secrets) }
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
}
