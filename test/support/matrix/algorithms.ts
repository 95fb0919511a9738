import { randomBytes } from 'node:crypto'
import { segment, signSegments } from '../forge.ts'
import { macToken } from '../target.ts'
import { bad, type Case, each, type Materials, presented } from './materials.ts'

/** Keys and algorithms: family A. */
export function algorithmCases (materials: Materials): Case[] {
  return [...ofNone(materials), ...ofMac(materials), ...ofOtherAlgorithms(materials), ...ofSignatures(materials), ...ofForeignKeys(materials), ...ofKeyIds(materials)]
}

const algs = ['ES256', 'RS256', 'EdDSA', 'ES384', 'ES512', 'ES256K', 'RS512', 'PS256', 'Ed448']

function ofNone ({ header, parts: [, p, s], forge }: Materials): Case[] {
  const withAlg = (alg: unknown) => segment({ ...header, alg })
  const { alg: _alg, ...without } = header
  const values = { number: 1, null: null, array: [header.alg], object: { '': header.alg }, boolean: true }
  return [
    ...bad('A001', { 'none alone': `${segment({ alg: 'none' })}.${p}.`, 'none in a header of ours': `${withAlg('none')}.${p}.`, 'without the last dot': `${withAlg('none')}.${p}` }),
    ...bad('A002', each({ None: 'None', NONE: 'NONE', nOnE: 'nOnE' }, (alg) => `${withAlg(alg)}.${p}.`)),
    ...bad('A003', { 'the signature kept': `${withAlg('none')}.${p}.${s}`, 'signed as it stands': forge({ header: { alg: 'none' } }) }),
    ...bad('A005', { 'the signature kept': `${segment(without)}.${p}.${s}`, 'signed as it stands': forge({ header: { alg: undefined } }) }),
    ...bad('A006', each(values, (alg) => `${withAlg(alg)}.${p}.${s}`)),
    ...bad('A006', each(values, (alg) => forge({ header: { alg } })))
  ]
}

function ofMac ({ header, claims, keys: [{ publicKey, publicPem }] }: Materials): Case[] {
  const forms = {
    'the PEM': publicPem, 'the PEM without its last line feed': publicPem.trimEnd(), 'the PEM with CRLF': publicPem.replaceAll('\n', '\r\n'), 'the PEM in one line': publicPem.split('\n').slice(1, -2).join(''),
    'the DER': publicKey.export({ type: 'spki', format: 'der' }), 'the JWK': JSON.stringify(publicKey.export({ format: 'jwk' }))
  }
  const words = ['secret', 'password', 'changeme', 'jwt', 'key', 'test', 'your-256-bit-secret', 'gatehouse', '0'.repeat(32)]
  return [
    ...bad('A008', each(forms, (key) => macToken(header, claims, key))),
    ...bad('A010', { empty: macToken(header, claims, ''), NUL: macToken(header, claims, Buffer.alloc(1)) }),
    ...bad('A011', each(Object.fromEntries(words.map((word) => [word, word])), (word) => macToken(header, claims, word)))
  ]
}

function ofOtherAlgorithms ({ alg: own, header, parts: [, p, s], forge }: Materials): Case[] {
  const others = Object.fromEntries(algs.filter((alg) => alg !== own).map((alg) => [alg, alg]))
  return [...bad('A012', each(others, (alg) => `${segment({ ...header, alg })}.${p}.${s}`)), ...bad('A012', each(others, (alg) => forge({ header: { alg } })))]
}

