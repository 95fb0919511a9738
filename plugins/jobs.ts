import { setImmediate } from 'node:timers/promises'
import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyInstance {
    jobs: Jobs
  }
}

export interface Jobs {
  /** Runs `work` every `seconds` while the app listens, never twice at once; the first of several failures is logged, and the next turn tries again. */
  every (name: string, seconds: number, work: () => Promise<void>): void
  /** Runs a job now; resolves when it is done and rejects where it fails. */
  run (name: string): Promise<void>
  /** Repeats `work`, which does up to `limit` things and says how many, until it does fewer; between two turns others get theirs. */
  inBatches (limit: number, work: (limit: number) => Promise<number>): Promise<void>
}

/** What a process does besides answering. Without a socket nothing runs by itself. */
export default fp(async (app) => {
  const jobs = new Map<string, { seconds: number, work: () => Promise<void> }>()
  const timers = new Map<string, NodeJS.Timeout>()
  const running = new Set<Promise<void>>()
  const failing = new Set<string>()
  let closed = false

  app.decorate('jobs', {
    every (name, seconds, work) {
      jobs.set(name, { seconds, work })
    },
    async run (name) {
      await jobs.get(name)?.work()
    },
    async inBatches (limit, work) {
      while (!closed && await work(limit) === limit) await setImmediate()
    }
  } satisfies Jobs)

  function schedule (name: string, seconds: number): void {
    if (closed) return
    timers.set(name, setTimeout(async () => {
      const turn = app.jobs.run(name).then(() => recovered(name), (error) => failed(name, error))
      running.add(turn)
      await turn
      running.delete(turn)
      schedule(name, seconds)
    }, seconds * 1000).unref())
  }

  function failed (name: string, error: unknown): void {
    if (!failing.has(name)) app.log.error({ err: error, job: name }, 'a job failed')
    failing.add(name)
  }

  function recovered (name: string): void {
    if (failing.delete(name)) app.log.info({ job: name }, 'a job works again')
  }

  app.addHook('onListen', async () => {
    for (const [name, { seconds }] of jobs) schedule(name, seconds)
  })

  // Before anything closes: a job that runs may still need the database, whose own hook comes before an onClose of this one.
  app.addHook('preClose', async () => {
    closed = true
    for (const timer of timers.values()) clearTimeout(timer)
    await Promise.all(running)
  })
}, { name: 'jobs', fastify: '5.x' })
