import { readFileSync } from 'node:fs'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'

export interface TracesOptions {
  /** Where an OpenTelemetry collector listens for OTLP over HTTP; null for no traces, and nothing loaded. */
  endpoint: string | null
}

/** The operation of what asks for nothing that is there. */
const unknown = 'unknown'

/** Milliseconds between two warnings of a collector that does not take what it is sent. */
const quiet = 60_000

/** One span a request, by its operation, with what it was answered; the trace goes on that `traceparent` names. */
export default fp<TracesOptions>(async (app, { endpoint }) => {
  if (endpoint === null) return
  const [{ FastifyOtelInstrumentation }, { createPipeline }] = await load()
  let warnedAt = Number.NEGATIVE_INFINITY
  const pipeline = createPipeline(endpoint, (error) => {
    if (app.clock.monotonic() - warnedAt < quiet) return
    warnedAt = app.clock.monotonic()
    app.log.warn({ err: error }, 'traces are lost: the collector at OTEL_EXPORTER_OTLP_ENDPOINT does not take them')
  })
  const instrumentation = new FastifyOtelInstrumentation({
    instrumentHooks: false,
    instrumentHandler: false,
    recordExceptions: false,
    requestHook (span, request: FastifyRequest) {
      const operation = request.routeOptions.schema?.operationId ?? unknown
      span.updateName(operation).setAttribute('gatehouse.operation', operation)
    }
  })
  instrumentation.setTracerProvider(pipeline.provider)
  await app.register(instrumentation.plugin())
  app.addHook('onClose', () => pipeline.end())
}, { name: 'traces', dependencies: ['clock'], fastify: '5.x' })

/** Throws with the packages to install where they are not there: most who run the service need none of them. */
async function load () {
  try {
    return await Promise.all([import('@fastify/otel'), import('./traces/pipeline.ts')])
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    const { peerDependencies, devDependencies } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as Record<string, Record<string, string>>
    const packages = Object.keys(peerDependencies ?? {}).map((name) => `${name}@${devDependencies?.[name]}`)
    throw new Error(`OTEL_EXPORTER_OTLP_ENDPOINT is set, and what sends traces is not installed: npm install --no-save ${packages.join(' ')}`, { cause: error })
  }
}
