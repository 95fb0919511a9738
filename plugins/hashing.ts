import fp from 'fastify-plugin'
import { createQueue, type Refusal, type Statistics, type Turn } from './hashing/queue.ts'
import { lowerPriority } from './hashing/threads.ts'

export type { Turn } from './hashing/queue.ts'

declare module 'fastify' {
  interface FastifyInstance {
    hashing: Hashing
  }
}

export interface Hashing {
  /**
   * Runs `work` when its turn has come. Throws `overloaded` (503, Retry-After) at once where the queue is full, and when
   * the entry's deadline is over.
   */
  run<T> (work: () => Promise<T>, turn: Turn): Promise<T>
  /** Whether anything waits or every place is taken: whether favouring somebody would make a difference. */
  readonly isBusy: boolean
  /** What waits and runs now, and what became of the rest since the start. */
  statistics (): Statistics
}

export interface HashingOptions {
  /** Passwords hashed at once. */
  concurrency: number
  /** Seconds that a sign-in may wait for its turn. */
  longestWait: number
}

/** Milliseconds between two warnings of refusals: a storm is a few lines in the log, not one for each request. */
const warningInterval = 10_000

/** Who hashes when: argon2 takes a processor and 19 MiB for each password, so that whoever may ask for it without limit may take both from all. */
export default fp<HashingOptions>(async (app, { concurrency, longestWait }) => {
  let warnedAt = Number.NEGATIVE_INFINITY
  const queue = createQueue({
    concurrency,
    longestWait: longestWait * 1000,
    now: () => app.clock.monotonic(),
    wake (milliseconds, work) {
      const timer = setTimeout(work, milliseconds).unref()
      return () => { clearTimeout(timer) }
    },
    refuse
  })

  app.decorate('hashing', queue satisfies Hashing)
  for (const name of Object.keys(queue.statistics()) as Array<keyof Statistics>) {
    app.metrics.gauge(`gatehouse_hashing_${name}`, `Passwords to hash: ${name}`, () => queue.statistics()[name])
  }

  function refuse (why: Refusal, wait: number): Error {
    if (why !== 'gone' && why !== 'closing') warn()
    return app.errors.create('overloaded', { headers: { 'retry-after': String(wait) }, cause: why })
  }

  function warn (): void {
    const now = app.clock.monotonic()
    if (now - warnedAt < warningInterval) return
    warnedAt = now
    app.log.warn({ hashing: queue.statistics() }, 'more passwords to hash than this process can: some are refused')
  }

  // By now the first password, a dummy's, has been hashed, and libuv has made its threads for that.
  app.addHook('onReady', async () => {
    try {
      app.log.debug({ threads: lowerPriority() }, 'threads that hash stand back for those that answer')
    } catch (error) {
      app.log.warn({ err: error }, 'threads that hash cannot be made to stand back: a storm of sign-ins will slow other answers')
    }
  })

  app.addHook('preClose', async () => { queue.close() })
}, { name: 'hashing', dependencies: ['clock', 'errors', 'metrics'], fastify: '5.x' })
