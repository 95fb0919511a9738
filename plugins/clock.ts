import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyInstance {
    clock: Clock
  }
}

export interface Clock {
  /** Milliseconds since 1970, as Date.now() counts them. */
  now (): number
}

/** The one place that time comes from, so that a test can turn it. */
export default fp<{ now?: () => number }>(async (app, { now = Date.now }) => {
  app.decorate('clock', { now })
}, { name: 'clock', fastify: '5.x' })
