import { createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto'
import { calculateJwkThumbprint } from 'jose'
import t from 'tap'
import { type Algorithm, generateKey, type Jwk, publishedKey, restoreKey, type SigningKey } from '../../../plugins/keys/signing-key.ts'

const algorithms: Algorithm[] = ['ES256', 'RS256', 'EdDSA']

/** RFC 7638, section 3.1: an RSA key of 2048 bits and its thumbprint. */
const rfc7638 = {
  kty: 'RSA',
  e: 'AQAB',
  n: '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw'
}
const rfc7638Thumbprint = 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs'

/** RFC 8037, appendices A.2 and A.3. */
const rfc8037 = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' }
const rfc8037Thumbprint = 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k'

function jwkOf (key: KeyObject, alg: string, kid = ''): Jwk {
  return { ...key.export({ format: 'jwk' }) as Record<string, string>, use: 'sig', alg, kid } as Jwk
}

function pem (key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }) as string
}

async function stored (alg: Algorithm, changes: Partial<SigningKey> = {}): Promise<Omit<SigningKey, 'publicPem'>> {
  const { publicPem: _derived, ...key } = await generateKey(alg)
  return { ...key, createdAt: 1, signsFrom: 2, ...changes }
}

/** Throws where the work succeeds; else what it said. */
function refusal (work: () => unknown): string {
  try {
    work()
  } catch (error) {
    return String((error as Error).message)
  }
  throw new Error('it was accepted')
}

for (const alg of algorithms) {
  t.test(`makes ${alg} keys that sign, restore and publish as the same`, async (t) => {
    const made = await stored(alg)
    const restored = restoreKey(made)
    const data = Buffer.from('data')
    const hash = alg === 'EdDSA' ? null : 'sha256'
    t.ok(verify(hash, data, restored.publicPem, sign(hash, data, restored.privatePem as string)))
    t.match(restored, { kid: made.kid, alg, publicJwk: { kid: made.kid, alg, use: 'sig' }, createdAt: 1, signsFrom: 2 })
    t.match(made.kid, /^[A-Za-z0-9][\w-]{42}$/, 'never an option of a command')
    t.strictSame(publishedKey(made.publicJwk), { kid: made.kid, alg, publicPem: restored.publicPem })
    t.equal(restoreKey({ ...made, privatePem: null }).privatePem, null, 'a retired one without its private part')
    t.notMatch(JSON.stringify(made.publicJwk), /"(d|p|q|dp|dq|qi)":/, 'public members alone')
    t.equal(await calculateJwkThumbprint(made.publicJwk), made.kid, 'as another library says')
  })
}

t.test('makes RSA keys of 3072 bits', async (t) => {
  const { publicPem } = await generateKey('RS256')
  t.match(createPublicKey(publicPem).asymmetricKeyDetails, { modulusLength: 3072, publicExponent: 65_537n })
})

t.test('makes another key where the id would begin like an option', async (t) => {
  const ids = await Promise.all(Array.from({ length: 200 }, async () => (await generateKey('EdDSA')).kid))
  t.equal(ids.filter((kid) => /^[-_]/.test(kid)).length, 0)
})

t.test('names keys as the examples of the RFCs do', async (t) => {
  t.equal(publishedKey({ ...rfc8037, use: 'sig', alg: 'EdDSA', kid: rfc8037Thumbprint }).kid, rfc8037Thumbprint)
  t.equal(await calculateJwkThumbprint(rfc7638), rfc7638Thumbprint, 'the other library too')
  t.equal(refusal(() => publishedKey({ ...rfc7638, use: 'sig', alg: 'RS256', kid: rfc7638Thumbprint })), 'it is too weak or of another kind than its algorithm', 'that example has 2048 bits')
})

