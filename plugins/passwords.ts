import { readFileSync } from 'node:fs'
import fp from 'fastify-plugin'
import type { Turn } from './hashing.ts'
import { readBlocklist } from './passwords/blocklist.ts'
import { createHasher } from './passwords/hasher.ts'
import { createPolicy } from './passwords/policy.ts'

declare module 'fastify' {
  interface FastifyInstance {
    passwords: Passwords
  }
}

export interface Passwords {
  /** Throws `weak_password` where a new password breaks the policy; `words` are what it must not be made of, such as the username. */
  admit (password: string, words: readonly string[]): void
  /** Whether sign-in could check a digest: its form is known, it is within the bounds, and so is its pepper. */
  canVerify (digest: string): boolean
  /** An argon2id digest as a PHC string, with parameters and pepper of the configuration. Throws `overloaded` where its turn does not come. */
  hash (password: string, turn: Turn): Promise<string>
  /**
   * Whether `password` is the one behind `digest`, and whether the digest should be made anew. A no costs one argon2
   * verification at least, whatever is handed in: where `digest` is null or cannot be read, a dummy of today's parameters
   * is checked (ASVS 6.3.8). Never throws on a stored digest; throws `overloaded` where its turn does not come.
   */
  verify (password: string, digest: string | null, turn: VerificationTurn): Promise<Verdict>
}

export interface VerificationTurn extends Turn {
  /** Told the outcome once the work is over and before anybody else is asked whether they may start. Called once if the work was begun, else never. */
  ended?: (matches: boolean) => void
}

export interface Verdict {
  matches: boolean
  outdated: boolean
}

export interface PasswordsOptions {
  minLength: number
  /** The host the service is reached at, of which no password may be made. */
  host: string
  /** KiB. */
  memory: number
  passes: number
  /** PASSWORD_PEPPER; null for none. */
  pepper?: string | null
  /** PASSWORD_PEPPER_PREVIOUS: checks what it made, while PASSWORD_PEPPER is being changed. */
  formerPepper?: string | null
}

/** argon2's own words for it; there is no code. */
const noMemory = 'Memory allocation error'
/** Milliseconds between two warnings of the pepper: without it, every sign-in would write one. */
const quiet = 60_000

export default fp<PasswordsOptions>(async (app, { minLength, host, memory, passes, pepper = null, formerPepper = null }) => {
  const blocklist = readBlocklist(readFileSync(new URL('./passwords/blocklist.bin', import.meta.url)))
  const weaknessOf = createPolicy({ minLength, blocklist, names: ['gatehouse', host, ...host.split('.')] })
  const hasher = createHasher({ memory, passes, pepper, formerPepper })
  const dummy = app.hashing.run(() => hasher.hash('a password that nobody has'), { network: '' })
  // Made while the rest of the start goes on. A start without it fails, and fails there alone.
  dummy.catch(() => {})
  app.addHook('onReady', async () => { await dummy })
  let warned = Number.NEGATIVE_INFINITY

  app.decorate('passwords', {
    admit (password, words) {
      const weakness = weaknessOf(password, words)
      if (weakness !== null) throw app.errors.create('weak_password', { message: weakness })
    },
    canVerify: (digest) => hasher.canVerify(digest),
    hash: (password, turn) => app.hashing.run(() => inMemory(() => hasher.hash(password)), turn),
    async verify (password, digest, turn) {
      const readable = digest !== null && hasher.canVerify(digest)
      if (digest !== null && !readable) warn(digest)
      const matches = await app.hashing.run(() => inMemory(() => check(password, readable ? digest : null, turn)), turn)
      return { matches, outdated: readable && hasher.isOutdated(digest) }
    }
  } satisfies Passwords)

  /** argon2 asks the system for its memory each time. Where the system has none now, it may have some in a moment. */
  async function inMemory<T> (work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw (error as Error).message === noMemory ? app.errors.create('unavailable', { cause: error }) : error
    }
  }

  async function check (password: string, digest: string | null, { ended }: VerificationTurn): Promise<boolean> {
    let matches = false
    try {
      matches = await hasher.verify(digest ?? await dummy, password) && digest !== null
    } finally {
      ended?.(matches)
    }
    return matches
  }

  function warn (digest: string): void {
    if (!hasher.lacksPepper(digest)) {
      app.log.warn('a stored password digest is malformed or out of bounds: its owner cannot sign in')
      return
    }
    if (app.clock.monotonic() - warned < quiet) return
    warned = app.clock.monotonic()
    app.log.warn('stored password digests need a pepper that neither PASSWORD_PEPPER nor PASSWORD_PEPPER_PREVIOUS is: their owners cannot sign in')
  }
}, { name: 'passwords', dependencies: ['clock', 'errors', 'hashing'], fastify: '5.x' })
