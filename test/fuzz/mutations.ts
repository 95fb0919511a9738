import { sign } from 'node:crypto'
import { rawSegment, segment, signSegments } from '../support/forge.ts'
import { impossibleSignatures, otherSignature } from '../support/signature-forms.ts'
import type { Chance } from './chance.ts'
import { expected, type Key, type Members, moment, type Seed, seeds, strangers } from './seeds.ts'
import { type Spelling, spellings } from './spellings.ts'
import { textMutations } from './texts.ts'

export interface Mutant {
  /** What was done to it. */
  what: string
  text: string
  /** True where the live key signed exactly this, or where it is the other number that ECDSA has for the same signature. */
  vouched: boolean
}

type Mutation = (seed: Seed, chance: Chance) => Omit<Mutant, 'what'>

/** How many mutants carry an old signature for each that is signed anew: an RSA signature takes a thousand times what the refusal does. */
const rarity = { ES256: 20, EdDSA: 20, RS256: 1000 }

const impossible = { ES256: impossibleSignatures('ES256'), RS256: impossibleSignatures('RS256'), EdDSA: impossibleSignatures('EdDSA') }
const values: readonly unknown[] = [
  undefined, null, true, false, 0, 1, -1, 0.5, 2 ** 53, -(2 ** 53), 1e308, '', ' ', 'a', '0', 'null', 'api', 'admin', 'a b', 'a  b', '\u0000', '\u00e9', '\ud800', 'x'.repeat(255), 'x'.repeat(256),
  [], {}, [[]], [null], ['api'], ['admin', 1], [''], Array(65).fill('r'), { '': 'ES256' }, 'https://auth.test', 'https://auth.test/', 'HTTPS://AUTH.TEST', ['https://auth.test'],
  ...[-3600, -606, -605, -600, -101, -100, -6, -5, -4, 0, 4, 5, 6, 500, 501, 600, 3600].flatMap((distance) => [moment + distance, `${moment + distance}`])
]
const claimNames = ['iss', 'aud', 'sub', 'exp', 'iat', 'nbf', 'jti', 'sid', 'client_id', 'scope', 'roles', 'preferred_username', 'email', 'role', 'cnf', 'act', 'azp', 'x']
const algs = ['none', 'None', '', 'HS256', 'ES256', 'RS256', 'EdDSA', 'PS256', 'ES384', 'ES256K', 'Ed25519', 'es256', 'ES256 ', 'RS256\u0000', 'toString', 1, null, ['ES256'], undefined]
const types = ['JWT', 'at+JWT', 'application/at+jwt', 'id+jwt', 'rt+jwt', '', 'at+jwt ', null, 1, ['at+jwt'], undefined]
const extras: Members = {
  crit: ['x'], b64: false, jku: 'http://127.0.0.1:9/jwks', jwk: { kty: 'oct', k: '' }, x5u: 'http://127.0.0.1:9/', x5c: ['MII'], x5t: 'a', zip: 'DEF', cty: 'JWT', enc: 'A128GCM', epk: {}, apu: '', p2c: 1e9, x: 1
}

/** The two segments under the seed's key, now and then signed for them. */
function sealed (header: string | Uint8Array, payload: string | Uint8Array, { key, parts }: Seed, chance: Chance): Omit<Mutant, 'what'> {
  const [head, body] = [rawSegment(header), rawSegment(payload)]
  if (chance.once(rarity[key.alg])) return { text: signSegments(head, body, key), vouched: true }
  return { text: `${head}.${body}.${parts[2]}`, vouched: false }
}

function spelt (members: Members, chance: Chance): string | Buffer {
  return (spellings[chance.pick(Object.keys(spellings))] as Spelling)(members, chance)
}

function withSignature ({ parts }: Seed, signature: Uint8Array): Omit<Mutant, 'what'> {
  return { text: `${parts[0]}.${parts[1]}.${rawSegment(signature)}`, vouched: false }
}

/** The other signature that somebody can make who has one. For ECDSA it holds; for the others it must not. */
function twin (seed: Seed): Omit<Mutant, 'what'> {
  const { alg, publicKey } = seed.key
  return { ...withSignature(seed, otherSignature(alg, Buffer.from(seed.parts[2], 'base64url'), publicKey)), vouched: alg === 'ES256' }
}

function otherLength (seed: Seed, chance: Chance): Omit<Mutant, 'what'> {
  const bytes = Buffer.from(seed.parts[2], 'base64url')
  const zero = Buffer.alloc(1)
  const others = [bytes.subarray(1), bytes.subarray(0, -1), Buffer.concat([bytes, zero]), Buffer.concat([zero, bytes]), Buffer.concat([bytes, bytes]), Buffer.alloc(64), Buffer.alloc(384)]
  return withSignature(seed, chance.pick(others))
}

