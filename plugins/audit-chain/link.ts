import { createHash, sign, verify } from 'node:crypto'
import type { StoredEvent } from '../audit.ts'
import type { AbleKey, SigningKey } from '../keys.ts'

/** What an entry says: an event as it is stored. */
export type Entry = StoredEvent

/** How far a chain has come: the place of an entry, counted from 1, and its digest. */
export interface Position {
  place: number
  digest: string
}

/** `head`: what the chain was up to there. `start`: what was before has left, and the chain goes on from there. */
export type HeadKind = 'head' | 'start'

/** A position that the service has signed. */
export interface Head extends Position {
  kind: HeadKind
  signedAt: number
  kid: string
  /** In base64url. */
  signature: string
}

/** Before the first entry. */
export const origin: Position = { place: 0, digest: '' }

/** The digest of an entry at its place behind the one whose digest is `before`: SHA-256 over all of it, in base64url. */
export function digestOf ({ id, at, event, userId, actor, ip, requestId, detail }: Entry, place: number, before: string): string {
  return createHash('sha256').update(JSON.stringify([before, place, id, at, event, userId, actor, ip, requestId, detail])).digest('base64url')
}

const hashes = { ES256: 'sha256', RS256: 'sha256', EdDSA: null }

/** What is signed is no JWS and cannot be taken for one: the key signs tokens as well. */
function textOf ({ kind, place, digest, signedAt }: Omit<Head, 'kid' | 'signature'>): Buffer {
  return Buffer.from(`gatehouse audit ${kind}\n${place}\n${digest}\n${signedAt}\n`)
}

export function signHead (position: Omit<Head, 'kid' | 'signature'>, { kid, alg, privatePem }: Pick<AbleKey, 'kid' | 'alg' | 'privatePem'>): Head {
  return { ...position, kid, signature: sign(hashes[alg], textOf(position), privatePem).toString('base64url') }
}

export function isSignedBy (head: Head, { alg, publicPem }: Pick<SigningKey, 'alg' | 'publicPem'>): boolean {
  return verify(hashes[alg], textOf(head), publicPem, Buffer.from(head.signature, 'base64url'))
}
