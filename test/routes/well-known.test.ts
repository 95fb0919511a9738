import { createPublicKey, verify } from 'node:crypto'
import t from 'tap'
import { aliceSignedIn, build } from '../support/build.ts'

const caching = { 'cache-control': 'public, max-age=300', 'access-control-allow-origin': '*' }

t.test('publishes the keys with which anyone can check a token', async (t) => {
  const server = await build(t)
  const { access_token: token } = await aliceSignedIn(server)
  const reply = await server.inject('/.well-known/jwks.json')
  t.equal(reply.statusCode, 200)
  t.match(reply.headers, { ...caching, 'content-type': 'application/json; charset=utf-8', etag: /^"[\w-]{43}"$/ })
  const { keys } = reply.json()
  for (const key of keys) t.same(Object.keys(key).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'], 'public members alone')
  const [header = '', payload = '', signature = ''] = token.split('.')
  const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString())
  const jwk = keys.find((key: { kid: string }) => key.kid === kid)
  t.ok(verify('sha256', Buffer.from(`${header}.${payload}`), { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url')))
})

t.test('answers 304 to who has the keys already', async (t) => {
  const server = await build(t)
  const { etag } = (await server.inject('/.well-known/jwks.json')).headers as { etag: string }
  const again = await server.inject({ url: '/.well-known/jwks.json', headers: { 'if-none-match': etag } })
  t.equal(again.statusCode, 304)
  t.equal(again.body, '')
  t.match(again.headers, { ...caching, etag })
  t.equal((await server.inject({ url: '/.well-known/jwks.json', headers: { 'if-none-match': '"other"' } })).statusCode, 200)
})

t.test('publishes each key as PEM', async (t) => {
  const server = await build(t)
  for (const { kid, x } of server.keys.jwks().keys) {
    const reply = await server.inject(`/.well-known/keys/${kid}.pem`)
    t.equal(reply.statusCode, 200)
    t.match(reply.headers, { ...caching, 'content-type': 'application/x-pem-file' })
    t.equal(createPublicKey(reply.body).export({ format: 'jwk' }).x, x)
  }
  for (const file of ['nothing.pem', 'nothing', '%2e%2e%2fsecret.pem']) t.equal((await server.inject(`/.well-known/keys/${file}`)).json().code, 'not_found', file)
})

t.test('publishes both discovery documents, by the public address', async (t) => {
  const server = await build(t, { environment: { PUBLIC_URL: 'https://auth.example.org' } })
  const headers = { host: 'evil.example', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'http' }
  const [provider, oauth] = await Promise.all(['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server'].map((url) => server.inject({ url, headers })))
  const basic = ['client_secret_basic']
  const metadata = {
    issuer: 'https://auth.example.org',
    jwks_uri: 'https://auth.example.org/.well-known/jwks.json',
    token_endpoint: 'https://auth.example.org/oauth/token',
    introspection_endpoint: 'https://auth.example.org/oauth/introspect',
    revocation_endpoint: 'https://auth.example.org/oauth/revoke',
    response_types_supported: [],
    grant_types_supported: ['client_credentials', 'refresh_token'],
    token_endpoint_auth_methods_supported: basic,
    introspection_endpoint_auth_methods_supported: basic,
    revocation_endpoint_auth_methods_supported: basic
  }
  t.same(oauth?.json(), metadata)
  t.same(provider?.json(), { ...metadata, subject_types_supported: ['public'], id_token_signing_alg_values_supported: ['ES256'] })
  for (const reply of [provider, oauth]) t.match(reply?.headers, caching)
})
