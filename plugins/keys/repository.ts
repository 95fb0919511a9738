import type { Selectable } from 'kysely'
import type { Queries } from '../database.ts'
import type { Vault } from '../secrets.ts'
import { type Algorithm, type Jwk, restoreKey, type SigningKey } from './signing-key.ts'

interface KeyTable {
  kid: string
  alg: string
  public_jwk: string
  /** PKCS #8 in PEM, sealed under SECRET_KEY for this kid; null once the key is retired. */
  private_key: string | null
  created_at: number
  signs_from: number
}

declare module '../database.ts' {
  interface Tables {
    signing_keys: KeyTable
  }
}

const purpose = 'signing-key'

export type StoredKey = Selectable<KeyTable>

export interface KeyRepository {
  /** All keys, sealed, in the order in which they begin to sign. */
  list (): Promise<StoredKey[]>
  add (key: SigningKey): Promise<void>
  /** Sets when a key begins to sign. */
  move (kid: string, signsFrom: number): Promise<void>
  /** Forgets the private part. */
  erase (kid: string): Promise<void>
  remove (kid: string): Promise<void>
  /** Seals anew what a former SECRET_KEY sealed. Throws where none of them opens it. */
  reseal (key: StoredKey): Promise<void>
}

export function createKeyRepository (queries: Queries, secrets: Vault): KeyRepository {
  const change = (kid: string, values: Partial<KeyTable>) => queries.updateTable('signing_keys').set(values).where('kid', '=', kid).execute()

  return {
    list: () => queries.selectFrom('signing_keys').selectAll().orderBy('signs_from').orderBy('created_at').orderBy('kid').execute(),
    async add ({ kid, alg, publicJwk, privatePem, createdAt, signsFrom }) {
      await queries.insertInto('signing_keys').values({
        kid,
        alg,
        public_jwk: JSON.stringify(publicJwk),
        private_key: privatePem === null ? null : secrets.seal(purpose, kid, Buffer.from(privatePem)),
        created_at: createdAt,
        signs_from: signsFrom
      }).execute()
    },
    async move (kid, signsFrom) {
      await change(kid, { signs_from: signsFrom })
    },
    async erase (kid) {
      await change(kid, { private_key: null })
    },
    async remove (kid) {
      await queries.deleteFrom('signing_keys').where('kid', '=', kid).execute()
    },
    async reseal ({ kid, private_key: sealed }) {
      if (sealed === null || secrets.isCurrent(purpose, kid, sealed)) return
      await change(kid, { private_key: secrets.seal(purpose, kid, Buffer.from(unseal(kid, sealed, secrets))) })
    }
  }
}

/** A stored key, opened and checked. Throws where SECRET_KEY is not the one it was sealed under, or the key is unusable. */
export function openKey ({ kid, alg, public_jwk: publicJwk, private_key: sealed, created_at: createdAt, signs_from: signsFrom }: StoredKey, secrets: Vault): SigningKey {
  const privatePem = sealed === null ? null : unseal(kid, sealed, secrets)
  try {
    return restoreKey({ kid, alg: alg as Algorithm, publicJwk: JSON.parse(publicJwk) as Jwk, privatePem, createdAt, signsFrom })
  } catch (error) {
    throw new Error(`The signing key ${kid} in the database cannot be used: ${explain(error as Error)}`)
  }
}

function unseal (kid: string, sealed: string, secrets: Vault): string {
  try {
    return secrets.open(purpose, kid, sealed).toString()
  } catch {
    throw new Error('SECRET_KEY is not the one that the signing keys in the database were sealed under: set the right one, or, where it is lost, run "npm run --silent cli -- keys reset --yes"')
  }
}

/** OpenSSL's words are for nobody, and may hold what it was given. */
function explain (error: Error & { code?: string }): string {
  return error.code === undefined && !(error instanceof SyntaxError) ? error.message : 'it is malformed'
}
