import { createVerify } from 'node:crypto'
import t from 'tap'
import { digestOf, type Entry, isSignedBy, signHead } from '../../../plugins/audit-chain/link.ts'
import { type Algorithm, generateKey } from '../../../plugins/keys/signing-key.ts'
import type { AbleKey } from '../../../plugins/keys.ts'

const entry: Entry = { id: 'i', at: 1, event: 'user_created', userId: 'u', actor: 'a', ip: '192.0.2.1', requestId: 'r', detail: '{}' }
const keyFor = async (alg: Algorithm) => ({ ...await generateKey(alg), createdAt: 0, signsFrom: 0 }) as AbleKey
const position = { kind: 'head', place: 7, digest: 'digest', signedAt: 8 } as const

t.test('makes a digest that depends on all of the entry, its place and what is before', async (t) => {
  const digest = digestOf(entry, 2, 'before')
  t.match(digest, /^[\w-]{43}$/)
  t.equal(digestOf({ ...entry }, 2, 'before'), digest)
  const others = [
    ...Object.keys(entry).map((member) => digestOf({ ...entry, [member]: member === 'at' ? 2 : 'other' }, 2, 'before')),
    ...['userId', 'actor', 'ip', 'requestId', 'detail'].map((member) => digestOf({ ...entry, [member]: null }, 2, 'before')),
    digestOf(entry, 3, 'before'), digestOf(entry, 2, ''), digestOf({ ...entry, userId: 'a', actor: 'u' }, 2, 'before')
  ]
  t.equal(new Set([digest, ...others]).size, others.length + 1)
})

for (const alg of ['ES256', 'RS256', 'EdDSA'] as const) {
  t.test(`signs a head with ${alg}`, async (t) => {
    const [key, other] = [await keyFor(alg), await keyFor(alg)]
    const head = signHead(position, key)
    t.match(head, { ...position, kid: key.kid })
    t.ok(isSignedBy(head, key))
    t.notOk(isSignedBy(head, other))
    for (const change of [{ kind: 'start' as const }, { place: 8 }, { digest: 'other' }, { signedAt: 9 }, { signature: '' }, { signature: 'AAAA' }]) t.notOk(isSignedBy({ ...head, ...change }, key), JSON.stringify(change))
  })
}

t.test('signs what any tool can check, and no token could be', async (t) => {
  const key = await keyFor('ES256')
  const { signature } = signHead(position, key)
  t.ok(createVerify('sha256').update('gatehouse audit head\n7\ndigest\n8\n').verify(key.publicPem, signature, 'base64url'))
})
