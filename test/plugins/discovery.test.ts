import { createPublicKey } from 'node:crypto'
import t from 'tap'
import { build } from '../support/build.ts'

const { discovery } = await build(t)

t.test('describes what is there, below the issuer, and nothing else', async (t) => {
  const server = await build(t, { environment: { PUBLIC_URL: 'https://example.org/auth' } })
  t.strictSame(server.discovery.metadata(), {
    issuer: 'https://example.org/auth',
    jwks_uri: 'https://example.org/auth/.well-known/jwks.json',
    response_types_supported: [],
    grant_types_supported: [],
    token_endpoint_auth_methods_supported: [],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256']
  })
})

t.test('tags the keys by what they are', async (t) => {
  const other = await build(t)
  t.match(discovery.jwks().etag, /^"[\w-]{43}"$/)
  t.equal(discovery.jwks().etag, discovery.jwks().etag)
  t.not(discovery.jwks().etag, other.discovery.jwks().etag)
})

t.test('reads If-None-Match as RFC 9110 has it', async (t) => {
  for (const header of ['"a"', 'W/"a"', '*', '"x", "a"', '"x" ,W/"a"']) t.equal(discovery.isCurrent(header, '"a"'), true, header)
  for (const header of [undefined, '', '"x"', 'a', 'w/"a"', '"a']) t.equal(discovery.isCurrent(header, '"a"'), false, String(header))
})

t.test('gives each published key as PEM, by its id alone', async (t) => {
  const { keys } = discovery.jwks().body
  t.equal(keys.length, 2)
  for (const key of keys) t.match(createPublicKey(discovery.pem(`${key.kid}.pem`)).export({ format: 'jwk' }), { x: key.x, y: key.y })
  const kid = keys[0]?.kid ?? ''
  for (const file of [kid, `${kid}.PEM`, `${kid}.pem.pem`, '.pem', 'nothing.pem', '__proto__.pem', 'constructor.pem', '../../etc/passwd.pem']) t.throws(() => discovery.pem(file), { code: 'not_found' }, file)
})
