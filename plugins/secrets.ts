import { randomBytes } from 'node:crypto'
import fp from 'fastify-plugin'
import { readOrMakeSecret } from './secrets/secret-file.ts'
import { createVault, type Vault } from './secrets/vault.ts'

export type { Vault } from './secrets/vault.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** What SECRET_KEY is for: sealing what the database holds, and deriving what clients hold. */
    secrets: Vault
  }
}

export interface SecretsOptions {
  /** SECRET_KEY; null where one is to be kept beside the database file. */
  secretKey: string | null
  /** SECRET_KEY_PREVIOUS: opens what it sealed, while SECRET_KEY is being changed. */
  formerKey?: string | null
  /** Path of the SQLite file; null where the database is in memory, and then the secret is too. */
  databaseFile: string | null
  /** True where a lost secret beside the database is to be replaced by a new one, which opens nothing that is there. */
  replaceLost?: boolean
}

/** Comes before the database: the secret is on disk before there is anything that only it can open. */
export default fp<SecretsOptions>(async (app, { secretKey, formerKey = null, databaseFile, replaceLost = false }) => {
  app.decorate('secrets', createVault(secretKey ?? keptSecret(), formerKey))

  function keptSecret (): string {
    if (databaseFile === null) return randomBytes(32).toString('base64url')
    const { secret, file, exposed } = readOrMakeSecret(databaseFile, replaceLost)
    if (exposed) app.log.warn({ file }, 'the secret file can be read by others: chmod 600 it')
    return secret
  }
}, { name: 'secrets', fastify: '5.x' })
