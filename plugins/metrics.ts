import { createServer, type RequestListener } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyInstance {
    metrics: Metrics
  }
}

/** A figure, or one for each value of a label. Values of labels are words of ours, never what was submitted: their number is bounded. */
export type Reading = number | Record<string, number>

/** What is read whenever it is asked for: what it is called, what it means, what tells its figures apart, and where it comes from. */
export interface Figure {
  name: string
  help: string
  label?: string
  read: () => Reading | Promise<Reading>
}

export interface Metrics {
  /** Counts one event of the audit vocabulary; `limit` where it is that of a limit. */
  count (event: string, limit?: string): void
  /** Reads what goes up and down. */
  gauge (figure: Figure): void
  /** Reads what has only gone up since the start. */
  counter (figure: Figure): void
  /** Takes how long something took, in seconds. */
  histogram (name: string, help: string): (seconds: number) => void
  /** All of it, as Prometheus reads it; nothing where METRICS_PORT is not set. */
  text (): Promise<string>
}

export interface MetricsOptions {
  host: string
  /** Null: nothing listens, nothing is measured and nothing is loaded. */
  port: number | null
}

/** The operation of what asks for nothing that is there. */
const unknown = 'unknown'

/** Of what nobody can read, nothing is kept. */
const silent: Metrics = { count () {}, gauge () {}, counter () {}, histogram: () => () => {}, text: async () => '' }

/** What goes on, counted; on a port of its own, which is not for the public. */
export default fp<MetricsOptions>(async (app, { host, port }) => {
  const registry = port === null ? null : (await import('./metrics/registry.ts')).createRegistry()
  app.decorate('metrics', registry ?? silent)
  if (registry === null || port === null) return

  app.addHook('onResponse', function observe (request: FastifyRequest, reply: FastifyReply, done: () => void) {
    registry.measure(request.routeOptions.schema?.operationId ?? unknown, reply.statusCode, reply.elapsedTime / 1000)
    done()
  })

  const answer: RequestListener = async ({ method, url }, response) => {
    if (method !== 'GET' || url !== '/metrics') response.writeHead(404).end()
    else response.writeHead(200, { 'content-type': registry.contentType }).end(await registry.text())
  }
  const server = createServer(answer)
  server.on('error', (error) => app.log.error({ err: error, port }, 'nothing can be measured: METRICS_PORT cannot be listened on'))
  // With the service itself: commands that open the same app beside it listen nowhere.
  app.addHook('onListen', async () => {
    server.listen(port, host)
  })
  app.addHook('onClose', async () => {
    server.closeAllConnections()
    server.close()
  })
}, { name: 'metrics', fastify: '5.x' })
