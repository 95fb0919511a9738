import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { parseStrictJsonBytes } from '../../../plugins/strict-json/parse.ts'
import { type AccessTokenClaims, createReader, TokenRejected, timesHold, tokenReasons, type UnverifiedToken } from '../../../plugins/tokens/reader.ts'
import { readJson } from '../strict-json/oracle.ts'
import { faultsOf } from './oracle.ts'

const now = 1_763_939_500_000
const seconds = now / 1000
const expected = { issuer: 'https://auth.test', audience: 'api', maxLifetime: 3600, clockSkew: 5 }
const reader = createReader({ ...expected, parseJson: parseStrictJsonBytes, now: () => now })

const header = { alg: 'ES256', kid: 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs', typ: 'at+jwt' }
const claims: AccessTokenClaims = {
  iss: 'https://auth.test', aud: 'api', sub: '019aaf3e-7c1c-7c3e-9a53-0d2f6c1b2a3d', exp: seconds + 500, iat: seconds - 100,
  jti: '019aaf3e-7c1c-7c3e-9a53-0d2f6c1b2a3e', sid: '019aaf3e-7c1c-7c3e-9a53-0d2f6c1b2a3f', client_id: 'gatehouse',
  scope: 'read orders:write', roles: ['admin', 'editor'], preferred_username: 'alice'
}
const own = { ...without(claims, 'sid', 'preferred_username'), sub: 'billing', client_id: 'billing', roles: [] }

function without (object: object, ...names: string[]) {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)))
}

/** One segment: of bytes as they are, of a text, or of a value as JSON. */
function segment (part: unknown) {
  if (Buffer.isBuffer(part)) return part.toString('base64url')
  return Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url')
}

function token (head: unknown = header, payload: unknown = claims, signature = Buffer.alloc(64, 0xa5)) {
  return `${segment(head)}.${segment(payload)}.${segment(signature)}`
}

function withHeader (changes: object) {
  return token({ ...header, ...changes })
}

function withClaims (changes: object) {
  return token(header, { ...claims, ...changes })
}

function outcome (text: string, at?: number): UnverifiedToken | string {
  try {
    return reader.read(text, at)
  } catch (error) {
    if (error instanceof TokenRejected) return error.reason
    throw error
  }
}

function refuses (t: Pick<Test, 'equal'>, cases: [reason: string, what: string, text: string][]) {
  for (const [reason, what, text] of cases) t.equal(outcome(text), reason, what)
}

t.test('reads a token of a user and one of a client', async (t) => {
  const text = token()
  t.strictSame(reader.read(text), {
    alg: 'ES256', kid: header.kid, claims, signingInput: text.slice(0, text.lastIndexOf('.')), signature: Buffer.alloc(64, 0xa5)
  })
  t.strictSame(reader.read(token(header, own)).claims, own)
})

t.test('reads every spelling that means the same to everyone', async (t) => {
  const accepted: [string, string][] = [
    ['EdDSA', withHeader({ alg: 'EdDSA' })],
    ['RS256, 2048 bits', token({ ...header, alg: 'RS256' }, claims, Buffer.alloc(256, 1))],
    ['RS256, 4096 bits', token({ ...header, alg: 'RS256' }, claims, Buffer.alloc(512, 1))],
    ['members in another order, with space', token(` { "typ" : "at+jwt",\n"kid":"${header.kid}", "alg":"ES256" } `)],
    ['one audience of several', withClaims({ aud: ['other', 'api'] })],
    ['sixteen audiences', withClaims({ aud: Array(16).fill('api') })],
    ['no role', withClaims({ roles: [] })],
    ['64 roles', withClaims({ roles: Array(64).fill('r') })],
    ['no scope', withClaims({ scope: '' })],
    ['nbf in the past', withClaims({ nbf: seconds })],
    ['255 characters', withClaims({ sub: 's'.repeat(255), jti: '~'.repeat(255), client_id: '!'.repeat(255) })],
    ['an integer with an exponent', token(header, JSON.stringify(claims).replace(/"exp":\d+/, '"exp":17639400e2'))],
    ['an integer with a fraction of zero', token(header, JSON.stringify(claims).replace(/"iat":(\d+)/, '"iat":$1.0'))],
    ['the longest lifetime', withClaims({ exp: claims.iat + 3600 })],
    ['the longest token', token(header, `${JSON.stringify(claims)}${' '.repeat(8192)}`.slice(0, (8192 - token(header, '').length) * 3 / 4))]
  ]
  for (const [what, text] of accepted) t.type(outcome(text), 'object', what)
  t.equal(accepted.at(-1)?.[1].length, 8192)
})

