import { type Attributes, propagation, SpanStatusCode } from '@opentelemetry/api'
import { type ExportResult, ExportResultCode, W3CTraceContextPropagator } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BatchSpanProcessor, type ReadableSpan, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace'

export interface Pipeline {
  provider: TracerProvider
  /** Sends what is left, as far as that is possible within the time an export may take. */
  end (): Promise<void>
}

/** What of a span leaves. No address as it was sent, which may hold what clients put there by mistake, and no words of an error. */
const kept = ['gatehouse.operation', 'http.request.method', 'http.route', 'http.response.status_code']

/** Milliseconds an export may take, and be waited for: less than the end of the process waits for. */
const exportTime = 1500
const exportPatience = 2000

/** Spans of requests, on their way to a collector: gathered, stripped, and sent by OTLP over HTTP. */
export function createPipeline (endpoint: string, failed: (error: Error | undefined) => void): Pipeline {
  // For the whole process, since the API asks nobody else: what it finds in `traceparent` (W3C Trace Context).
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  const exporter = new OTLPTraceExporter({ url: `${endpoint}/v1/traces`, timeoutMillis: exportTime })

  function send (spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    exporter.export(spans.map(strip), (result) => {
      if (result.code !== ExportResultCode.SUCCESS) failed(result.error)
      done(result)
    })
  }

  const stripping: SpanExporter = { export: send, forceFlush: () => exporter.forceFlush(), shutdown: () => exporter.shutdown() }
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'gatehouse' }),
    spanProcessors: [new BatchSpanProcessor({ exporter: stripping, exportTimeoutMillis: exportPatience })]
  })
  // What cannot be sent by then was reported where it failed.
  return { provider, end: () => provider.shutdown().catch(() => {}) }
}

/** Named one by one: what a library adds some day stays here. A failure is one where it is ours (5xx). */
function strip (span: ReadableSpan): ReadableSpan {
  const { name, kind, parentSpanContext, startTime, endTime, duration, ended, resource, instrumentationScope } = span
  const attributes: Attributes = Object.fromEntries(kept.filter((one) => one in span.attributes).map((one) => [one, span.attributes[one]]))
  const isFailure = Number(attributes['http.response.status_code']) >= 500
  return {
    name, kind, spanContext: () => span.spanContext(), ...parentSpanContext === undefined ? {} : { parentSpanContext },
    startTime, endTime, duration, ended, resource, instrumentationScope, attributes,
    status: { code: isFailure ? SpanStatusCode.ERROR : SpanStatusCode.UNSET },
    links: [], events: [], droppedAttributesCount: 0, droppedEventsCount: 0, droppedLinksCount: 0
  }
}
