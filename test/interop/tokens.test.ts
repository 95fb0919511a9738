import { createPublicKey, type JsonWebKeyInput, verify } from 'node:crypto'
import { createRequire } from 'node:module'
import type { FastifyInstance } from 'fastify'
import { createLocalJWKSet, importPKCS8, importSPKI, type JSONWebKeySet, jwtVerify, SignJWT } from 'jose'
import t, { type Test } from 'tap'
import { build } from '../support/build.ts'
import { examples } from '../support/rfc-examples.ts'

interface JsonWebToken {
  sign (claims: object, key: string, options: object): string
  verify (token: string, key: string, options: object): Record<string, unknown>
}

const jsonwebtoken = createRequire(import.meta.url)('jsonwebtoken') as JsonWebToken
const expected = { issuer: 'https://auth.test', audience: 'api' }

async function setUp (t: Test, alg: string) {
  const app = await build(t, { environment: { SIGNING_ALG: alg } })
  const user = { id: '019aaf3e-7c1c-7c3e-9a53-0d2f6c1b2a3d', username: 'alice', email: null, passwordHash: null, disabled: false, roles: ['admin'], createdAt: 0 }
  const session = { id: '019aaf3e-7c1c-7c3e-9a53-0d2f6c1b2a3f', clientId: 'gatehouse', expiresAt: Number.POSITIVE_INFINITY }
  const { token } = app.tokens.issue({ user, session })
  const [header, claims] = token.split('.').slice(0, 2).map((segment) => JSON.parse(Buffer.from(segment, 'base64url').toString())) as [Record<string, string>, Record<string, unknown>]
  const theirClaims: Record<string, unknown> = { ...claims, jti: 'of-another-library' }
  return { app, token, header, claims: theirClaims, key: app.keys.active() }
}

async function get<T> (app: FastifyInstance, url: string): Promise<T> {
  const { body } = await app.inject(url)
  return (url.endsWith('.json') ? JSON.parse(body) : body) as T
}

for (const alg of ['ES256', 'RS256', 'EdDSA']) {
  t.test(`exchanges ${alg} tokens with jose`, async (t) => {
    const { app, token, header, claims, key } = await setUp(t, alg)
    const bySet = await jwtVerify(token, createLocalJWKSet(await get<JSONWebKeySet>(app, '/.well-known/jwks.json')), { ...expected, typ: 'at+jwt', algorithms: [alg] })
    t.strictSame({ ...bySet.payload, jti: claims.jti }, claims)
    t.strictSame(bySet.protectedHeader, header)
    const byFile = await jwtVerify(token, await importSPKI(await get(app, `/.well-known/keys/${key.kid}.pem`), alg), expected)
    t.equal(byFile.payload.sub, claims.sub)

    const theirs = await new SignJWT(claims).setProtectedHeader({ alg, kid: key.kid, typ: 'at+jwt' }).sign(await importPKCS8(key.privatePem, alg))
    t.match(app.tokens.verify(theirs), { username: 'alice', tokenId: 'of-another-library', roles: ['admin'] })
    const untyped = await new SignJWT(claims).setProtectedHeader({ alg, kid: key.kid }).sign(await importPKCS8(key.privatePem, alg))
    t.throws(() => app.tokens.verify(untyped), { cause: 'header' })
  })
}

for (const alg of ['ES256', 'RS256']) {
  t.test(`exchanges ${alg} tokens with jsonwebtoken`, async (t) => {
    const { app, token, claims, key } = await setUp(t, alg)
    const read = jsonwebtoken.verify(token, await get(app, `/.well-known/keys/${key.kid}.pem`), { ...expected, algorithms: [alg] })
    t.strictSame({ ...read, jti: claims.jti }, claims)

    const theirs = jsonwebtoken.sign(claims, key.privatePem, { algorithm: alg, header: { alg, kid: key.kid, typ: 'at+jwt' } })
    t.match(app.tokens.verify(theirs), { username: 'alice', tokenId: 'of-another-library', roles: ['admin'] })
    const typed = jsonwebtoken.sign(claims, key.privatePem, { algorithm: alg, keyid: key.kid })
    t.throws(() => app.tokens.verify(typed), { cause: 'type' }, 'its own typ, JWT, is another kind of token')
  })
}

t.test('takes no example of the RFCs for an access token', async (t) => {
  const app = await build(t)
  for (const { source, token, alg } of examples) {
    t.throws(() => app.tokens.verify(token), { code: 'invalid_token' }, `${source} (${alg})`)
    t.equal((await app.inject({ url: '/protected', headers: { authorization: `Bearer ${token}` } })).statusCode, 401)
  }
})

t.test('agrees with the RFCs about what a good signature is', async (t) => {
  const app = await build(t)
  const ours = examples.filter(({ alg }) => ['ES256', 'RS256', 'EdDSA'].includes(alg))
  t.equal(ours.length, 4)
  for (const { source, alg, jwk, token } of ours) {
    const publicKey = createPublicKey({ key: jwk, format: 'jwk' } as JsonWebKeyInput)
    const input = Buffer.from(token.slice(0, token.lastIndexOf('.')))
    const signature = Buffer.from(token.slice(token.lastIndexOf('.') + 1), 'base64url')
    const holds = (bytes: Buffer) => verify(alg === 'EdDSA' ? null : 'sha256', input, { key: publicKey, dsaEncoding: 'ieee-p1363' }, bytes)
    t.equal(holds(signature), true, `${source}: its signature`)
    t.equal(holds(signature.map((byte, index) => index === 9 ? byte ^ 1 : byte) as Buffer), false, `${source}: a changed one`)

    // The library that we verify with reads the claims first: it has an opinion of the examples that hold some.
    if (!source.startsWith('RFC 7515')) continue
    const key = publicKey.export({ type: 'spki', format: 'pem' }) as string
    const options = { key, algorithms: [alg as 'ES256'], clockTimestamp: 1_300_819_000_000 }
    t.match(app.jwt.verify(token, options), { iss: 'joe' }, `${source}: as app.jwt.verify sees it`)
    t.throws(() => app.jwt.verify(`${input}.${Buffer.from(signature.map((byte) => byte ^ 1)).toString('base64url')}`, options), { message: /signature/ })
  }
})
