import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

/** A span as OTLP writes it in JSON. */
export interface ReceivedSpan {
  name: string
  kind: number
  traceId: string
  spanId: string
  parentSpanId?: string
  startTimeUnixNano: string
  endTimeUnixNano: string
  attributes: Record<string, string | number>
  status: { code: number, message?: string }
  events: unknown[]
}

/** An OpenTelemetry collector that takes traces by OTLP over HTTP, as far as a service sends them. It is gone with the test. */
export interface Collector {
  readonly endpoint: string
  /** Everything that it was sent, as it was sent. */
  readonly bodies: string[]
  /** What it answers from now on. */
  status: number
  spans (): ReceivedSpan[]
  /** The names that the senders go by. */
  services (): string[]
}

type Values = Array<{ key: string, value: { stringValue?: string, intValue?: number | string } }>
interface Body { resourceSpans: Array<{ resource: { attributes: Values }, scopeSpans: Array<{ spans: Array<Omit<ReceivedSpan, 'attributes'> & { attributes: Values }> }> }> }

export async function startCollector (t: Test): Promise<Collector> {
  const bodies: string[] = []
  const server = createServer(async (request, response) => {
    const chunks = await request.setEncoding('utf8').toArray()
    if (request.method === 'POST' && request.url === '/v1/traces') bodies.push(chunks.join(''))
    response.writeHead(collector.status, { 'content-type': 'application/json' }).end('{}')
  }).listen(0, '127.0.0.1')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  await once(server, 'listening')
  const received = () => bodies.map((body) => JSON.parse(body) as Body).flatMap(({ resourceSpans }) => resourceSpans)
  const collector: Collector = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bodies,
    status: 200,
    spans: () => received().flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans.map((span) => ({ ...span, attributes: values(span.attributes) })))),
    services: () => received().map(({ resource }) => String(values(resource.attributes)['service.name']))
  }
  return collector
}

function values (list: Values): Record<string, string | number> {
  return Object.fromEntries(list.map(({ key, value }) => [key, value.stringValue ?? Number(value.intValue)]))
}
