import { randomUUID, sign } from 'node:crypto'
import { deflateRawSync } from 'node:zlib'
import t from 'tap'
import { rawSegment, segment, signSegments } from '../support/forge.ts'
import { startTarget } from '../support/target.ts'

const target = await startTarget(t)
const { header, claims, keys, forge } = target
const good = target.alice.access_token
const [h, p, s] = good.split('.') as [string, string, string]
const [key] = keys

t.test('accepts what is forged without a fault, so that each fault is what is refused', (t) => target.accepts(t, forge({}), 'signed again'))

t.test('B035 refuses a token of ours whose typ is JWT', (t) => target.refuses(t, { JWT: forge({ header: { typ: 'JWT' } }), jwt: forge({ header: { typ: 'jwt' } }) }))

t.test('B036 refuses a token of ours without a typ', (t) => target.refuses(t, { absent: forge({ header: { typ: undefined } }), null: forge({ header: { typ: null } }), empty: forge({ header: { typ: '' } }) }))

t.test('B037 refuses every spelling of the typ but at+jwt, alike', async (t) => {
  for (const typ of ['AT+JWT', 'At+Jwt', 'application/at+jwt', 'APPLICATION/AT+JWT', 'at+jwt ', ' at+jwt', 'at+jwt;v=1']) await target.refuses(t, { [typ]: forge({ header: { typ } }) })
})

t.test('B039 refuses a refresh token as an access token', (t) => target.refuses(t, { 'refresh token': target.alice.refresh_token }))

t.test('B041 refuses every other kind of token under the live key', async (t) => {
  for (const typ of ['id+jwt', 'logout+jwt', 'token-introspection+jwt', 'rt+jwt', 'secevent+jwt', 'dpop+jwt', 'oauth-authz-req+jwt']) await target.refuses(t, { [typ]: forge({ header: { typ } }) })
  const { sub, iss, iat, exp, jti, sid } = claims
  const kinds = {
    'an ID token': { iss, sub, aud: 'gatehouse', exp, iat, auth_time: iat, nonce: 'n', azp: 'gatehouse' },
    'an e-mail link': { iss, sub, aud: 'api', exp, iat, jti, email: 'alice@example.com', purpose: 'verify-email' },
    'an introspection reply': { iss, aud: 'api', iat, exp, jti, token_introspection: { ...claims, active: true } },
    'a logout token': { iss, sub, aud: 'api', iat, exp, jti, sid, events: { 'http://schemas.openid.net/event/backchannel-logout': {} } },
    'a client assertion': { iss: 'gatehouse', sub: 'gatehouse', aud: iss, iat, exp, jti: randomUUID() }
  }
  for (const [what, others] of Object.entries(kinds)) {
    const typed = segment({ ...header, typ: 'JWT' })
    await target.refuses(t, { [what]: signSegments(typed, segment(others), key), [`${what} that says it is an access token`]: signSegments(h, segment(others), key) })
  }
})

t.test('B042 refuses an extension that must be understood', async (t) => {
  await target.refuses(t, {
    unknown: forge({ header: { crit: ['x'], x: 1 } }),
    'not there': forge({ header: { crit: ['x'] } }),
    empty: forge({ header: { crit: [] } }),
    'of ours': forge({ header: { crit: ['typ'] } }),
    'exp in the header': forge({ header: { crit: ['exp'], exp: claims.exp } }),
    'no list': forge({ header: { crit: 'x', x: 1 } }),
    null: forge({ header: { crit: null } }),
    'not marked as critical': forge({ header: { x: 1 } })
  })
})

t.test('B043 refuses an unencoded payload', async (t) => {
  const unencoded = segment({ ...header, crit: ['b64'], b64: false })
  const raw = JSON.stringify(claims)
  const signature = (input: string) => sign('sha256', Buffer.from(input), { key: key.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')
  await target.refuses(t, {
    'signed raw, sent encoded': `${unencoded}.${p}.${signature(`${unencoded}.${raw}`)}`,
    'signed and sent encoded': signSegments(unencoded, p, key),
    'signed raw, sent without': `${unencoded}..${signature(`${unencoded}.${raw}`)}`,
    'signed and sent raw, in letters': signSegments(unencoded, 'payload', key),
    'b64 alone': forge({ header: { b64: false } }),
    'b64 as it is anyway': forge({ header: { crit: ['b64'], b64: true } })
  })
  target.isRefusal(t, await target.present(signSegments(unencoded, raw, key)), 'invalid_request', 'signed and sent raw: JSON is no b64token')
})

t.test('B045 refuses a token inside a token', async (t) => {
  await target.refuses(t, {
    'as it is': signSegments(segment({ ...header, cty: 'JWT' }), rawSegment(good), key),
    'as a JSON string': signSegments(segment({ ...header, cty: 'JWT' }), segment(good), key),
    'without cty': signSegments(h, rawSegment(good), key),
    'cty over claims': forge({ header: { cty: 'JWT' } })
  })
})

t.test('B046 refuses a compressed payload', async (t) => {
  const zipped = segment({ ...header, zip: 'DEF' })
  const deflated = rawSegment(deflateRawSync(JSON.stringify(claims)))
  const bomb = rawSegment(deflateRawSync(Buffer.alloc(4_000_000, ' ')))
  await target.refuses(t, {
    deflated: signSegments(zipped, deflated, key),
    'deflated and not said': signSegments(h, deflated, key),
    'said and not deflated': forge({ header: { zip: 'DEF' } }),
    'a bomb': signSegments(zipped, bomb, key)
  })
})

t.test('refuses an encrypted token and other numbers of parts', async (t) => {
  const encrypted = segment({ alg: 'ECDH-ES', enc: 'A256GCM', typ: 'at+jwt', kid: header.kid })
  await target.refuses(t, { 'JWE, direct': `${encrypted}..${p}.${p}.${s}`, 'JWE, wrapped': `${encrypted}.${p}.${p}.${p}.${s}`, 'an SD-JWT': `${good}~` })
})

t.test('refuses alike at every route that asks for a token', async (t) => {
  const visit = (path: string, line: string) => target.call({ path, headers: line === '' ? [] : [['authorization', line]] })
  for (const path of ['/protected', '/me']) {
    target.isRefusal(t, await visit(path, `Bearer ${good}x`), 'invalid_token', path)
    target.isRefusal(t, await visit(path, ''), 'missing_token', path)
    target.isRefusal(t, await visit(path, 'Bearer'), 'invalid_request', path)
  }
})

t.test('is unharmed', (t) => target.isUnharmed(t))