t.test('refuses what is too long before anything else', async (t) => {
  refuses(t, [
    ['too_long', '8193 letters', 'a'.repeat(8193)],
    ['too_long', '8193 dots', '.'.repeat(8193)],
    ['segments', '8192 dots', '.'.repeat(8192)],
    ['segments', '8192 letters', 'a'.repeat(8192)]
  ])
})

t.test('refuses anything but three segments', async (t) => {
  const [h, p, s] = token().split('.')
  refuses(t, [
    ['segments', 'nothing', ''], ['segments', 'no dot', `${h}`], ['segments', 'one dot', `${h}.${p}`], ['segments', 'an empty signature', `${h}.${p}.`],
    ['segments', 'an empty payload', `${h}..${s}`], ['segments', 'an empty header', `.${p}.${s}`], ['segments', 'only dots', '..'],
    ['segments', 'a leading dot', `.${h}.${p}.${s}`], ['segments', 'a trailing dot', `${h}.${p}.${s}.`], ['segments', 'five segments', `${h}.${p}.${s}.${p}.${s}`], ['segments', 'two dots in a row', `${h}..${p}.${s}`]
  ])
})

t.test('refuses every spelling of a segment but the canonical one', async (t) => {
  const good = token(header, claims, Buffer.alloc(64, 0xfb))
  const [h, p, s] = good.split('.') as [string, string, string]
  refuses(t, [
    ['base64url', 'padding', `${good}==`], ['base64url', 'one pad', `${good}=`], ['base64url', 'padding inside', `${h}=.${p}.${s}`],
    ['base64url', 'the other alphabet', `${h}.${p}.${s.replaceAll('-', '+').replaceAll('_', '/')}`],
    ['base64url', 'spare bits', good.slice(0, -1) + String.fromCharCode(good.charCodeAt(good.length - 1) + 1)],
    ['base64url', 'a lone last character', `${good}AAA`], ['base64url', 'a space', `${good} `], ['base64url', 'a space before', ` ${good}`], ['base64url', 'a line feed', `${h}\n.${p}.${s}`],
    ['base64url', 'a tab', `${h}.\t${p}.${s}`], ['base64url', 'a NUL', `${h}.${p}\u0000.${s}`], ['base64url', 'a percent', `${h}%2E.${p}.${s}`],
    ['base64url', 'a wide character', `${h}.${p}.${s.slice(1)}\u0141`], ['base64url', 'a full-width letter', `${h}.${p}.\uff21${s.slice(1)}`], ['base64url', 'a surrogate', `${h}.${p}.${s}\ud800`]
  ])
})

t.test('refuses a header that is not exactly alg, kid and typ, all strings', async (t) => {
  const text = JSON.stringify(header)
  const members = { crit: ['x'], b64: false, jku: 'http://127.0.0.1/jwks', jwk: {}, x5u: 'http://127.0.0.1/', x5c: ['MII'], x5t: 'a', zip: 'DEF', cty: 'JWT', enc: 'A128GCM', nonce: 'x' }
  refuses(t, [
    ...['[]', 'null', '"x"', '1', 'foo', '{', '\ufeff{}', '[['.repeat(2000), '{}'].map((head): [string, string, string] => ['header', `case ${head.length}`, token(head)]),
    ...Object.entries(members).map(([name, value]): [string, string, string] => ['header', name, withHeader({ [name]: value })]),
    ...Object.keys(header).map((name): [string, string, string] => ['header', `no ${name}`, token(without(header, name))]),
    ...Object.keys(header).map((name): [string, string, string] => ['header', `another for ${name}`, token({ ...without(header, name), x: 'y' })]),
    ...Object.keys(header).flatMap((name) => [1, null, ['ES256'], { '': 'ES256' }, true].map((value): [string, string, string] => ['header', `${name} as ${typeof value}`, withHeader({ [name]: value })])),
    ['header', 'alg twice, none first', token(text.replace('{', '{"alg":"none",'))],
    ['header', 'alg twice, none last', token(text.replace('}', ',"alg":"none"}'))],
    ['header', 'alg twice, once escaped', token(text.replace('}', ',"\\u0061lg":"ES256"}'))],
    ['header', 'a prototype', token(text.replace('}', ',"__proto__":{"x":1}}'))],
    ['header', 'a byte order mark', token(`\ufeff${text}`)],
    ['header', 'ill-formed UTF-8', token(Buffer.concat([Buffer.from(text.slice(0, -2)), Buffer.from([0xff, 0x22, 0x7d])]))]
  ])
})

