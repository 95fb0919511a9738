import type { Queries } from '../database.ts'
import type { Vault } from '../secrets.ts'
import { type Algorithm, type Jwk, pemOfJwk, type SigningKey } from './signing-key.ts'

declare module '../database.ts' {
  interface Tables {
    signing_keys: {
      kid: string
      alg: string
      public_jwk: string
      /** Sealed under SECRET_KEY for this kid. */
      private_key: string | null
      created_at: number
      signs_from: number
    }
  }
}

const purpose = 'signing-key'

export interface KeyRepository {
  /** All keys, in the order in which they begin to sign. Throws where SECRET_KEY is not the one they were sealed under. */
  list (): Promise<SigningKey[]>
  add (key: SigningKey): Promise<void>
}

export function createKeyRepository (queries: Queries, secrets: Vault): KeyRepository {
  function openPrivateKey (kid: string, sealed: string): string {
    try {
      return secrets.open(purpose, kid, sealed).toString()
    } catch {
      throw new Error('SECRET_KEY is not the one that the signing keys in the database were sealed under: set the right one')
    }
  }

  return {
    async list () {
      const rows = await queries.selectFrom('signing_keys').selectAll().orderBy('signs_from').orderBy('kid').execute()
      return rows.map((row) => {
        const publicJwk = JSON.parse(row.public_jwk) as Jwk
        return {
          kid: row.kid,
          alg: row.alg as Algorithm,
          publicJwk,
          publicPem: pemOfJwk(publicJwk),
          privatePem: openPrivateKey(row.kid, row.private_key ?? ''),
          createdAt: row.created_at,
          signsFrom: row.signs_from
        }
      })
    },
    async add ({ kid, alg, publicJwk, privatePem, createdAt, signsFrom }) {
      await queries.insertInto('signing_keys').values({
        kid, alg, public_jwk: JSON.stringify(publicJwk), private_key: secrets.seal(purpose, kid, Buffer.from(privatePem)), created_at: createdAt, signs_from: signsFrom
      }).execute()
    }
  }
}