export const mutations: Record<string, Mutation> = {
  'a text mutation': ({ text }, chance) => ({ text: mutated(text, chance), vouched: false }),
  'a splice': ({ parts, key }, chance) => {
    const other = () => chance.pick(chance.once(3) ? seeds : seeds.filter((seed) => seed.key.alg === key.alg)).parts
    const pieces = [0, 1, 2].map((index) => (chance.once(2) ? parts : other())[chance.once(16) ? chance.below(3) : index] as string)
    if (chance.once(8)) pieces.splice(chance.below(4), chance.below(2), chance.pick(['', 'e30', ...parts]))
    return { text: pieces.join('.'), vouched: false }
  },
  'a claim changed': (seed, chance) => {
    const claims = { ...seed.claims, [chance.pick(claimNames)]: chance.pick(values) }
    return sealed(JSON.stringify(seed.header), JSON.stringify(chance.once(3) ? { ...claims, [chance.pick(claimNames)]: chance.pick(values) } : claims), seed, chance)
  },
  'other times': (seed, chance) => {
    const around = (place: number) => place + chance.below(5) - 2
    const [iat, life, nbf] = [around(chance.pick([moment - 605, moment - 100, moment, moment + 5])), around(chance.pick([0, 100, 600])), around(moment + 5)]
    return sealed(JSON.stringify(seed.header), JSON.stringify({ ...seed.claims, iat, exp: iat + life, ...chance.once(2) ? { nbf } : {} }), seed, chance)
  },
  'claims written otherwise': (seed, chance) => sealed(JSON.stringify(seed.header), spelt(seed.claims, chance), seed, chance),
  'a header written otherwise': (seed, chance) => sealed(spelt(seed.header, chance), JSON.stringify(seed.claims), seed, chance),
  'a header changed': (seed, chance) => {
    const kids = [chance.pick(seeds).key.kid, chance.pick(strangers).kid, '', '../../dev/null', '\' OR 1=1', 'x'.repeat(43), `${seed.key.kid}A`, null, undefined, 1, [seed.key.kid]]
    const extra = chance.pick(Object.keys(extras))
    const change = chance.pick<Members>([{ alg: chance.pick(algs) }, { typ: chance.pick(types) }, { kid: chance.pick(kids) }, { [extra]: extras[extra] }])
    return sealed(JSON.stringify({ ...seed.header, ...change }), JSON.stringify(seed.claims), seed, chance)
  },
  'bytes of the signature': (seed, chance) => {
    const bytes = Buffer.from(seed.parts[2], 'base64url')
    const at = chance.below(bytes.length)
    bytes[at] = (bytes[at] as number) ^ 1 << chance.below(8)
    return withSignature(seed, bytes)
  },
  'another length of signature': otherLength,
  'numbers no signature has': (seed, chance) => withSignature(seed, chance.pick(impossible[seed.key.alg])),
  'halves swapped': (seed) => {
    const bytes = Buffer.from(seed.parts[2], 'base64url')
    return withSignature(seed, Buffer.concat([bytes.subarray(bytes.length / 2), bytes.subarray(0, bytes.length / 2)]))
  },
  'the other signature': twin,
  'in DER': (seed, chance) => {
    if (seed.key.alg !== 'ES256') return otherLength(seed, chance)
    const der = sign('sha256', Buffer.from(`${seed.parts[0]}.${seed.parts[1]}`), seed.key.privateKey)
    return withSignature(seed, chance.pick([der, der.subarray(0, 64), der.subarray(-64)]))
  },
  'signed by a stranger': (seed, chance) => {
    const stranger = strangers.find(({ alg }) => alg === seed.key.alg) as Key
    if (!chance.once(rarity[seed.key.alg])) return { text: `${segment({ ...seed.header, kid: stranger.kid })}.${seed.parts[1]}.${seed.parts[2]}`, vouched: false }
    return { text: signSegments(chance.once(2) ? seed.parts[0] : segment({ ...seed.header, kid: stranger.kid }), seed.parts[1], stranger), vouched: false }
  },
  'another issuer\'s': (seed, chance) => sealed(JSON.stringify(seed.header), JSON.stringify({ ...seed.claims, iss: `${expected.issuer}${chance.pick(['.evil.test', '/', ':443', '#', '?', '\u0000'])}` }), seed, chance),
  'for another audience': (seed, chance) => sealed(JSON.stringify(seed.header), JSON.stringify({ ...seed.claims, aud: chance.pick<unknown>(['ap', 'apis', 'API', 'api ', '', [], ['ap', 'i'], ['orders'], Array(17).fill('api')]) }), seed, chance)
}

/** How often each comes: what costs little and what goes deep into the reader, more often than what only a signature refuses. */
const weights: Record<string, number> = { 'a text mutation': 16, 'claims written otherwise': 5, 'a header written otherwise': 5, 'a header changed': 4, 'a claim changed': 4, 'other times': 4, 'another length of signature': 2 }
const plan = Object.keys(mutations).flatMap((name) => Array<string>(weights[name] ?? 1).fill(name))

function mutated (text: string, chance: Chance): string {
  const mutation = textMutations[chance.pick(Object.keys(textMutations))] as (text: string, chance: Chance) => string
  return text === '' ? text : mutation(text, chance)
}

/** The next mutant of a seed: one change, and sometimes another one on top. */
export function mutate (seed: Seed, chance: Chance): Mutant {
  const what = chance.pick(plan)
  const mutant = (mutations[what] as Mutation)(seed, chance)
  if (!chance.once(6)) return { what, ...mutant }
  const text = mutated(mutant.text, chance)
  return { what: `${what}, and a text mutation`, text, vouched: mutant.vouched && text === mutant.text }
}
