import fp from 'fastify-plugin'
import { createKeyRepository } from './keys/repository.ts'
import { generateKey, type Jwk, type SigningKey } from './keys/signing-key.ts'

export type { Jwk, SigningKey } from './keys/signing-key.ts'

declare module 'fastify' {
  interface FastifyInstance {
    keys: Keys
  }
}

export interface Keys {
  /** The key that signs now. */
  active (): SigningKey
  /** The key with this id, if tokens signed by it may be accepted. */
  find (kid: string): SigningKey | undefined
  /** All published keys, public members only (RFC 7517). */
  jwks (): { keys: Jwk[] }
}

export interface KeysOptions {
  /** Seconds a key signs before the next one does. */
  rotation: number
}

/** Signing keys: made at the first start, kept in the database with their private parts sealed under SECRET_KEY. */
export default fp<KeysOptions>(async (app, { rotation }) => {
  const keys = await load()
  const byId = new Map(keys.map((key) => [key.kid, key]))
  const published = { keys: keys.map(({ publicJwk }) => publicJwk) }

  /** One process makes the first keys; those that start beside it wait for the lock and find them. */
  async function load (): Promise<SigningKey[]> {
    const known = await createKeyRepository(app.database.queries, app.secrets).list()
    if (known.length > 0) return known
    return app.database.transaction(async (queries) => {
      const repository = createKeyRepository(queries, app.secrets)
      if ((await repository.list()).length === 0) {
        const now = app.clock.now()
        await repository.add(generateKey('ES256', now, now))
        await repository.add(generateKey('ES256', now, now + rotation * 1000))
      }
      return repository.list()
    })
  }

  app.decorate('keys', {
    active () {
      const now = app.clock.now()
      return keys.findLast(({ signsFrom }) => signsFrom <= now) ?? keys[0] as SigningKey
    },
    find: (kid) => byId.get(kid),
    jwks: () => published
  } satisfies Keys)
}, { name: 'keys', dependencies: ['clock', 'database', 'secrets'], fastify: '5.x' })