t.test('refuses every algorithm, type, key id and length of signature but ours', async (t) => {
  const algorithms = ['none', 'None', 'NONE', 'nOnE', '', 'HS256', 'HS512', 'ES384', 'ES512', 'ES256K', 'RS512', 'PS256', 'Ed25519', 'Ed448', 'es256', 'ES256 ', 'toString', '__proto__']
  const types = ['JWT', 'at+JWT', 'AT+JWT', 'application/at+jwt', 'jwt', '', 'at+jwt ', 'rt+jwt', 'logout+jwt', 'dpop+jwt']
  const kids = ['', header.kid.slice(1), `${header.kid}A`, header.kid.replace(/.$/, 't'), header.kid.replace('-', '+'), `${header.kid}\n`, '../../../../../../dev/null', '/dev/null', "' OR '1'='1", '|sleep 10', 'k'.repeat(2000), 'a\u0000b\r\n']
  const lengths: [string, number[]][] = [['ES256', [1, 63, 65, 70, 71, 72, 96, 256]], ['EdDSA', [1, 32, 63, 65, 114]], ['RS256', [64, 128, 255, 513, 1024]]]
  refuses(t, [
    ...algorithms.map((alg): [string, string, string] => ['algorithm', alg, withHeader({ alg })]),
    ...types.map((typ): [string, string, string] => ['type', typ, withHeader({ typ })]),
    ...kids.map((kid): [string, string, string] => ['key_id', `${kid.length} characters`, withHeader({ kid })]),
    ...lengths.flatMap(([alg, sizes]) => sizes.map((size): [string, string, string] => ['signature', `${alg} of ${size} bytes`, token({ ...header, alg }, claims, Buffer.alloc(size, 1))]))
  ])
})

t.test('refuses a payload that is not an object of ours', async (t) => {
  const text = JSON.stringify(claims)
  const payloads = ['[1]', '"x"', '1', 'null', 'true', 'foo', '{}', `[${text}]`, `\ufeff${text}`, `${text}x`, text.slice(0, -1), text.replace('{', '{"sub":"bob",'), text.replace('}', ',"s\\u0075b":"bob"}'),
    text.replace('}', ',"__proto__":{"role":"admin"}}'), text.replace('}', ',"constructor":{"prototype":{"role":"admin"}}}'), text.replace('"admin"', '[[[[[[[[1]]]]]]]]'), '9'.repeat(5000),
    JSON.stringify({ ...claims, ...Object.fromEntries(Array.from({ length: 350 }, (_, i) => [`c${i}`, i])) })]
  refuses(t, [
    ...payloads.map((payload, i): [string, string, string] => ['claims', `case ${i}`, token(header, payload)]),
    ['claims', 'ill-formed UTF-8', token(header, Buffer.from(text.replace('alice', 'al\u00efce'), 'latin1'))],
    ...['email', 'role', 'azp', 'act', 'cnf', 'auth_time', 'nonce', 'Sub', 'toString', ''].map((name): [string, string, string] => ['claims', `another claim ${name}`, withClaims({ [name]: 'x' })])
  ])
})

