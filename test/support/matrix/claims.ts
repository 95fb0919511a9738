import { deflateRawSync } from 'node:zlib'
import { rawSegment, segment, signSegments } from '../forge.ts'
import { bad, type Case, each, type Materials, presented } from './materials.ts'

/** Kinds of tokens and what they say: families B and C. */
export function claimCases (materials: Materials): Case[] {
  return [...ofKinds(materials), ...ofForms(materials), ...ofTimes(materials), ...ofNames(materials), ...ofTexts(materials), ...ofSizes(materials)]
}

function ofKinds ({ header, claims, reply, keys: [key], forge }: Materials): Case[] {
  const typed = (types: string[]) => each(Object.fromEntries(types.map((typ) => [typ, typ])), (typ) => forge({ header: { typ } }))
  const { sub, iss, iat, exp, jti, sid } = claims
  const kinds = {
    'an ID token': { iss, sub, aud: 'gatehouse', exp, iat, auth_time: iat, nonce: 'n' },
    'an e-mail link': { iss, sub, aud: 'api', exp, iat, jti, email: 'alice@example.com', purpose: 'verify-email' },
    'an introspection reply': { iss, aud: 'api', iat, exp, jti, token_introspection: { ...claims, active: true } },
    'a logout token': { iss, sub, aud: 'api', iat, exp, jti, sid, events: {} }
  }
  return [
    ...bad('B035', typed(['JWT', 'jwt'])),
    ...bad('B036', each({ absent: undefined, null: null, empty: '' }, (typ) => forge({ header: { typ } }))),
    ...bad('B037', typed(['AT+JWT', 'application/at+jwt', 'at+jwt ', ' at+jwt'])),
    ...bad('B039', { 'refresh token': reply.refresh_token }),
    ...bad('B041', typed(['id+jwt', 'logout+jwt', 'rt+jwt', 'dpop+jwt', 'secevent+jwt'])),
    ...bad('B041', each(kinds, (others) => signSegments(segment(header), segment(others), key)))
  ]
}

function ofForms ({ header, claims, good, parts: [h, p, s], keys: [key], forge }: Materials): Case[] {
  const unencoded = segment({ ...header, crit: ['b64'], b64: false })
  const zipped = segment({ ...header, zip: 'DEF' })
  const deflated = rawSegment(deflateRawSync(JSON.stringify(claims)))
  return [
    ...bad('B042', each({ unknown: { crit: ['x'], x: 1 }, 'not there': { crit: ['x'] }, empty: { crit: [] }, null: { crit: null }, 'not critical': { x: 1 } }, (more) => forge({ header: more }))),
    ...bad('B043', { 'sent encoded': signSegments(unencoded, p, key), 'sent without': `${unencoded}..${s}`, 'b64 alone': forge({ header: { b64: false } }), 'as it is anyway': forge({ header: { crit: ['b64'], b64: true } }) }),
    ...presented('B043', 'invalid_request', { 'sent raw': signSegments(unencoded, JSON.stringify(claims), key) }),
    ...bad('B045', { 'as it is': signSegments(segment({ ...header, cty: 'JWT' }), rawSegment(good), key), 'without cty': signSegments(h, rawSegment(good), key), 'cty over claims': forge({ header: { cty: 'JWT' } }) }),
    ...bad('B046', { deflated: signSegments(zipped, deflated, key), 'not said': signSegments(h, deflated, key), 'said alone': forge({ header: { zip: 'DEF' } }) }),
    ...bad('B046', { JWE: `${segment({ alg: 'ECDH-ES', enc: 'A256GCM', typ: 'at+jwt', kid: key.kid })}..${p}.${p}.${s}`, 'an SD-JWT': `${good}~` })
  ]
}

const now = () => Math.floor(Date.now() / 1000)

function ofTimes ({ claims, forge, parts: [h], keys: [key] }: Materials): Case[] {
  const [exp, iat] = [Number(claims.exp), Number(claims.iat)]
  const life = exp - iat
  const dyingIn = (seconds: number) => ({ iat: now() + seconds - life, exp: now() + seconds })
  const withClaims = (values: Record<string, object>) => each(values, (changes) => forge({ claims: { ...changes } }))
  const text = JSON.stringify(claims)
  return [
    ...presented('C047', 'accepted', withClaims({ 'within the clocks\' difference': dyingIn(-1), 'with nbf': { nbf: now() } })),
    ...bad('C047', withClaims({ 'a minute ago': dyingIn(-60), 'long ago': dyingIn(-86_400), 'at the epoch': { iat: -life, exp: 0 } })),
    ...bad('C048', withClaims({ 'beyond the clocks\' difference': dyingIn(-6) })),
    ...bad('C049', withClaims({ absent: { exp: undefined } })),
    ...bad('C050', withClaims({ text: { exp: `${exp}` }, null: { exp: null }, list: { exp: [exp] }, object: { exp: {} }, true: { exp: true }, half: { exp: exp - 0.5 } })),
    ...bad('C050', each({ '1e999': '1e999', '-1e999': '-1e999' }, (number) => signSegments(h, rawSegment(text.replace(`"exp":${exp}`, `"exp":${number}`)), key))),
    // Another service does not know how long tokens live here, but that none lives longer than an hour.
    ...bad('C053', withClaims({ 'beyond an hour': { exp: iat + 3601 }, 'as far as numbers go': { exp: Number.MAX_SAFE_INTEGER }, 'before iat': { exp: iat - 1 } })),
    ...bad('C054', withClaims({ 'in five minutes': { nbf: now() + 300 }, text: { nbf: 'x' }, null: { nbf: null }, list: { nbf: [now()] } })),
    ...bad('C055', withClaims({ 'in an hour': dyingIn(3600 + life), 'in a minute': dyingIn(60 + life) })),
    ...bad('C056', withClaims({ absent: { iat: undefined }, word: { iat: 'now' }, text: { iat: `${iat}` }, null: { iat: null } }))
  ]
}

