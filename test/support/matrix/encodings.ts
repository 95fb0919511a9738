import { sign } from 'node:crypto'
import { rawSegment, segment, signSegments } from '../forge.ts'
import type { HeaderLine } from '../http.ts'
import { impossibleSignatures, otherSignature } from '../signature-forms.ts'
import { bad, bearer, type Case, each, type Materials, presented, sent } from './materials.ts'

/** How tokens are spelt and how they are sent: families D and E. */
export function encodingCases (materials: Materials): Case[] {
  return [...ofSpellings(materials), ...ofSignatures(materials), ...ofLines(materials), ...ofSeveralLines(materials)]
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** The other spellings of a segment that decode to the same bytes. */
function spellings (segment: string): string[] {
  const spare = { 2: 4, 3: 2 }[segment.length % 4] ?? 0
  const last = alphabet.indexOf(segment.at(-1) as string)
  return Array.from({ length: 2 ** spare - 1 }, (_, i) => segment.slice(0, -1) + alphabet[last + i + 1])
}

const numbered = (values: string[]) => Object.fromEntries(values.map((value, index) => [`${index}`, value]))

function ofSpellings ({ good, header, claims, parts: [h, p, s], keys: [key], forge }: Materials): Case[] {
  const both = [forge({}), ...Array.from({ length: 100 }, (_, i) => forge({ claims: { jti: `${i}` } }))].find((token) => /-.*_|_.*-/.test(token.split('.')[2] as string)) as string
  const [bothHead, bothPayload, bothSignature = ''] = both.split('.')
  const strange = { space: ' ', TAB: '\t', '%2E': '%2E', comma: ',', quote: '"', 'padding inside': '=', colon: ':', NBSP: '\u00a0', 'beyond ASCII': '\u00e9' }
  const headers = [0, 1, 2].flatMap((spaces) => spellings(rawSegment(JSON.stringify(header) + ' '.repeat(spaces))))
  const payloads = [0, 1, 2].flatMap((spaces) => spellings(rawSegment(JSON.stringify(claims) + ' '.repeat(spaces))))
  return [
    ...presented('D077', 'accepted', { 'as it was': good, 'white space in the JSON': signSegments(rawSegment(`${JSON.stringify(header)} `), rawSegment(`${JSON.stringify(claims)}\n`), key), 'both letters': both }),
    ...bad('D077', { one: `${good}=`, two: `${good}==`, many: `${good}${'='.repeat(20)}` }),
    ...bad('D078', { plus: `${bothHead}.${bothPayload}.${bothSignature.replaceAll('-', '+')}`, slash: `${bothHead}.${bothPayload}.${bothSignature.replaceAll('_', '/')}` }),
    // 384 bytes of RS256 leave no bits over: there the header and the payload alone have other spellings.
    ...bad('D079', numbered([...spellings(s).map((other) => `${h}.${p}.${other}`), ...headers.map((other) => signSegments(other, p, key)), ...payloads.map((other) => signSegments(h, other, key))])),
    ...presented('D081', 'invalid_request', each(strange, (between) => `${h}${between}.${p}.${s}`))
  ]
}

function ofSignatures ({ alg, header, parts: [h, p, s], keys: [key], forge, stranger }: Materials): Case[] {
  const bytes = Buffer.from(s, 'base64url')
  const zero = Buffer.alloc(1)
  const withSignature = (signature: Uint8Array, head = h) => `${head}.${p}.${rawSegment(signature)}`
  const der = sign(alg === 'EdDSA' ? null : 'sha256', Buffer.from(`${h}.${p}`), key.privateKey)
  const otherLengths = { short: bytes.subarray(0, -1), long: Buffer.concat([bytes, zero]), 'long before': Buffer.concat([zero, bytes]), half: bytes.subarray(0, bytes.length / 2), twice: Buffer.concat([bytes, bytes]), one: zero }
  return [
    ...bad('D082', { zeros: withSignature(Buffer.alloc(bytes.length)) }),
    ...bad('D083', numbered(impossibleSignatures(alg).map((signature) => withSignature(signature)))),
    ...bad('D085', alg === 'ES256' ? { DER: withSignature(der), 'DER, cut': withSignature(der.subarray(0, 64)) } : { 'its halves swapped': withSignature(Buffer.concat([bytes.subarray(bytes.length / 2), bytes.subarray(0, bytes.length / 2)])) }),
    ...bad('D088', each(otherLengths, (signature) => withSignature(signature))),
    ...bad('D088', each({ ES256: 'ES256', EdDSA: 'EdDSA' }, (other) => withSignature(Buffer.alloc(64), segment({ ...header, alg: other })))),
    ...bad('D088', { 'a stranger\'s': forge({ key: stranger }) }),
    ...presented('D088', alg === 'ES256' ? 'accepted' : 'invalid_token', { 'the other signature of the same': withSignature(otherSignature(alg, bytes, key.publicKey)) })
  ]
}

function ofLines ({ good }: Materials): Case[] {
  return [
    { id: 'E090', what: 'no Authorization', lines: [], outcome: 'missing_token' },
    ...sent('E090', 'missing_token', { empty: '' }),
    ...sent('E091', 'missing_token', { Basic: 'Basic dTpw', Digest: 'Digest username="alice"', DPoP: `DPoP ${good}`, Token: `Token ${good}`, 'a longer scheme': `Bearers ${good}`, 'with a hyphen': `Bearer-Token ${good}`, 'no scheme': good, 'another before': `Basic Bearer ${good}` }),
    ...sent('E092', 'invalid_request', { alone: 'Bearer', spaces: `Bearer${' '.repeat(20)}`, 'in small letters': 'bearer' }),
    ...sent('E093', 'accepted', { bearer: `bearer ${good}`, BEARER: `BEARER ${good}`, bEaReR: `bEaReR ${good}` }),
    ...sent('E094', 'accepted', { two: `Bearer  ${good}`, twenty: `Bearer${' '.repeat(20)}${good}` }),
    ...sent('E095', 'invalid_request', { TAB: `Bearer\t${good}`, 'a space and a TAB': `Bearer \t${good}`, 'a word behind': `Bearer ${good} x`, 'a parameter behind': `Bearer ${good}, scope="admin"`, 'token=': `Bearer token="${good}"`, 'no space': `Bearer,${good}` }),
    ...sent('E097', 'invalid_request', { 'good, good': `Bearer ${good}, Bearer ${good}`, 'good,good': `Bearer ${good},Bearer ${good}` })
  ]
}

function ofSeveralLines ({ good, forge }: Materials): Case[] {
  const wrong = forge({ claims: { aud: 'evil' } })
  const basic: HeaderLine = ['authorization', 'Basic dTpw']
  const pairs: Record<string, HeaderLine[]> = {
    'good, bad': [bearer(good), bearer(wrong)], 'bad, good': [bearer(wrong), bearer(good)], 'good, good': [bearer(good), bearer(good)], 'another scheme first': [basic, bearer(good)],
    'another scheme last': [bearer(good), basic], 'no Bearer': [basic, basic], 'an empty one last': [bearer(good), ['authorization', '']], 'another spelling': [bearer(good), ['AUTHORIZATION', `Bearer ${wrong}`]], fifty: Array(50).fill(bearer('x'))
  }
  const named = (id: string, names: string[], value: string) => names.map((name): Case => ({ id, what: name, lines: [[name, value]], outcome: 'missing_token' }))
  return [
    ...Object.entries(pairs).map(([what, lines]): Case => ({ id: 'E096', what, lines, outcome: 'invalid_request' })),
    ...named('E098', ['x-access-token', 'cookie'], `access_token=${good}`),
    ...named('E102', ['proxy-authorization', 'x-authorization', 'x-forwarded-authorization', 'x-original-authorization'], `Bearer ${good}`),
    { id: 'E102', what: 'both', lines: [['proxy-authorization', `Bearer ${wrong}`], bearer(good)], outcome: 'accepted' },
    ...['__proto__', 'constructor', 'toString'].flatMap((name): Case[] => [
      { id: 'E103', what: `${name}, no token`, lines: [[name, 'x']], outcome: 'missing_token' },
      { id: 'E103', what: `${name} and a token`, lines: [[name, 'x'], bearer(good)], outcome: 'accepted' }
    ])
  ]
}