t.test('refuses a published key that is not what it says', async (t) => {
  const { publicJwk } = await generateKey('ES256')
  const { publicJwk: other } = await generateKey('ES256')
  t.equal(refusal(() => publishedKey({ ...publicJwk, kid: other.kid })), 'its id is not its thumbprint')
  for (const alg of ['RS256', 'EdDSA', 'ES384', 'HS256', 'none', '', undefined, '__proto__', ['ES256']]) {
    t.equal(refusal(() => publishedKey({ ...publicJwk, alg: alg as Algorithm })), 'it is too weak or of another kind than its algorithm', `${alg}`)
  }
  t.ok(refusal(() => publishedKey({ ...publicJwk, y: other.y as string })), 'not on the curve')
  t.ok(refusal(() => publishedKey({ kty: 'oct', k: 'AAAA', use: 'sig', alg: 'ES256', kid: 'x' } as unknown as Jwk)))
})

const weak: Array<[what: string, alg: Algorithm, make: () => { publicKey: KeyObject, privateKey: KeyObject }]> = [
  ['RSA of 1024 bits', 'RS256', () => generateKeyPairSync('rsa', { modulusLength: 1024 })],
  ['RSA of 2048 bits', 'RS256', () => generateKeyPairSync('rsa', { modulusLength: 2048 })],
  ['RSA of 3071 bits', 'RS256', () => generateKeyPairSync('rsa', { modulusLength: 3071 })],
  ['RSA with exponent 3', 'RS256', () => generateKeyPairSync('rsa', { modulusLength: 3072, publicExponent: 3 })],
  ['P-192', 'ES256', () => generateKeyPairSync('ec', { namedCurve: 'prime192v1' })],
  ['P-384', 'ES256', () => generateKeyPairSync('ec', { namedCurve: 'P-384' })],
  ['secp256k1', 'ES256', () => generateKeyPairSync('ec', { namedCurve: 'secp256k1' })],
  ['Ed448', 'EdDSA', () => generateKeyPairSync('ed448')],
  ['X25519', 'EdDSA', () => generateKeyPairSync('x25519')]
]

t.test('refuses weak keys and those of other kinds, and quotes nothing of them', async (t) => {
  for (const [what, alg, make] of weak) {
    const { publicKey, privateKey } = make()
    const key = await stored(alg, { privatePem: pem(privateKey) })
    const jwk = exported(publicKey, alg)
    // Under its own thumbprint, so that nothing is wrong with it but what it is.
    const kid = jwk === null ? key.kid : await calculateJwkThumbprint(jwk)
    const said = refusal(() => restoreKey(jwk === null ? key : { ...key, kid, publicJwk: { ...jwk, kid } }))
    t.equal(said, jwk === null ? 'its private part belongs to another key' : 'it is too weak or of another kind than its algorithm', what)
    t.notOk(quotes(said, pem(privateKey)), `${what}: ${said}`)
  }
})

/** Null where JWK has no form for that key. */
function exported (key: KeyObject, alg: Algorithm): Jwk | null {
  try {
    return jwkOf(key, alg)
  } catch {
    return null
  }
}

function quotes (text: string, material: string): boolean {
  return material.split('\n').filter((line) => line.length > 8 && !line.startsWith('-----')).some((line) => text.includes(line.slice(0, 16)))
}

t.test('refuses a private part that does not belong to the key, or is none', async (t) => {
  const key = await stored('ES256')
  const other = await generateKey('ES256')
  const ed = await generateKey('EdDSA')
  const whole = key.privatePem as string
  t.equal(refusal(() => restoreKey({ ...key, privatePem: other.privatePem })), 'its private part belongs to another key')
  t.equal(refusal(() => restoreKey({ ...key, privatePem: ed.privatePem })), 'its private part belongs to another key')
  for (const [what, privatePem] of [
    ['a public key', createPublicKey(whole).export({ type: 'spki', format: 'pem' }) as string],
    ['rubbish', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'],
    ['half of it', whole.slice(0, 100)],
    ['nothing', '']
  ] as const) {
    const said = refusal(() => restoreKey({ ...key, privatePem }))
    t.notOk(quotes(said, whole), what)
  }
  t.equal(refusal(() => restoreKey({ ...key, kid: other.kid })), 'its id is not its thumbprint')
})
