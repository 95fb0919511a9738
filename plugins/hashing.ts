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
  const waits = app.metrics.histogram('gatehouse_hashing_wait_seconds', 'How long passwords waited for their turn')
  const durations = app.metrics.histogram('gatehouse_hashing_duration_seconds', 'How long passwords took to be hashed')
  const queue = createQueue({
    concurrency,
    longestWait: longestWait * 1000,
    now: () => app.clock.monotonic(),
    wake (milliseconds, work) {
      const timer = setTimeout(work, milliseconds).unref()
      return () => { clearTimeout(timer) }
    },
    refuse,
    measured (waited, took) {
      waits(waited / 1000)
      durations(took / 1000)
    }
  })

  app.decorate('hashing', queue satisfies Hashing)
  app.metrics.gauge({ name: 'gatehouse_hashing_waiting', help: 'Passwords that wait to be hashed', read: () => queue.statistics().waiting })
  app.metrics.gauge({ name: 'gatehouse_hashing_running', help: 'Passwords that are being hashed', read: () => queue.statistics().running })
  app.metrics.counter({
    name: 'gatehouse_hashing_total',
    help: 'Passwords that came to be hashed, by what became of them',
    label: 'outcome',
    read () {
      const { done, refused, expired, cancelled } = queue.statistics()
      return { done, refused, expired, cancelled }
    }
  })

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

  // By now the first password, a dummy's, is being hashed, and libuv has made its threads for that.
  app.addHook('onReady', async () => {
    try {
      app.log.debug({ threads: lowerPriority() }, 'threads that hash stand back for those that answer')
    } catch (error) {
      app.log.warn({ err: error }, 'threads that hash cannot be made to stand back: a storm of sign-ins will slow other answers')
    }
  })

  app.addHook('preClose', async () => { queue.close() })
}, { name: 'hashing', dependencies: ['clock', 'errors', 'metrics'], fastify: '5.x' })
