import { generateKeyPairSync, verify } from 'node:crypto'
import t from 'tap'
import { parseStrictJsonBytes } from '../../../plugins/strict-json/parse.ts'
import { createVerifier, type Identity, type KeySource, unknownKey, type VerificationKey } from '../../../plugins/tokens/verifier.ts'
import { segment, signSegments } from '../../support/forge.ts'

const start = 1_763_939_500
const kid = 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs'
const { publicKey, privateKey } = generateKeyPairSync('ed25519')
const key: VerificationKey = { alg: 'EdDSA', publicPem: publicKey.export({ type: 'spki', format: 'pem' }) as string }
const claims = {
  iss: 'https://auth.test', aud: 'api', sub: '019aaf3e-7c1c-7c3e-9a53-0d2f6c1b2a3d', exp: start + 600, iat: start, jti: 'first',
  sid: '019aaf3e-7c1c-7c3e-9a53-0d2f6c1b2a3f', client_id: 'gatehouse', scope: 'read orders:write', roles: ['admin'], preferred_username: 'alice'
}

function tokenOf (changes: object = {}, header: object = {}): string {
  return signSegments(segment({ alg: 'EdDSA', kid, typ: 'at+jwt', ...header }), segment({ ...claims, ...changes }), { alg: 'EdDSA', privateKey })
}

/** A verifier with a clock to turn (seconds), keys to change, and a count of signatures verified. */
function setUp (cacheSize = 10) {
  const world = { now: start, keys: new Map([[kid, key]]), version: 1, verified: 0, revoked: new Set<string>() }
  const keys: KeySource = { find: (kid) => world.keys.get(kid), get version () { return world.version } }
  const verifier = createVerifier({
    parseJson: parseStrictJsonBytes,
    issuer: 'https://auth.test',
    audience: 'api',
    maxLifetime: 600,
    clockSkew: 5,
    now: () => world.now * 1000,
    keys,
    isRevoked: ({ tokenId }) => world.revoked.has(tokenId),
    cacheSize,
    verifySignature (token, { publicPem }) {
      world.verified++
      const dot = token.lastIndexOf('.')
      if (!verify(null, Buffer.from(token.slice(0, dot)), publicPem, Buffer.from(token.slice(dot + 1), 'base64url'))) throw new Error('signature')
    }
  })
  return { world, verifier }
}

/** Why it is refused, or null. */
function reason (work: () => Identity): string | null {
  try {
    work()
    return null
  } catch (error) {
    const { reason, message } = error as { reason?: string, message: string }
    return reason ?? message
  }
}

t.test('says who a token speaks for', async (t) => {
  const { verifier } = setUp()
  t.strictSame(verifier.verify(tokenOf()), {
    userId: claims.sub, username: 'alice', sessionId: claims.sid, clientId: 'gatehouse', roles: ['admin'], scopes: ['read', 'orders:write'], tokenId: 'first', expiresAt: start + 600, issuedAt: start
  })
  const own = { ...claims, sub: 'billing', client_id: 'billing', roles: [], scope: '', sid: undefined, preferred_username: undefined }
  t.strictSame(verifier.verify(tokenOf(own)), {
    userId: '', username: '', sessionId: '', clientId: 'billing', roles: [], scopes: [], tokenId: 'first', expiresAt: start + 600, issuedAt: start
  }, 'a client that speaks for itself is no user')
})

t.test('counts the tokens that it knew again and those that it had to read', async (t) => {
  const { verifier } = setUp()
  t.same(verifier.lookups, { hit: 0, miss: 0 })
  for (const token of [tokenOf(), tokenOf(), tokenOf(), tokenOf({ jti: 'second' }), 'no token']) reason(() => verifier.verify(token))
  t.same(verifier.lookups, { hit: 2, miss: 3 })
})

t.test('hands out identities that nobody can change for the next request', async (t) => {
  const { verifier } = setUp()
  for (const time of ['first seen', 'remembered']) {
    const identity = verifier.verify(tokenOf()) as unknown as { userId: string, roles: string[], scopes: string[] }
    t.throws(() => { identity.userId = 'another' }, TypeError, time)
    t.throws(() => identity.roles.push('root'), TypeError, time)
    t.throws(() => identity.scopes.push('write'), TypeError, time)
  }
  t.throws(() => (verifier.verify(tokenOf({ scope: '' })).scopes as string[]).push('write'), TypeError)
})

t.test('verifies a token once', async (t) => {
  const { world, verifier } = setUp()
  const token = tokenOf()
  t.equal(verifier.verify(token), verifier.verify(token))
  t.equal(world.verified, 1)
  t.equal(verifier.remembered, 1)
})

t.test('remembers nothing where the cache has no size', async (t) => {
  const { world, verifier } = setUp(0)
  const token = tokenOf()
  t.strictSame(verifier.verify(token), verifier.verify(token))
  t.equal(world.verified, 2)
  t.equal(verifier.remembered, 0)
})