t.test('refuses a claim that is absent or of the wrong type', async (t) => {
  const required = ['iss', 'aud', 'sub', 'exp', 'iat', 'jti', 'client_id', 'scope', 'roles']
  const values: Record<string, unknown[]> = {
    iss: [1, null, ['https://auth.test', 'https://evil.test'], {}],
    aud: [1, null, [], ['api', 1], ['api', null], Array(17).fill('api'), { 0: 'api' }],
    exp: ['1999999999', null, [seconds + 9], {}, true, seconds + 0.5, 2 ** 53],
    iat: ['now', null, [seconds], false, seconds - 0.5, -(2 ** 53)],
    nbf: ['x', null, seconds - 0.5, []],
    scope: [1, null, ['read'], ' ', ' read', 'read ', 'read  write', 'read\twrite', 'read\nwrite', 'r"ead', 'r\\ead', 'r\u00e9ad', 'read\u007f'],
    roles: [null, 'admin', {}, ['admin', 1], ['admin', ''], ['two words'], ['a\u0000'], [['admin']], Array(65).fill('r'), ['r'.repeat(256)]],
    sid: [1, null, '', 'x', `${claims.sid}`.toUpperCase(), `${claims.sid}0`, `${claims.sid}`.replaceAll('-', ''), ` ${claims.sid}`.slice(0, 36), `${claims.sid}\n`]
  }
  const names = ['sub', 'jti', 'client_id', 'preferred_username']
  const notNames = ['', 1, null, ['x'], {}, true, 'a b', ' a', 'a ', 'a\r\nX-Auth-Roles: admin', 'a\u0000', '\u007f', 'al\u00efce', '\u{1f600}', 'x'.repeat(256), 'x'.repeat(5000)]
  refuses(t, [
    ...required.map((name): [string, string, string] => ['claims', `no ${name}`, token(header, without(claims, name))]),
    ...Object.entries(values).flatMap(([name, wrong]) => wrong.map((value, i): [string, string, string] => ['claims', `${name}, case ${i}`, withClaims({ [name]: value })])),
    ...names.flatMap((name) => notNames.map((value, i): [string, string, string] => ['claims', `${name}, case ${i}`, withClaims({ [name]: value })])),
    ...['1e999', '-1e999', '1e16', '1.5'].map((number): [string, string, string] => ['claims', `exp ${number}`, token(header, JSON.stringify(claims).replace(/"exp":\d+/, `"exp":${number}`))])
  ])
})

t.test('refuses a token that is neither of a user nor of a client', async (t) => {
  refuses(t, [
    ['claims', 'a user without a session', token(header, without(claims, 'sid'))],
    ['claims', 'a user without a name', token(header, without(claims, 'preferred_username'))],
    ['claims', 'a client that is not its own subject', token(header, { ...own, sub: 'reporting' })],
    ['claims', 'a client with a role', token(header, { ...own, roles: ['admin'] })],
    ['claims', 'a client with a session', token(header, { ...own, sid: claims.sid })],
    ['claims', 'a client with a user name', token(header, { ...own, preferred_username: 'alice' })]
  ])
})

t.test('refuses another issuer, another audience and an unlikely lifetime', async (t) => {
  refuses(t, [
    ...['', 'https://evil.test', 'https://auth.test/', 'https://AUTH.test', 'http://auth.test', 'https://auth.tes'].map((iss): [string, string, string] => ['issuer', iss, withClaims({ iss })]),
    ...['', 'evil', 'api2', 'ap', 'API', ['evil'], ['api2', 'ap'], ['API']].map((aud): [string, string, string] => ['audience', `${aud}`, withClaims({ aud })]),
    ...[0, -1, 3601, 36_000].map((lifetime): [string, string, string] => ['lifetime', `${lifetime}`, withClaims({ exp: claims.iat + lifetime })]),
    ['lifetime', 'as long as numbers go', withClaims({ exp: Number.MAX_SAFE_INTEGER, iat: -Number.MAX_SAFE_INTEGER })]
  ])
})

t.test('holds a token from its iat and nbf to its exp, give or take the skew', async (t) => {
  const cases: [at: number, reason: string | null, times: { exp?: number, iat?: number, nbf?: number }][] = [
    [0, null, {}],
    [499_999, null, {}], [504_999, null, {}], [505_000, 'expired', {}], [560_000, 'expired', {}],
    [-105_000, null, {}], [-105_001, 'future', {}], [0, 'future', { iat: seconds + 6, exp: seconds + 9 }], [0, null, { iat: seconds + 5, exp: seconds + 9 }],
    [0, null, { nbf: seconds + 5 }], [0, 'not_yet_valid', { nbf: seconds + 6 }], [-1, 'not_yet_valid', { nbf: seconds + 5 }], [0, 'not_yet_valid', { nbf: seconds + 300 }],
    [0, 'expired', { iat: -20, exp: -10 }]
  ]
  for (const [offset, reason, times] of cases) {
    const result = outcome(withClaims(times), now + offset)
    t.equal(typeof result === 'string' ? result : null, reason, `${offset} ms, ${JSON.stringify(times)}`)
    t.equal(timesHold({ ...claims, ...times }, now + offset, 5), reason === null)
  }
  t.equal(timesHold(claims, claims.exp * 1000, 0), false, 'exp itself is too late')
  t.equal(timesHold(claims, claims.exp * 1000 - 1, 0), true)
})

t.test('asks its clock where no time is given', async (t) => {
  let clock = now
  const { read } = createReader({ ...expected, parseJson: parseStrictJsonBytes, now: () => clock })
  t.type(read(token()), 'object')
  clock = (claims.exp + 5) * 1000
  t.throws(() => read(token()), { name: 'TokenRejected', reason: 'expired' })
})

