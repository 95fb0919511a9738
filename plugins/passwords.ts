import { readFileSync } from 'node:fs'
import fp from 'fastify-plugin'
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
  /** An argon2id digest as a PHC string, with parameters of the configuration. */
  hash (password: string): Promise<string>
  /**
   * Whether `password` is the one behind `digest`, and whether the digest should be made anew. Costs one argon2
   * verification whatever is handed in: where `digest` is null or cannot be read, a dummy of today's parameters is
   * checked and the answer is no (ASVS 6.3.8). Never throws on a stored digest.
   */
  verify (password: string, digest: string | null): Promise<Verdict>
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
}

export default fp<PasswordsOptions>(async (app, { minLength, host, memory, passes }) => {
  const blocklist = readBlocklist(readFileSync(new URL('./passwords/blocklist.bin', import.meta.url)))
  const weaknessOf = createPolicy({ minLength, blocklist, names: ['gatehouse', host, ...host.split('.')] })
  const hasher = createHasher({ memory, passes })
  const dummy = await hasher.hash('a password that nobody has')

  app.decorate('passwords', {
    admit (password, words) {
      const weakness = weaknessOf(password, words)
      if (weakness !== null) throw app.errors.create('weak_password', { message: weakness })
    },
    hash: (password) => hasher.hash(password),
    async verify (password, digest) {
      const readable = digest !== null && hasher.canVerify(digest)
      if (digest !== null && !readable) app.log.warn('a stored password digest is malformed or out of bounds: its owner cannot sign in')
      const matches = await hasher.verify(readable ? digest : dummy, password)
      return { matches: readable && matches, outdated: readable && hasher.isOutdated(digest) }
    }
  } satisfies Passwords)
}, { name: 'passwords', dependencies: ['errors'], fastify: '5.x' })