t.test('knows a token again by all of it', async (t) => {
  const { world, verifier } = setUp()
  const token = tokenOf()
  verifier.verify(token)
  for (let place = 0; place < token.length; place++) {
    const changed = token.slice(0, place) + (token[place] === 'A' ? 'B' : 'A') + token.slice(place + 1)
    t.not(reason(() => verifier.verify(changed)), null, `changed at ${place}`)
  }
  t.not(reason(() => verifier.verify(token.slice(0, -1))), null)
  t.not(reason(() => verifier.verify(`${token}=`)), null)
  const again = tokenOf({ jti: 'second' })
  t.equal(verifier.verify(again).tokenId, 'second', 'another good token of the same session is itself')
  t.equal(verifier.remembered, 2)
  t.ok(world.verified > 2, 'a changed one was verified anew')
})

t.test('forgets a token that the clock has passed, and judges it anew whenever the clock is turned', async (t) => {
  const { world, verifier } = setUp()
  const token = tokenOf({ nbf: start })
  verifier.verify(token)
  const at = (second: number) => {
    world.now = second
    return reason(() => verifier.verify(token))
  }
  t.equal(at(start + 604), null, 'within the skew after exp')
  t.equal(at(start + 604.999), null)
  t.equal(world.verified, 1)
  t.equal(at(start + 605), 'expired')
  t.equal(verifier.remembered, 0, 'gone')
  t.equal(at(start + 600), null, 'the clock went back: verified again')
  t.equal(world.verified, 2)
  t.equal(at(start - 6), 'future')
  t.equal(at(start - 5), null)
  t.equal(world.verified, 3)
  t.equal(at(start + 1e6), 'expired')
  t.equal(at(start + 1e6), 'expired', 'again')
})

t.test('keeps the time before which a token is not valid', async (t) => {
  const { world, verifier } = setUp()
  const token = tokenOf({ nbf: start + 100 })
  t.equal(reason(() => verifier.verify(token)), 'not_yet_valid')
  world.now = start + 95
  t.equal(reason(() => verifier.verify(token)), null)
  world.now = start + 94
  t.equal(reason(() => verifier.verify(token)), 'not_yet_valid', 'remembered or not')
})

t.test('forgets everything when the keys change', async (t) => {
  const { world, verifier } = setUp()
  const token = tokenOf()
  verifier.verify(token)
  world.version++
  t.equal(reason(() => verifier.verify(token)), null)
  t.equal(world.verified, 2)
  t.equal(reason(() => verifier.verify(token)), null)
  t.equal(world.verified, 2, 'and remembers from then on')
  world.keys.clear()
  world.version++
  t.equal(reason(() => verifier.verify(token)), unknownKey)
  t.equal(verifier.remembered, 0)
  world.keys.set(kid, { alg: 'ES256', publicPem: key.publicPem })
  world.version++
  t.equal(reason(() => verifier.verify(token)), unknownKey, 'a key is for one algorithm')
})

t.test('never remembers a failure', async (t) => {
  const { world, verifier } = setUp()
  world.keys.clear()
  const token = tokenOf()
  t.equal(reason(() => verifier.verify(token)), unknownKey)
  world.keys.set(kid, key)
  t.equal(reason(() => verifier.verify(token)), null, 'though nobody said that the keys changed')
  const forged = `${token.slice(0, -86)}${Buffer.alloc(64, 7).toString('base64url')}`
  t.equal(reason(() => verifier.verify(forged)), 'signature')
  t.equal(reason(() => verifier.verify(forged)), 'signature')
  t.equal(world.verified, 3, 'looked at each time')
  t.equal(verifier.remembered, 1)
})

t.test('lets no made-up token push out a good one', async (t) => {
  const { world, verifier } = setUp(2)
  const [one, two] = [tokenOf({ jti: '1' }), tokenOf({ jti: '2' })]
  verifier.verify(one)
  verifier.verify(two)
  const before = world.verified
  for (let i = 0; i < 100; i++) {
    const [header, , signature] = one.split('.')
    reason(() => verifier.verify(`${header}.${segment({ ...claims, jti: `forged-${i}` })}.${signature}`))
    reason(() => verifier.verify(`${i}`))
  }
  const forged = world.verified
  verifier.verify(one)
  verifier.verify(two)
  t.equal(world.verified, forged)
  t.equal(forged, before + 100, 'and each of them got as far as its signature')
})

t.test('lets the token go that was not seen for longest', async (t) => {
  const { world, verifier } = setUp(2)
  const [one, two, three] = [tokenOf({ jti: '1' }), tokenOf({ jti: '2' }), tokenOf({ jti: '3' })]
  for (const token of [one, two, one, three]) verifier.verify(token)
  t.equal(verifier.remembered, 2)
  t.equal(world.verified, 3)
  verifier.verify(one)
  t.equal(world.verified, 3)
  verifier.verify(two)
  t.equal(world.verified, 4)
})

t.test('passes on what the keys throw', async (t) => {
  const { world, verifier } = setUp()
  world.keys.get = () => { throw new Error('no keys to be had') }
  t.throws(() => verifier.verify(tokenOf()), { message: 'no keys to be had' })
})

t.test('refuses a token that ended, remembered or not, and one that came back', async (t) => {
  const { world, verifier } = setUp()
  const token = tokenOf()
  verifier.verify(token)
  world.revoked.add('first')
  t.throws(() => verifier.verify(token), { message: 'token rejected' })
  t.throws(() => verifier.verify(tokenOf({ nbf: start })), { message: 'token rejected' })
  world.revoked.clear()
  t.match(verifier.verify(token), { tokenId: 'first' })
})
