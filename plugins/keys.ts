import fp from 'fastify-plugin'
import type { AuditDetail, By } from './audit.ts'
import type { Queries } from './database.ts'
import { adoption, type Change, type KeyState, type Lifespan, type Policy, revocation, rotation, type Stage, signing, stages, upkeep } from './keys/lifecycle.ts'
import { createKeyRepository, type KeyRepository, openKey, type StoredKey } from './keys/repository.ts'
import { type Algorithm, generateKey, type Jwk, publishedKey, type SigningKey } from './keys/signing-key.ts'

export type { KeyState } from './keys/lifecycle.ts'
export { createRemoteKeys, type RemoteKeys, type RemoteKeysOptions } from './keys/remote.ts'
export type { Algorithm, Jwk, SigningKey } from './keys/signing-key.ts'

declare module 'fastify' {
  interface FastifyInstance {
    keys: Keys
  }
}

export interface Keys {
  /** The key that signs now. Throws `unavailable` where there is none to be had. */
  active (): AbleKey
  /** The key with this id, where tokens signed by it may be accepted. Throws `unavailable` where no key can be opened. */
  find (kid: string): SigningKey | undefined
  /** All published keys, public members only (RFC 7517). Throws `unavailable` where there is none to be had: an empty set would be believed. */
  jwks (): { keys: Jwk[] }
  /** Grows whenever a key came, went or began to be another: what was concluded from the old set is void. */
  readonly version: number
  /** A key as it was published once, by its JWK. Throws where it is not the one that its id says, or too weak. */
  restore (jwk: Jwk): Pick<SigningKey, 'kid' | 'alg' | 'publicPem'>
  /** All keys and where they stand. */
  list (): KeyReport[]
  /** Lets the next key sign as soon as it has been published for `lead`, or at once. A new next key follows. */
  rotate (options?: { now?: boolean }, by?: By): Promise<KeyReport[]>
  /** For a stolen key: gone from the JWKS, its tokens refused at once. Throws `not_found`. */
  revoke (kid: string, by?: By): Promise<void>
}

/** A key with its private part. */
export type AbleKey = SigningKey & { privatePem: string }

export interface KeyReport {
  kid: string
  alg: Algorithm
  state: KeyState
  /** Milliseconds since 1970, as all times here. */
  createdAt: number
  signsFrom: number
  endsAt: number | null
}

export interface KeysOptions {
  algorithm: Algorithm
  /** Seconds a key signs before the next one does. */
  rotation: number
  /** Seconds a key is published before it signs. */
  lead: number
  /** Seconds a token lives. */
  tokenLifetime: number
  clockSkew: number
  /** True where every key is to be replaced, whoever sealed it: SECRET_KEY is lost. */
  reset?: boolean
  /** True for a command that looks: the keys stay as they are. */
  looking?: boolean
}

/** Seconds after which a process has seen what another one did to the keys. */
const refreshInterval = 1
/** Seconds for processes to notice that another key signs. */
const slack = 10

