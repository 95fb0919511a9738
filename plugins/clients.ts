import { randomUUIDv7 } from 'node:crypto'
import fp from 'fastify-plugin'
import type { By } from './audit.ts'
import { digestOf, isSecretOf, makeSecret, readBasic } from './clients/credentials.ts'
import { type ClientRecord, createClientRepository } from './clients/repository.ts'
import type { Origin } from './origin.ts'

declare module 'fastify' {
  interface FastifyInstance {
    clients: Clients
  }
}

/** A registered client, without what only it may know. */
export type Client = Pick<ClientRecord, 'id' | 'name' | 'scopes' | 'createdAt'>

export interface Clients {
  /** Registers a client. The secret is told this once. Throws `invalid_request` where name or scopes are not well-formed. */
  create (name: string, scopes: readonly string[], by?: By): Promise<{ client: Client, secret: string }>
  list (): Promise<Client[]>
  /** A new secret; the old one is good for `overlap` more seconds. Throws `not_found`. */
  rotate (id: string, overlap: number, by?: By): Promise<{ client: Client, secret: string }>
  /** Deletes a client; its own tokens are refused from now on. Throws `not_found`. */
  remove (id: string, by?: By): Promise<void>
  /** The client that an Authorization header of HTTP Basic authenticates, or null. Throws `too_many_attempts` where too many secrets were wrong. */
  authenticate (authorization: string | undefined, origin: Origin): Promise<Client | null>
}

/** The longest overlap of two secrets: seven days, in seconds. */
const longestOverlap = 7 * 86_400
/** RFC 6749, section 3.3. */
const scopeToken = /^[!#-[\]-~]{1,64}$/
/** Characters that all scopes of a client may have together, so that its tokens stay small. */
const longestScope = 512

export default fp(async (app) => {
  const repository = () => createClientRepository(app.database.queries)

  function invalid (message: string): never {
    throw app.errors.create('invalid_request', { message })
  }

  app.decorate('clients', {
    async create (name, scopes, by) {
      if (name.length < 1 || name.length > 100 || !name.isWellFormed() || /[\p{Cc}\p{Cf}]/u.test(name) || name.trim() === '') invalid('A client\'s name has 1 to 100 characters, one of them visible, and no control or formatting characters')
      const held = [...new Set(scopes)].sort()
      if (!held.every((scope) => scopeToken.test(scope)) || held.join(' ').length > longestScope) invalid('A scope is a word of printable ASCII; all of a client\'s together have at most 512 characters')
      const secret = makeSecret()
      const client: ClientRecord = {
        id: randomUUIDv7(), name, scopes: held, secretDigest: digestOf(secret), formerDigest: null, formerUntil: null, createdAt: app.clock.now()
      }
      await app.database.transaction(async (queries) => {
        await createClientRepository(queries).add(client)
        await app.audit.record({ event: 'sensitive_create', userId: null, ...by, detail: { object: 'client', client_id: client.id, scopes: held } }, queries)
      })
      return { client: present(client), secret }
    },
    async list () {
      return (await repository().list()).map(present)
    },
    async rotate (id, overlap, by) {
      if (!Number.isInteger(overlap) || overlap < 0 || overlap > longestOverlap) invalid('An overlap is a number of seconds up to 604800')
      const secret = makeSecret()
      return app.database.transaction(async (queries) => {
        const clients = createClientRepository(queries)
        const client = await clients.lock(id)
        if (client === null) throw app.errors.create('not_found', { message: 'There is no such client' })
        const former = overlap === 0 ? { formerDigest: null, formerUntil: null } : { formerDigest: client.secretDigest, formerUntil: app.clock.now() + overlap * 1000 }
        await clients.setSecret(id, { secretDigest: digestOf(secret), ...former })
        await app.audit.record({ event: 'sensitive_update', userId: null, ...by, detail: { object: 'client_secret', client_id: id, overlap } }, queries)
        return { client: present(client), secret }
      })
    },
    async remove (id, by) {
      await app.database.transaction(async (queries) => {
        if (!await createClientRepository(queries).remove(id)) throw app.errors.create('not_found', { message: 'There is no such client' })
        await app.revocations.add('client', [id], queries)
        await app.audit.record({ event: 'sensitive_delete', userId: null, ...by, detail: { object: 'client', client_id: id } }, queries)
      })
      await app.revocations.hear()
    },
    async authenticate (authorization, origin) {
      const credentials = readBasic(authorization)
      if (credentials === null) return null
      const client = await repository().find(credentials.id)
      // The right one is let in whoever else was wrong: it cannot be guessed, and whoever shares its address must not stop it.
      if (client !== null && isSecretOf(credentials.secret, client, app.clock.now())) return present(client)
      await app.throttle.clientFailed(client?.id ?? null, origin, async (queries) => {
        if (client !== null) await app.audit.record({ event: 'authn_login_fail', userId: null, actor: null, origin, detail: { client_id: client.id } }, queries)
      })
      return null
    }
  } satisfies Clients)
}, { name: 'clients', dependencies: ['audit', 'clock', 'database', 'errors', 'revocations', 'throttle'], fastify: '5.x' })

function present ({ id, name, scopes, createdAt }: ClientRecord): Client {
  return { id, name, scopes, createdAt }
}
