import { type Jwk, publishedKey, type SigningKey } from './signing-key.ts'

export type PublishedKey = Pick<SigningKey, 'kid' | 'alg' | 'publicPem'>

export interface RemoteKeysOptions {
  /** The service whose tokens are trusted: its discovery document is read below this address (RFC 8414). */
  issuer: string
  fetch: typeof fetch
  /** Milliseconds since 1970. */
  now: () => number
  readJson: (response: Response, mostBytes: number) => Promise<unknown>
  /** Called with each attempt that failed. */
  onFailure: (error: unknown) => void
  /** Makes the error for the time before any key was ever read. */
  unavailable: () => Error
}

export interface RemoteKeys {
  /** Throws what `unavailable` makes where no key was ever read, or none for a day. */
  find (kid: string): PublishedKey | undefined
  readonly version: number
  /** Reads the keys again, at most once in the cool-down; callers at the same time share one reading. Null within the cool-down. */
  search (): Promise<void> | null
}

/** Milliseconds. */
const seconds = 1000
const patience = 5 * seconds
const coolDown = 30 * seconds
const failureCoolDown = 2 * seconds
const shortestLife = 60 * seconds
const longestLife = 3600 * seconds
const defaultLife = 300 * seconds
/** How long keys are believed while the issuer cannot be reached. */
const longestSilence = 24 * 3600 * seconds
const mostBytes = 64 * 1024
const mostKeys = 32

/**
 * The keys that another Gatehouse publishes, read when they are needed: again when their cache life is over, in the
 * background, and on an unknown key id. While the issuer cannot be reached the last ones stand, for a day.
 */
export function createRemoteKeys (options: RemoteKeysOptions): RemoteKeys {
  const { issuer, now, readJson, onFailure, unavailable } = options
  let keys = new Map<string, PublishedKey>()
  let version = 0
  let readAt = Number.NEGATIVE_INFINITY
  let life = 0
  let triedAt = Number.NEGATIVE_INFINITY
  let rest = 0
  let reading: Promise<void> | null = null

  function search (): Promise<void> | null {
    if (reading !== null) return reading
    if (isWithin(triedAt, rest)) return null
    reading = read().then(() => { rest = coolDown }, (error) => {
      rest = failureCoolDown
      onFailure(error)
    }).finally(() => {
      triedAt = now()
      reading = null
    })
    return reading
  }

  /** Never true where the clock was set back meanwhile: nobody knows how long that is. */
  function isWithin (since: number, length: number): boolean {
    const passed = now() - since
    return passed >= 0 && passed < length
  }

  function keepFresh (): void {
    if (!isWithin(readAt, life)) search()
  }

  async function read (): Promise<void> {
    const { body: metadata } = await get(`${issuer}/.well-known/oauth-authorization-server`)
    const { issuer: named, jwks_uri: address } = metadata as { issuer?: unknown, jwks_uri?: unknown }
    if (named !== issuer || typeof address !== 'string' || new URL(address).origin !== new URL(issuer).origin) throw new Error('the discovery document is of another issuer')
    const { body: jwks, life: given } = await get(address)
    const found = readKeys(jwks)
    readAt = now()
    life = given
    if ([...found.keys()].join() === [...keys.keys()].join()) return
    keys = found
    version++
  }

  async function get (address: string): Promise<{ body: unknown, life: number }> {
    const response = await options.fetch(address, { redirect: 'error', signal: AbortSignal.timeout(patience), headers: { accept: 'application/json' } })
    if (response.status !== 200 || response.body === null) throw new Error(`the issuer answered ${response.status}`)
    return { body: await readJson(response, mostBytes), life: lifeOf(response.headers.get('cache-control')) }
  }

  return {
    // Asked for at every token, remembered ones too: else nobody would learn of a revoked key while no other token comes.
    get version () {
      keepFresh()
      return version
    },
    find (kid) {
      keepFresh()
      if (now() - readAt > longestSilence) throw unavailable()
      return keys.get(kid)
    },
    search
  }
}

/** A key set of its first few dozen usable keys; what is of another use or kind is passed over. One without any says nothing. */
function readKeys (jwks: unknown): Map<string, PublishedKey> {
  const { keys } = jwks as { keys?: unknown }
  if (!Array.isArray(keys)) throw new Error('the key set is malformed')
  const usable = keys.slice(0, mostKeys).flatMap((jwk: Jwk) => {
    try {
      return jwk.use === 'sig' ? [publishedKey(jwk)] : []
    } catch {
      return []
    }
  })
  if (usable.length === 0) throw new Error('the key set holds no usable key')
  return new Map(usable.map((key) => [key.kid, key]))
}

/** Milliseconds that an answer may be kept (RFC 9111, section 5.2.2.1), within bounds. */
function lifeOf (cacheControl: string | null): number {
  const maxAge = /(?:^|[\s,])max-age=(\d{1,9})(?:$|[\s,])/i.exec(cacheControl ?? '')?.[1]
  return maxAge === undefined ? defaultLife : Math.min(longestLife, Math.max(shortestLife, Number(maxAge) * seconds))
}