/** Signing keys: made at the first start, changed by themselves, kept in the database with their private parts sealed under SECRET_KEY. */
export default fp<KeysOptions>(async (app, options) => {
  const policy: Policy = {
    algorithm: options.algorithm,
    rotation: options.rotation * 1000,
    lead: options.lead * 1000,
    lag: (options.clockSkew + slack) * 1000,
    tail: (options.tokenLifetime + options.clockSkew + slack) * 1000
  }
  let keys: SigningKey[] = []
  let byId = new Map<string, SigningKey>()
  let seen = ''
  let version = 0

  if (options.looking === true) await refresh()
  else await change(async (stored, queries) => {
    const repository = createKeyRepository(queries, app.secrets)
    for (const key of stored) await (options.reset === true ? repository.remove(key.kid) : repository.reseal(key))
    if (options.reset === true) await record('sensitive_delete', { kids: stored.map(({ kid }) => kid) }, undefined, queries)
    return []
  })

  // A service that listens makes its algorithm the next one; a command beside it only looks.
  app.addHook('onListen', async () => {
    await change((stored) => adoption(lifespans(stored), app.clock.now(), policy))
  })

  /** Plans when it is its turn, so that of several processes one acts and the others find it done; then does the upkeep. */
  async function change (plan: (stored: StoredKey[], queries: Queries) => Promise<Change[]> | Change[]): Promise<void> {
    const made: NewKey[] = []
    for (let done = false; !done;) {
      try {
        await attempt([...made])
        done = true
      } catch (error) {
        if (!(error instanceof KeyWanted)) throw error
        made.push(await generateKey(error.alg))
      }
    }
    await refresh()

    async function attempt (spare: NewKey[]): Promise<void> {
      await app.database.transaction(async (queries) => {
        await app.database.takeTurn('keys', queries)
        const repository = createKeyRepository(queries, app.secrets)
        await apply(await plan(await repository.list(), queries), repository, spare)
        await apply(upkeep(lifespans(await repository.list()), app.clock.now(), policy), repository, spare)
      })
    }
  }

  async function record (event: 'sensitive_update' | 'sensitive_delete', detail: AuditDetail, by: By | undefined, queries: Queries): Promise<void> {
    await app.audit.record({ event, userId: null, ...by, detail: { object: 'signing_key', ...detail } }, queries)
  }

  async function apply (changes: Change[], repository: KeyRepository, spare: NewKey[]): Promise<void> {
    for (const change of changes) {
      if ('add' in change) await repository.add({ ...take(spare, change.add.alg), createdAt: app.clock.now(), signsFrom: change.add.signsFrom })
      else if ('move' in change) await repository.move(change.move, change.signsFrom)
      else if ('erase' in change) await repository.erase(change.erase)
      else await repository.remove(change.remove)
    }
  }

  /** Reads the keys again where they changed. Keys that cannot be opened are not trusted: neither are those they replaced. */
  async function refresh (): Promise<void> {
    const stored = await createKeyRepository(app.database.queries, app.secrets).list()
    const now = JSON.stringify(stored)
    if (now === seen) return
    seen = now
    version++
    keys = []
    byId = new Map()
    keys = stored.map((key) => openKey(key, app.secrets))
    byId = new Map(keys.map((key) => [key.kid, key]))
  }

  function report (): KeyReport[] {
    const judged = stages(keys.map(lifespan), app.clock.now(), policy)
    return keys.map(({ kid, alg, createdAt, signsFrom }, index) => ({ kid, alg, createdAt, signsFrom, ...judged[index] as Stage }))
  }

  app.jobs.every('keys', refreshInterval, async () => {
    await refresh()
    if (keys.length > 0 && upkeep(keys.map(lifespan), app.clock.now(), policy).length > 0) await change(() => [])
  })

  function unable (): never {
    throw app.errors.create('unavailable', { cause: 'there is no signing key that can be opened' })
  }

  app.decorate('keys', {
    get version () { return version },
    active: () => keys[signing(keys.map(lifespan), app.clock.now())] as AbleKey | undefined ?? unable(),
    find: (kid) => byId.get(kid) ?? (byId.size === 0 ? unable() : undefined),
    jwks: () => keys.length === 0 ? unable() : { keys: keys.map(({ publicJwk }) => publicJwk) },
    restore: publishedKey,
    list: report,
    async rotate ({ now = false } = {}, by) {
      await change(async (stored, queries) => {
        await record('sensitive_update', { rotated: true, now }, by, queries)
        return rotation(lifespans(stored), app.clock.now(), policy, now)
      })
      return report()
    },
    async revoke (kid, by) {
      await change(async (stored, queries) => {
        if (!stored.some((key) => key.kid === kid)) throw app.errors.create('not_found', { message: 'There is no such key' })
        await record('sensitive_delete', { kid }, by, queries)
        return revocation(lifespans(stored), app.clock.now(), policy, kid)
      })
    }
  } satisfies Keys)
}, { name: 'keys', dependencies: ['audit', 'clock', 'database', 'errors', 'jobs', 'secrets'], fastify: '5.x' })

type NewKey = Awaited<ReturnType<typeof generateKey>>

/** Rolls a plan back until the key it asks for is made: that may take seconds, and nobody else can write meanwhile. */
class KeyWanted extends Error {
  readonly alg: Algorithm

  constructor (alg: Algorithm) {
    super(`a key for ${alg} is wanted`)
    this.alg = alg
  }
}

function take (spare: NewKey[], alg: Algorithm): NewKey {
  const index = spare.findIndex((key) => key.alg === alg)
  const [key] = index === -1 ? [] : spare.splice(index, 1)
  if (key === undefined) throw new KeyWanted(alg)
  return key
}

function lifespans (stored: StoredKey[]): Lifespan[] {
  return stored.map(({ kid, alg, created_at: createdAt, signs_from: signsFrom, private_key: sealed }) => ({ kid, alg: alg as Algorithm, createdAt, signsFrom, canSign: sealed !== null }))
}

function lifespan ({ privatePem, ...key }: SigningKey): Lifespan {
  return { ...key, canSign: privatePem !== null }
}