t.test('says why and never what, without a stack', async (t) => {
  const error = t.throws(() => reader.read(withClaims({ sub: 'a secret' })), { name: 'TokenRejected', reason: 'claims' }) as TokenRejected
  t.type(error, TokenRejected)
  t.equal(error.message, 'token rejected: claims')
  t.notMatch(error.stack, /\n/)
  t.match(new Error('another').stack, /\n/, 'other errors keep theirs')
})

const odd = fc.oneof(
  fc.constantFrom<unknown>('', 'x', 'api', 'billing', null, true, 0, -1, 1.5, 2 ** 53, [], ['api'], ['a', 'b'], [1], {}, 'a b', 'at+jwt', 'RS256', 'EdDSA', claims.sid, header.kid, 'é', '\n'),
  fc.integer({ min: -4000, max: 4000 }).map((offset) => seconds + offset), fc.string({ maxLength: 300 }), fc.jsonValue({ maxDepth: 2 })
)
const change = fc.tuple(fc.constantFrom(...Object.keys({ ...claims, nbf: 0, crit: 0, email: 0 })), odd).map(([name, value]) => ({ [name]: value }))
const removal = fc.subarray(Object.keys(claims), { minLength: 1, maxLength: 2 })
const payload = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom<object>(claims, own, { ...claims, nbf: seconds, aud: ['api', 'x'] }) },
  { weight: 4, arbitrary: fc.tuple(fc.constantFrom<object>(claims, own), change).map(([base, changes]) => ({ ...base, ...changes })) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom<object>(claims, own), removal).map(([base, names]) => without(base, ...names)) },
  { weight: 2, arbitrary: fc.tuple(fc.integer({ min: -4000, max: 10 }), fc.integer({ min: -1, max: 4000 })).map(([age, life]) => ({ ...claims, iat: seconds + age, exp: seconds + age + life })) }
).map((value) => JSON.stringify(value))
const head = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom<object>(header, { ...header, alg: 'EdDSA' }) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom('alg', 'kid', 'typ', 'jku'), odd).map(([name, value]) => ({ ...header, [name]: value })) }
).map((value) => JSON.stringify(value))
/** A text as it is, or with a few of its characters replaced. */
function edited (arbitrary: fc.Arbitrary<string>, pieces: string[]) {
  const edit = fc.tuple(arbitrary, fc.nat(), fc.nat(2), fc.constantFrom(...pieces)).map(([text, at, cut, piece]) => {
    const begin = at % (text.length + 1)
    return text.slice(0, begin) + piece + text.slice(begin + cut)
  })
  return fc.oneof({ weight: 6, arbitrary }, { weight: 1, arbitrary: edit })
}
const json = ['', '"', '{', '}', ',', ':', ' ', '0', '\\', '"sub":1,', '"\\u0061ud":"api",', '"__proto__":1,', '[[[[[[[[[', '\ufeff', 'é']
const signature = fc.constantFrom(64, 64, 64, 64, 64, 63, 65, 256, 1).map((size) => Buffer.alloc(size, 0xa5))
const tokens = edited(
  fc.tuple(edited(head, json), edited(payload, json), signature).map((parts) => token(...parts)),
  ['', '.', '=', '+', '_', 'A', 'B', ' ', '\u0141', 'A'.repeat(8192)]
)

t.test('agrees with a reader written in the plainest way', async (t) => {
  const seen = new Set<string>()
  fc.assert(fc.property(tokens, (text) => {
    const faults = faultsOf(text, { ...expected, now })
    const result = outcome(text)
    seen.add(typeof result === 'string' ? result : 'accepted')
    if (typeof result === 'string') return faults.includes(result)
    const reading = readJson(Buffer.from(`${text.split('.')[1]}`, 'base64url').toString())
    return faults.length === 0 && reading.wellFormed && isDeepStrictEqual(result.claims, reading.value)
  }), { numRuns: 10_000 })
  t.same([...seen].sort(), ['accepted', ...tokenReasons].sort(), 'every outcome was met')
})

t.test('answers any text with a token or with TokenRejected', async () => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => typeof outcome(text) === 'string'))
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), fc.uint8Array({ maxLength: 60 }), (head, body) =>
    typeof outcome(token(Buffer.from(head), Buffer.from(body))) === 'string'))
})
