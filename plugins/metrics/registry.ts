import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from '@prometheus-io/client'
import type { Figure, Metrics } from '../metrics.ts'

/** Seconds: from what a known token takes to what the longest wait for the database and for a hash may. */
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** Milliseconds between two looks at the loop's use. Each is kept five times for a minute: at the library's ten a second, a MiB that only dies old. */
const utilizationInterval = 1000

/** What became of a sign-in, by what it was answered. */
const outcomes: Readonly<Record<number, string>> = { 200: 'success', 401: 'failure', 429: 'throttled', 503: 'refused' }

export interface MetricsRegistry extends Metrics {
  readonly contentType: string
  /** Takes an answered request: what it asked for, its status, and the seconds from its headers to the end of its answer. */
  measure (operation: string, status: number, seconds: number): void
}

/** All that is counted, read and timed, and what the process itself tells. */
export function createRegistry (): MetricsRegistry {
  const registry = new Registry()
  const registers = [registry]
  const events = new Counter({ name: 'gatehouse_events_total', help: 'What the audit log tells of, by event', labelNames: ['event', 'limit'], registers })
  const requests = new Counter({ name: 'gatehouse_requests_total', help: 'Answered requests, by operation and status', labelNames: ['operation', 'status'], registers })
  const durations = new Histogram({ name: 'gatehouse_request_duration_seconds', help: 'From a request\'s headers to the end of its answer, by operation', labelNames: ['operation'], buckets, registers })
  const logins = new Counter({ name: 'gatehouse_logins_total', help: 'Sign-ins with a password, by outcome', labelNames: ['outcome'], registers })
  collectDefaultMetrics({ register: registry, eventLoopUtilizationTimeout: utilizationInterval })

  const labelled = ({ name, help, label }: Figure) => ({ name, help, labelNames: label === undefined ? [] : [label], registers })

  return {
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
    text: () => registry.metrics(),
    contentType: registry.contentType,
    measure (operation, status, seconds) {
      requests.inc({ operation, status })
      durations.observe({ operation }, seconds)
      if (operation === 'login') logins.inc({ outcome: outcomes[status] ?? 'other' })
    }
  }
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
