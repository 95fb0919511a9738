import fp from 'fastify-plugin'
import type { Turn } from './hashing.ts'
import { createHasher } from './passwords/hasher.ts'
import { weaknessOf } from './passwords/policy.ts'

declare module 'fastify' {
  interface FastifyInstance {
    passwords: Passwords
  }
}

export interface Passwords {
  /** Throws `weak_password` where a new password breaks the policy; `words` are what it must not be made of, such as the username. */
  admit (password: string, words: readonly string[]): void
  /** An argon2id digest as a PHC string, with parameters of the configuration. Throws `overloaded` where its turn does not come. */
  hash (password: string, turn: Turn): Promise<string>
  /**
   * Whether `password` is the one behind `digest`, and whether the digest should be made anew. Costs one argon2
   * verification whatever is handed in: where `digest` is null or cannot be read, a dummy of today's parameters is
   * checked and the answer is no (ASVS 6.3.8). Never throws on a stored digest; throws `overloaded` where its turn does not come.
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
  /** KiB. */
  memory: number
  passes: number
}

export default fp<PasswordsOptions>(async (app, { minLength, memory, passes }) => {
  const hasher = createHasher({ memory, passes })
  const dummy = await app.hashing.run(() => hasher.hash('a password that nobody has'), { address: '' })

  app.decorate('passwords', {
    admit (password, words) {
      const weakness = weaknessOf(password, minLength, words)
      if (weakness !== null) throw app.errors.create('weak_password', { message: weakness })
    },
    hash: (password, turn) => app.hashing.run(() => hasher.hash(password), turn),
    async verify (password, digest, turn) {
      const readable = digest !== null && hasher.canVerify(digest)
      if (digest !== null && !readable) app.log.warn('a stored password digest is malformed or out of bounds: its owner cannot sign in')
      const matches = await app.hashing.run(() => check(password, readable ? digest : null, turn), turn)
      return { matches, outdated: readable && hasher.isOutdated(digest) }
    }
  } satisfies Passwords)

  async function check (password: string, digest: string | null, { ended }: VerificationTurn): Promise<boolean> {
    let matches = false
    try {
      matches = await hasher.verify(digest ?? dummy, password) && digest !== null
    } finally {
      ended?.(matches)
    }
    return matches
  }
}, { name: 'passwords', dependencies: ['errors', 'hashing'], fastify: '5.x' })
