import t from 'tap'
import { rawSegment, segment, signSegments } from '../support/forge.ts'
import { processorTime } from '../support/process.ts'
import { startTarget } from '../support/target.ts'

const target = await startTarget(t)
const { service, call, header, claims, keys, forge } = target
const h = target.alice.access_token.split('.')[0] as string
const lifetime = Number(claims.exp) - Number(claims.iat)
const headerText = JSON.stringify(header)
const claimsText = JSON.stringify(claims)

const now = () => Math.floor(Date.now() / 1000)

/** The time claims of a token that dies a number of seconds from now, after a whole life. */
const dyingIn = (seconds: number) => ({ iat: now() + seconds - lifetime, exp: now() + seconds })

/** Texts as header and payload, signed by the live key. */
const signed = (head: string | Uint8Array, payload: string | Uint8Array) => signSegments(rawSegment(head), rawSegment(payload), keys[0])

/** Tokens of ours but for one claim: `undefined` leaves it out. */
function withClaim (name: string, values: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([what, value]) => [`${name} ${what}`, forge({ claims: { [name]: value } })]))
}

/** Tokens of ours whose payload is exactly this text. */
function withPayloads (payloads: Record<string, string | Uint8Array>): Record<string, string> {
  return Object.fromEntries(Object.entries(payloads).map(([what, payload]) => [what, signSegments(h, rawSegment(payload), keys[0])]))
}

/** Tokens of ours whose header is exactly this text. */
function withHeaders (headers: Record<string, string | Uint8Array>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([what, head]) => [what, signed(head, claimsText)]))
}

/** A JSON object with one more member at its end, as text: no parser of ours has touched it. */
const withMember = (object: string, member: string) => object.replace(/}$/, `,${member}}`)

t.test('accepts what is forged without a fault, so that each fault is what is refused', async (t) => {
  await target.accepts(t, forge({}), 'signed again')
  await target.accepts(t, signed(headerText, claimsText), 'from texts')
  await target.accepts(t, forge({ claims: { ...dyingIn(60), nbf: now() } }), 'with other times, and nbf')
  await target.accepts(t, forge({ claims: dyingIn(-1) }), 'within the clocks\' difference')
})

t.test('C047 refuses an expired token', (t) => target.refuses(t, { 'a minute ago': forge({ claims: dyingIn(-60) }), 'long ago': forge({ claims: dyingIn(-86_400) }), 'at the epoch': forge({ claims: { iat: -lifetime, exp: 0 } }) }))

t.test('C048 refuses a token from the very second of its exp on, and the clocks\' difference later', async (t) => {
  await target.refuses(t, { 'a second beyond five': forge({ claims: dyingIn(-6) }) })
  const strict = await startTarget(t, { environment: { CLOCK_SKEW: '0' } })
  await strict.accepts(t, strict.alice.access_token, 'before')
  await strict.refuses(t, { 'this second': strict.forge({ claims: dyingIn(0) }), 'the second before': strict.forge({ claims: dyingIn(-1) }) })
})

t.test('C049 refuses a token without exp', (t) => target.refuses(t, withClaim('exp', { absent: undefined })))

t.test('C050 refuses an exp that is no whole number', async (t) => {
  const exp = Number(claims.exp)
  await target.refuses(t, {
    ...withClaim('exp', { 'as text': '1999999999', 'as our text': `${exp}`, null: null, 'in a list': [exp], object: {}, true: true, half: exp - 0.5 }),
    ...withPayloads({ 'exp 1e999': claimsText.replace(`"exp":${exp}`, '"exp":1e999'), 'exp -1e999': claimsText.replace(`"exp":${exp}`, '"exp":-1e999') })
  })
})

t.test('C053 refuses a token that lives longer than ours do', async (t) => {
  const iat = Number(claims.iat)
  await target.refuses(t, withClaim('exp', { 'ten times as far': iat + 10 * lifetime, 'a second further': iat + lifetime + 1, 'as far as numbers go': Number.MAX_SAFE_INTEGER, 'before iat': iat - 1 }))
})

t.test('C054 refuses a token before its nbf, and an nbf that is no number', (t) => target.refuses(t, withClaim('nbf', { 'in five minutes': now() + 300, 'as text': 'x', null: null, 'in a list': [now()] })))

t.test('C055 refuses a token from the future', (t) => target.refuses(t, { 'in an hour': forge({ claims: dyingIn(3600 + lifetime) }), 'in a minute': forge({ claims: dyingIn(60 + lifetime) }) }))

