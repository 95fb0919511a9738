import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { TokenReply } from '../../../schemas/login.ts'
import { segment, signSegments } from '../forge.ts'
import type { HeaderLine } from '../http.ts'
import { readSegment } from '../target.ts'

export type Algorithm = 'ES256' | 'RS256' | 'EdDSA'
type Members = Record<string, unknown>

/** What is sent, and what has to come of it wherever a token is asked for. */
export interface Case {
  /** The attack it belongs to, as the tests of the family name it. */
  id: string
  what: string
  lines: readonly HeaderLine[]
  outcome: 'accepted' | 'invalid_token' | 'missing_token' | 'invalid_request'
}

export interface Key {
  kid: string
  alg: Algorithm
  privateKey: KeyObject
  publicKey: KeyObject
  publicPem: string
}

/** What an attacker holds and what nobody should, under one algorithm. */
export interface Materials {
  alg: Algorithm
  /** The key that signs and the next one. */
  keys: readonly [Key, Key]
  /** Of the same algorithm and of nobody. */
  stranger: Key
  /** Alice's token reply, and the three parts of its access token. */
  reply: TokenReply
  good: string
  parts: readonly [header: string, payload: string, signature: string]
  header: Members
  claims: Members
  /** Alice's token, changed and signed again by the live key or by another. */
  forge (changes: { header?: Members, claims?: Members, key?: Pick<Key, 'alg' | 'privateKey'> }): string
}

const generators: Record<Algorithm, () => { privateKey: KeyObject, publicKey: KeyObject }> = {
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 3072 }),
  EdDSA: () => generateKeyPairSync('ed25519')
}

export function createMaterials ({ keys }: Pick<FastifyInstance, 'keys'>, alg: Algorithm, reply: TokenReply): Materials {
  const good = reply.access_token
  const parts = good.split('.') as [string, string, string]
  const [header, claims] = [readSegment(good, 0), readSegment(good, 1)]
  const [active, next] = keys.list().filter(({ state }) => state !== 'retired').map(({ kid }) => liveKey(keys, kid)) as [Key, Key]
  const { privateKey, publicKey } = generators[alg]()
  const stranger = { kid: `${'A'.repeat(42)}E`, alg, privateKey, publicKey, publicPem: publicKey.export({ type: 'spki', format: 'pem' }) as string }
  return {
    alg,
    keys: [active, next],
    stranger,
    reply,
    good,
    parts,
    header,
    claims,
    forge: ({ header: otherHeader = {}, claims: otherClaims = {}, key = active }) => signSegments(segment({ ...header, ...otherHeader }), segment({ ...claims, ...otherClaims }), key)
  }
}

function liveKey (keys: FastifyInstance['keys'], kid: string): Key {
  const { alg, privatePem, publicPem } = keys.find(kid) ?? unknown(kid)
  return { kid, alg, privateKey: createPrivateKey(privatePem ?? unknown(kid)), publicKey: createPublicKey(publicPem), publicPem }
}

function unknown (kid: string): never {
  throw new Error(`the service does not hold ${kid}`)
}

export const bearer = (token: string): HeaderLine => ['authorization', `Bearer ${token}`]

/** Tokens that are all bad ones, by what is wrong with them. */
export function bad (id: string, tokens: Record<string, string>): Case[] {
  return presented(id, 'invalid_token', tokens)
}

/** Tokens with one outcome. */
export function presented (id: string, outcome: Case['outcome'], tokens: Record<string, string>): Case[] {
  return Object.entries(tokens).map(([what, token]) => ({ id, what, lines: [bearer(token)], outcome }))
}

/** Values of one header line with one outcome. */
export function sent (id: string, outcome: Case['outcome'], values: Record<string, string>): Case[] {
  return Object.entries(values).map(([what, value]) => ({ id, what, lines: [['authorization', value]], outcome }))
}

/** A record of what is made of each value. */
export function each<T> (values: Record<string, T>, make: (value: T) => string): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([what, value]) => [what, make(value)]))
}