function ofSignatures ({ good, header, claims, parts: [h, p, s], keys, stranger, forge }: Materials): Case[] {
  // Spelling no spare bits, either may stand at the end of any signature.
  const another = (letter: string | undefined) => letter === 'A' ? 'Q' : 'A'
  const dots = (count: number) => `${h}${'.x'.repeat(count)}`
  const flattened = { protected: h, payload: p, signature: s }
  return [
    ...bad('A014', { 'a fresh key': forge({ key: stranger }) }),
    ...bad('A015', { 'four characters short': good.slice(0, -4), 'the last character': good.slice(0, -1) + another(good.at(-1)), 'the first character': `${h}.${p}.${another(s[0])}${s.slice(1)}` }),
    ...bad('A016', { empty: `${h}.${p}.`, absent: `${h}.${p}` }),
    ...bad('A017', { 'another user': `${h}.${segment({ ...claims, sub: claims.sid })}.${s}`, 'another name': `${h}.${segment({ ...claims, preferred_username: 'bob' })}.${s}`, 'a role': `${h}.${segment({ ...claims, roles: ['admin'] })}.${s}` }),
    ...bad('A018', { 'the other key': `${segment({ ...header, kid: keys[1].kid })}.${p}.${s}`, 'another id': `${segment({ ...header, kid: 'X' })}.${p}.${s}`, 'another order': `${segment({ typ: header.typ, kid: header.kid, alg: header.alg })}.${p}.${s}` }),
    ...bad('A019', { none: h, one: dots(1), 'two and no more': dots(2), four: dots(4), fifty: dots(50), 'only dots': '..', 'a leading dot': `.${good}`, 'a trailing dot': `${good}.` }),
    ...presented('A020', 'invalid_request', { flattened: JSON.stringify(flattened), general: JSON.stringify({ payload: p, signatures: [flattened] }) }),
    ...bad('A033', { 'signed by the next': forge({ key: keys[1] }), 'named as the next': forge({ header: { kid: keys[1].kid } }) })
  ]
}

function ofForeignKeys ({ stranger, forge }: Materials): Case[] {
  const jwk = stranger.publicKey.export({ format: 'jwk' })
  const at = (path: string) => `http://127.0.0.1:9/${path}`
  const signed = (header: object) => forge({ header: { ...header }, key: stranger })
  return [
    ...bad('A022', each({ 'under our key id': { jwk }, 'under its own id': { jwk, kid: stranger.kid }, 'without an id': { jwk, kid: undefined } }, signed)),
    ...bad('A023', each({ jku: { jku: at('jwks') }, 'its own key id': { jku: at('jwks'), kid: stranger.kid }, critical: { jku: at('jwks'), crit: ['jku'] } }, signed)),
    ...bad('A024', each({ x5u: { x5u: at('chain.pem') }, x5c: { x5c: [randomBytes(400).toString('base64')] }, x5t: { x5t: randomBytes(20).toString('base64url') } }, signed)),
    ...bad('A024', { 'signed by the live key': forge({ header: { x5u: at('chain.pem') } }) })
  ]
}

function ofKeyIds ({ header, claims, parts: [, p, s], keys: [key], stranger, forge }: Materials): Case[] {
  const unknown = () => randomBytes(32).toString('base64url').replace(/.$/, 'A')
  const named = (kids: string[]) => Object.fromEntries(kids.map((kid) => [kid, kid]))
  const withKids = (id: string, kids: string[], secret: string) => [...bad(id, each(named(kids), (kid) => forge({ header: { kid } }))), ...bad(id, each(named(kids), (kid) => macToken({ ...header, kid }, claims, secret)))]
  const values = { number: 1, array: [key.kid], object: { [key.kid]: 1 }, null: null, NUL: `${key.kid}\u0000`, CRLF: `${key.kid}\r\nX: 1`, long: 'k'.repeat(5000), 'a prototype': '__proto__', 'a method': 'toString' }
  return [
    ...bad('A026', { absent: forge({ header: { kid: undefined } }), unknown: forge({ header: { kid: unknown() } }) }),
    ...bad('A027', Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`${i}`, `${segment({ ...header, kid: unknown() })}.${p}.${s}`]))),
    ...bad('A027', { 'signed by the key it names': signSegments(segment({ ...header, kid: stranger.kid }), p, stranger) }),
    ...withKids('A028', ['../../../../../../dev/null', '/dev/null', '/invalid_path', '', `../${key.kid}`, `${key.kid}.pem`], ''),
    ...withKids('A029', ["x' UNION SELECT '1';--", "' OR '1'='1", "'; DROP TABLE signing_keys;--"], '1'),
    ...withKids('A030', ['|sleep 10', '$(sleep 10)', '`sleep 10`', 'x\nsleep 10'], ''),
    ...bad('A032', each(values, (kid) => forge({ header: { kid } })))
  ]
}
