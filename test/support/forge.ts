import { createPrivateKey, type KeyObject, sign } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { createVault } from '../../plugins/secrets/vault.ts'
import type { Service } from './service.ts'

export interface LiveKey {
  kid: string
  alg: string
  privateKey: KeyObject
}

/** The service's own signing keys, opened with its secret: what only somebody who holds both can do. Soonest to sign first. */
export function liveKeys ({ databaseFile, secretKey }: Pick<Service, 'databaseFile' | 'secretKey'>): LiveKey[] {
  const database = new DatabaseSync(databaseFile, { readOnly: true })
  try {
    const rows = database.prepare('select kid, alg, private_key from signing_keys order by signs_from').all() as Array<Record<'kid' | 'alg' | 'private_key', string>>
    const vault = createVault(secretKey)
    return rows.map(({ kid, alg, private_key: sealed }) => ({ kid, alg, privateKey: createPrivateKey(vault.open('signing-key', kid, sealed)) }))
  } finally {
    database.close()
  }
}

/** A JSON value as a segment of a token. */
export function segment (value: unknown): string {
  return rawSegment(JSON.stringify(value))
}

/** A text, or bytes as they are, as a segment of a token. */
export function rawSegment (content: string | Uint8Array): string {
  return Buffer.from(content).toString('base64url')
}

/** A compact JWS over two segments as they are, signed as the key's algorithm says. */
export function signSegments (header: string, payload: string, { alg, privateKey }: Pick<LiveKey, 'alg' | 'privateKey'>): string {
  const input = Buffer.from(`${header}.${payload}`)
  const signature = sign(alg === 'EdDSA' ? null : 'sha256', input, { key: privateKey, dsaEncoding: 'ieee-p1363' })
  return `${header}.${payload}.${signature.toString('base64url')}`
}