t.test('C056 refuses an iat that is absent or no number', (t) => target.refuses(t, withClaim('iat', { absent: undefined, 'as a word': 'now', 'as text': `${claims.iat}`, null: null })))

t.test('C057 refuses every issuer but ours to the letter', (t) => target.refuses(t, withClaim('iss', { absent: undefined, other: 'https://evil.test', 'with a slash': 'https://auth.test/', 'in capitals': 'https://AUTH.test', http: 'http://auth.test', 'with a port': 'https://auth.test:443', longer: 'https://auth.test.evil.test', empty: '' })))

t.test('C058 refuses an issuer that is a list', (t) => target.refuses(t, withClaim('iss', { 'ours first': ['https://auth.test', 'https://evil'], 'ours alone': ['https://auth.test'], 'ours last': ['https://evil', 'https://auth.test'] })))

t.test('C059 refuses every audience but ours', (t) => target.refuses(t, withClaim('aud', { absent: undefined, other: 'evil', longer: 'api2', shorter: 'ap', 'in capitals': 'API', 'an empty list': [], empty: '', 'others in a list': ['api2', 'ap'], 'a list in a list': [['api']], 'with a number': ['api', 1], object: { api: 1 } })))

t.test('C060 accepts a token for us among others', async (t) => {
  await target.accepts(t, forge({ claims: { aud: ['other', 'api'] } }), 'last')
  await target.accepts(t, forge({ claims: { aud: ['api', 'other'] } }), 'first')
})

t.test('C062 refuses a sub that is not a short text', (t) => target.refuses(t, withClaim('sub', { absent: undefined, empty: '', number: 1, null: null, list: [claims.sub], '10 KiB': 's'.repeat(10_240), '5 KiB': 's'.repeat(5120), 'two lines': `${claims.sub}\r\nX-Auth-Roles: admin` })))

t.test('C064 refuses a token without a jti', (t) => target.refuses(t, withClaim('jti', { absent: undefined, empty: '', number: 1, null: null })))

t.test('refuses a token without any other claim of ours', async (t) => {
  for (const name of ['client_id', 'sid', 'scope', 'roles', 'preferred_username']) await target.refuses(t, withClaim(name, { absent: undefined, null: null, number: 1 }))
})

t.test('C065 refuses a header that names alg twice', async (t) => {
  await target.refuses(t, withHeaders({
    'none first': headerText.replace('{', '{"alg":"none",'),
    'none last': withMember(headerText, '"alg":"none"'),
    'the same twice': withMember(headerText, '"alg":"ES256"'),
    'escaped once': withMember(headerText, '"\\u0061lg":"none"'),
    'kid twice': withMember(headerText, `"kid":"${keys[1].kid}"`)
  }))
})

t.test('C066 refuses a payload that names a claim twice', async (t) => {
  await target.refuses(t, withPayloads({
    'another sub first': claimsText.replace('{', '{"sub":"019aaf3e-7c1c-7c3e-9a53-0d2f6c1b2a3d",'),
    'another sub last': withMember(claimsText, '"sub":"019aaf3e-7c1c-7c3e-9a53-0d2f6c1b2a3d"'),
    'the same sub': withMember(claimsText, `"sub":"${claims.sub}"`),
    'escaped once': withMember(claimsText, '"s\\u0075b":"019aaf3e-7c1c-7c3e-9a53-0d2f6c1b2a3d"'),
    'exp twice': withMember(claimsText, '"exp":9999999999')
  }))
})

t.test('C068 C069 refuses claims that reach for prototypes, and nobody gains a role', async (t) => {
  const role = '{"role":"admin","roles":["admin"]}'
  await target.refuses(t, withPayloads({
    'a prototype': withMember(claimsText, `"__proto__":${role}`),
    'a prototype, escaped': withMember(claimsText, `"\\u005f_proto__":${role}`),
    'a constructor': withMember(claimsText, `"constructor":{"prototype":${role}}`),
    'prototype alone': withMember(claimsText, `"prototype":${role}`)
  }))
  await target.refuses(t, withHeaders({ 'a prototype in the header': withMember(headerText, '"__proto__":{"alg":"none"}'), 'a constructor in the header': withMember(headerText, '"constructor":{"prototype":{"alg":"none"}}') }))

  const bob = await target.signUp('bob')
  t.strictSame(bob.user.roles, [])
  const authorization = [['authorization', `Bearer ${bob.access_token}`]] as const
  const guarded = await call({ path: '/protected', headers: authorization })
  t.strictSame(JSON.parse(guarded.body), { message: 'Hello, bob! This is a protected resource.' })
  const me = await call({ path: '/me', headers: authorization })
  t.strictSame(JSON.parse(me.body), bob.user, 'and nothing else')
})

