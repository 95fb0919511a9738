import { createPrivateKey, type KeyObject, sign } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { createVault } from '../../plugins/secrets/vault.ts'
import type { Service } from './service.ts'

export interface LiveKey {
  kid: string
  alg: string
  privateKey: KeyObject
}

export const keyRows = 'select kid, alg, private_key from signing_keys order by signs_from'

/** The service's own signing keys, opened with its secret: what only somebody who holds both can do. Soonest to sign first. */
export function liveKeys ({ databaseFile, secretKey }: Pick<Service, 'databaseFile' | 'secretKey'>): LiveKey[] {
  const database = new DatabaseSync(databaseFile, { readOnly: true })
  try {
    return openKeys(database.prepare(keyRows).all(), secretKey)
  } finally {
    database.close()
  }
}

/** What `keyRows` gives of either database, opened. */
export function openKeys (rows: Array<Record<string, unknown>>, secretKey: string): LiveKey[] {
  const vault = createVault(secretKey)
  return rows.map(({ kid, alg, private_key: sealed }) => ({ kid: String(kid), alg: String(alg), privateKey: createPrivateKey(vault.open('signing-key', String(kid), String(sealed))) }))
}

/** What of a private key could leak: its private number, and the lines of its PEM. */
export function textsOf ({ privateKey }: Pick<LiveKey, 'privateKey'>): string[] {
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  return [String(privateKey.export({ format: 'jwk' }).d), ...pem.split('\n').filter((line) => line !== '' && !line.startsWith('---'))]
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
