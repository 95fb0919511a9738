import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyInstance {
    clock: Clock
  }
}

export interface Clock {
  /** Milliseconds since 1970, as Date.now() counts them. */
  now (): number
  /** Milliseconds since some moment; never goes back and never jumps. */
  monotonic (): number
}

/** The one place that time comes from, so that a test can turn it. */
export default fp<Partial<Clock>>(async (app, { now = Date.now, monotonic = () => performance.now() }) => {
  app.decorate('clock', { now, monotonic })
}, { name: 'clock', fastify: '5.x' })
