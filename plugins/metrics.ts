import { createServer, type RequestListener } from 'node:http'
import { Counter, collectDefaultMetrics, Gauge, Registry } from '@prometheus-io/client'
import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyInstance {
    metrics: Metrics
  }
}

export interface Metrics {
  /** Counts one event of the audit vocabulary; `limit` where it is that of a limit. */
  count (event: string, limit?: string): void
  /** Reads a figure whenever it is asked for. */
  gauge (name: string, help: string, read: () => number): void
  /** All of it, as Prometheus reads it. */
  text (): Promise<string>
}

export interface MetricsOptions {
  host: string
  /** Null: nothing listens. */
  port: number | null
}

/** What goes on, counted; on a port of its own, which is not for the public. */
export default fp<MetricsOptions>(async (app, { host, port }) => {
  const registry = new Registry()
  const events = new Counter({ name: 'gatehouse_events_total', help: 'What the audit log tells of, by event', labelNames: ['event', 'limit'], registers: [registry] })

  const answer: RequestListener = async ({ method, url }, response) => {
    if (method !== 'GET' || url !== '/metrics') response.writeHead(404).end()
    else response.writeHead(200, { 'content-type': registry.contentType }).end(await registry.metrics())
  }

  app.decorate('metrics', {
    count: (event, limit = '') => events.inc({ event, limit }),
    gauge (name, help, read) {
      const gauge: Gauge = new Gauge({ name, help, registers: [registry], collect: () => { gauge.set(read()) } })
    },
    text: () => registry.metrics()
  } satisfies Metrics)

  if (port === null) return
  collectDefaultMetrics({ register: registry })
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