function ofNames ({ claims, forge }: Materials): Case[] {
  const withClaim = (name: string, values: Record<string, unknown>) => each(values, (value) => forge({ claims: { [name]: value } }))
  return [
    ...bad('C057', withClaim('iss', { absent: undefined, other: 'https://evil.test', slash: 'https://auth.test/', capitals: 'https://AUTH.test', http: 'http://auth.test', longer: 'https://auth.test.evil.test', empty: '' })),
    ...bad('C058', withClaim('iss', { 'ours first': ['https://auth.test', 'https://evil'], 'ours alone': ['https://auth.test'] })),
    ...bad('C059', withClaim('aud', { absent: undefined, other: 'evil', longer: 'api2', shorter: 'ap', capitals: 'API', none: [], others: ['api2', 'ap'], nested: [['api']], number: ['api', 1], object: { api: 1 } })),
    ...presented('C060', 'accepted', withClaim('aud', { 'others too': ['other', 'api'], 'ours first': ['api', 'other'] })),
    ...bad('C062', withClaim('sub', { absent: undefined, empty: '', number: 1, null: null, list: [claims.sub], long: 's'.repeat(4000), 'two lines': `${claims.sub}\r\nX-Auth-Roles: admin` })),
    ...bad('C064', withClaim('jti', { absent: undefined, empty: '', number: 1, null: null })),
    ...['client_id', 'sid', 'scope', 'roles', 'preferred_username'].flatMap((name) => bad('C064', each({ absent: undefined, null: null, number: 1 }, (value) => forge({ claims: { [name]: value } }))))
  ]
}

function ofTexts ({ header, claims, parts: [h], keys: [key, next] }: Materials): Case[] {
  const [headerText, text] = [JSON.stringify(header), JSON.stringify(claims)]
  const more = (object: string, member: string) => object.replace(/}$/, `,${member}}`)
  const heads = (id: string, values: Record<string, string>) => bad(id, each(values, (head) => signSegments(rawSegment(head), rawSegment(text), key)))
  const payloads = (id: string, values: Record<string, string | Uint8Array>) => bad(id, each(values, (payload) => signSegments(h, rawSegment(payload), key)))
  const role = '{"role":"admin","roles":["admin"]}'
  return [
    ...heads('C065', { 'none first': headerText.replace('{', '{"alg":"none",'), 'none last': more(headerText, '"alg":"none"'), 'escaped once': more(headerText, '"\\u0061lg":"none"'), 'kid twice': more(headerText, `"kid":"${next.kid}"`) }),
    ...payloads('C066', { 'another sub': more(text, `"sub":"${claims.sid}"`), 'the same sub': more(text, `"sub":"${claims.sub}"`), 'escaped once': more(text, `"s\\u0075b":"${claims.sid}"`), 'exp twice': more(text, '"exp":9999999999') }),
    ...payloads('C068', { 'a prototype': more(text, `"__proto__":${role}`), escaped: more(text, `"\\u005f_proto__":${role}`) }),
    ...payloads('C069', { 'a constructor': more(text, `"constructor":{"prototype":${role}}`), prototype: more(text, `"prototype":${role}`) }),
    ...payloads('C070', { array: '[1]', 'ours in an array': `[${text}]`, string: '"x"', number: '1', null: 'null', boolean: 'true', empty: '{}' }),
    ...payloads('C071', { word: 'foo', 'cut off': text.slice(0, -1), rest: `${text}x`, twice: `${text}${text}`, comma: text.replace(/}$/, ',}'), 'UTF-16': Buffer.from(text, 'utf16le'), 'ill-formed': Buffer.from(text.replace('alice', 'al\u00efce'), 'latin1') }),
    ...heads('C072', { array: '[]', 'ours in an array': `[${headerText}]`, null: 'null', string: '"x"', number: '1', empty: '{}', 'no JSON': 'foo' }),
    ...heads('C073', { 'in the header': `\ufeff${headerText}` }),
    ...payloads('C073', { 'in the payload': `\ufeff${text}` })
  ]
}

function ofSizes ({ header, claims, good, keys: [key] }: Materials): Case[] {
  const [headerText, text] = [JSON.stringify(header), JSON.stringify(claims)]
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
  const more = (object: string, member: string) => object.replace(/}$/, `,${member}}`)
  const signed = (head: string, payload: string) => signSegments(rawSegment(head), rawSegment(payload), key)
  const padded = (length: number) => signed(headerText, text + ' '.repeat(Math.floor((length - good.length) * 3 / 4)))
  return [
    ...bad('C075', { 'a deep header': signed(nested(2700), text), 'a deep member': signed(more(headerText, `"x":${nested(2000)}`), text), 'a deep claim': signed(headerText, more(text, `"x":${nested(2000)}`)) }),
    ...bad('C075', { 'many claims': signed(headerText, more(text, Array.from({ length: 500 }, (_, i) => `"${i}":0`).join())), 'a long number': signed(headerText, more(text, `"n":${'9'.repeat(4000)}`)) }),
    ...presented('C076', 'accepted', { 'close to 8 KiB': padded(8190) }),
    ...bad('C076', { 'beyond 8 KiB': padded(8200), '12 KiB': padded(12_288) })
  ]
}
