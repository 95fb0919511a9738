import { createServer, type RequestListener } from 'node:http'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from '@prometheus-io/client'
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
  /** All of it, as Prometheus reads it. */
  text (): Promise<string>
}

export interface MetricsOptions {
  host: string
  /** Null: nothing listens, and no request is measured. */
  port: number | null
}

/** The operation of what asks for nothing that is there. */
const unknown = 'unknown'

/** Seconds: from what a known token takes to what the longest wait for the database and for a hash may. */
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** What became of a sign-in, by what it was answered. */
const outcomes: Readonly<Record<number, string>> = { 200: 'success', 401: 'failure', 429: 'throttled', 503: 'refused' }

/** What goes on, counted; on a port of its own, which is not for the public. */
export default fp<MetricsOptions>(async (app, { host, port }) => {
  const registry = new Registry()
  const registers = [registry]
  const events = new Counter({ name: 'gatehouse_events_total', help: 'What the audit log tells of, by event', labelNames: ['event', 'limit'], registers })

  const answer: RequestListener = async ({ method, url }, response) => {
    if (method !== 'GET' || url !== '/metrics') response.writeHead(404).end()
    else response.writeHead(200, { 'content-type': registry.contentType }).end(await registry.metrics())
  }

  /** Hands a reading to its metric. Of what cannot be read now, such as a database that does not answer, there is no number. */
  function collector ({ label, read }: Figure, clear: () => void, take: (labels: Record<string, string>, value: number) => void): () => Promise<void> {
    return async () => {
      const reading = await Promise.try(read).catch(() => Number.NaN)
      // No waiting from here on: two that read at once would otherwise count twice.
      clear()
      if (label === undefined) take({}, reading as number)
      else for (const [value, figure] of Object.entries(reading)) take({ [label]: value }, figure)
    }
  }

  const labelled = ({ name, help, label }: Figure) => ({ name, help, labelNames: label === undefined ? [] : [label], registers })

  app.decorate('metrics', {
    count: (event, limit = '') => events.inc({ event, limit }),
    gauge (figure) {
      const gauge: Gauge<string> = new Gauge<string>({ ...labelled(figure), collect: collector(figure, () => gauge.reset(), (labels, value) => gauge.set(labels, value)) })
    },
    counter (figure) {
      const counter: Counter<string> = new Counter<string>({ ...labelled(figure), collect: collector(figure, () => counter.reset(), (labels, value) => counter.inc(labels, value)) })
    },
    histogram (name, help) {
      const histogram = new Histogram({ name, help, buckets, registers })
      return (seconds) => histogram.observe(seconds)
    },
    text: () => registry.metrics()
  } satisfies Metrics)

  if (port === null) return

  const requests = new Counter({ name: 'gatehouse_requests_total', help: 'Answered requests, by operation and status', labelNames: ['operation', 'status'], registers })
  const durations = new Histogram({ name: 'gatehouse_request_duration_seconds', help: 'From a request\'s headers to the end of its answer, by operation', labelNames: ['operation'], buckets, registers })
  const logins = new Counter({ name: 'gatehouse_logins_total', help: 'Sign-ins with a password, by outcome', labelNames: ['outcome'], registers })

  app.addHook('onResponse', function measure (request: FastifyRequest, reply: FastifyReply, done: () => void) {
    const operation = request.routeOptions.schema?.operationId ?? unknown
    requests.inc({ operation, status: reply.statusCode })
    durations.observe({ operation }, reply.elapsedTime / 1000)
    if (operation === 'login') logins.inc({ outcome: outcomes[reply.statusCode] ?? 'other' })
    done()
  })

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