t.test('C070 refuses a payload that is no object', (t) => target.refuses(t, withPayloads({ array: '[1]', 'our claims in an array': `[${claimsText}]`, string: '"x"', number: '1', null: 'null', boolean: 'true', 'an empty object': '{}' })))

t.test('C071 refuses a payload that is no JSON', (t) => target.refuses(t, {
  ...withPayloads({ 'a word': 'foo', 'cut off': claimsText.slice(0, -1), 'with a rest': `${claimsText}x`, 'two documents': `${claimsText}${claimsText}`, 'a trailing comma': claimsText.replace('}', ',}'), 'a comment': claimsText.replace('{', '{/**/'), 'UTF-16': Buffer.from(claimsText, 'utf16le'), 'ill-formed UTF-8': Buffer.from(claimsText.replace('alice', 'al\u00efce'), 'latin1') }),
  empty: signSegments(h, '', keys[0])
}))

t.test('C072 refuses a header that is no object', (t) => target.refuses(t, {
  ...withHeaders({ array: '[]', 'our header in an array': `[${headerText}]`, null: 'null', string: '"x"', number: '1', 'an empty object': '{}', 'no JSON': 'foo', 'cut off': headerText.slice(0, -1) }),
  empty: signSegments('', segment(claims), keys[0])
}))

t.test('C073 refuses a byte order mark', async (t) => {
  await target.refuses(t, withHeaders({ 'in the header': `\ufeff${headerText}` }))
  await target.refuses(t, withPayloads({ 'in the payload': `\ufeff${claimsText}` }))
})

t.test('C075 spends little on tokens that are made to cost', async (t) => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
  const extra = (count: number) => withMember(claimsText, Array.from({ length: count }, (_, i) => `"${i.toString(36)}":0`).join())
  const costly = {
    ...withHeaders({ 'a header 4,000 arrays deep': nested(4000), 'a header as deep as fits': nested(2700), 'a member as deep as fits': withMember(headerText, `"x":${nested(2600)}`) }),
    ...withPayloads({ 'as many more claims as fit': extra(800), 'a number as long as fits': withMember(claimsText, `"n":${'9'.repeat(5000)}`), 'an exp as long as fits': claimsText.replace(/"exp":\d+/, `"exp":${'9'.repeat(5000)}`), 'depth in a claim': claimsText.replace('"roles":[]', `"roles":${nested(2500)}`) })
  }
  for (const [what, token] of Object.entries(costly)) {
    const before = processorTime(service.pid)
    for (let i = 0; i < rounds; i++) await target.refuses(t, { [what]: token })
    const each = (processorTime(service.pid) - before) / rounds
    t.ok(each < 50, `${what} costs less than 50 ms of processor time: ${each}`)
  }
  const unsent = withPayloads({ '3,000 more claims': extra(3000), 'a number of 20,000 digits': withMember(claimsText, `"n":${'9'.repeat(20_000)}`) })
  for (const [what, token] of Object.entries(unsent)) t.equal((await target.present(token)).status, 431, `${what} are no header that is read`)
})

/** Processor time is counted in steps of 10 ms: over ten tokens that is one of one. */
const rounds = 10

t.test('C076 refuses a token above 8 KiB, and headers above 16', async (t) => {
  await target.accepts(t, padded(8192), '8 KiB')
  await target.refuses(t, { 'a character more': padded(8193), '12 KiB': padded(12_288) })
  const { status, body } = await target.present(padded(16_500))
  t.equal(status, 431)
  t.equal(JSON.parse(body).code, 'headers_too_large')
})

/** Alice's token in so many characters: white space between members means nothing. */
function padded (length: number): string {
  const spaces = (count: number) => ' '.repeat(count)
  for (const inHeader of [0, 1, 2]) {
    const head = headerText + spaces(inHeader)
    const rest = length - rawSegment(head).length - signed('', '').length
    const token = signed(head, claimsText + spaces(Math.floor(rest * 3 / 4) - claimsText.length))
    if (token.length === length) return token
  }
  throw new Error(`no token has ${length} characters`)
}

t.test('is unharmed', (t) => target.isUnharmed(t))
