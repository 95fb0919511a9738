import { METHODS, type Server } from 'node:http'
import cors from '@fastify/cors'
import type { FastifyHttpOptions, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { logOptions } from './http/log.ts'
import { hasTooManyHeaders, isAmbiguous, isPlain, isRespelt } from './http/message.ts'
import { createPipelineLimit } from './http/pipelining.ts'
import { requestId } from './http/request-id.ts'
import { holdTickShape } from './http/tick-shape.ts'

export { securityHeaders } from './http/security-headers.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** False where no page of another origin has any business. */
    crossOrigin?: false
  }
}

export interface HttpOptions {
  /** Gateways whose X-Forwarded-For is believed: addresses and CIDR ranges. */
  trustProxy: readonly string[]
  corsOrigins: readonly string[]
  logLevel: string
  /** Sent with every answer. */
  headers: Readonly<Record<string, string>>
}

const seconds = 1000
const bodyLimit = 16 * 1024
/** Requests that a connection may send ahead of their answers: clients and gateways send none. */
const mostAhead = 100
/** What a script of another origin may read of an answer beside its body: what docs/errors.md says to go by. */
const exposedHeaders = ['retry-after', 'ratelimit', 'ratelimit-policy', 'www-authenticate', 'x-request-id']
const closing = { headers: { connection: 'close' } }

/** Every limit of a connection, instead of Fastify's and Node's defaults (ASVS 4.2.5, 15.2.2). docs/configuration.md lists them. */
export function httpOptions ({ trustProxy, logLevel }: Pick<HttpOptions, 'trustProxy' | 'logLevel'>) {
  return {
    ...logOptions(logLevel),
    trustProxy: trustProxy.length === 0 ? false : [...trustProxy],
    bodyLimit,
    connectionTimeout: 20 * seconds,
    requestTimeout: 13 * seconds,
    keepAliveTimeout: 10 * seconds,
    http: {
      headersTimeout: 8 * seconds,
      connectionsCheckingInterval: 2 * seconds,
      maxHeaderSize: 16 * 1024,
      requireHostHeader: false,
      // Said aloud, so that NODE_OPTIONS cannot say otherwise.
      insecureHTTPParser: false
    },
    routerOptions: { caseSensitive: true, ignoreTrailingSlash: false, ignoreDuplicateSlashes: false },
    exposeHeadRoutes: false,
    return503OnClosing: false,
    genReqId: requestId
  } satisfies FastifyHttpOptions<Server>
}

/** The surface: headers on every answer, one spelling a route, expectations, cross-origin calls from named origins alone. */
export default fp<Pick<HttpOptions, 'corsOrigins' | 'headers'>>(async (app, { corsOrigins, headers }) => {
  if (app.initialConfig.bodyLimit !== bodyLimit) throw new Error('This app needs Fastify(fastifyOptions(config)): its limits are options of the server')
  const isTooFarAhead = createPipelineLimit(mostAhead)

  app.addHook('onRequest', (request, reply, done) => {
    if (isTooFarAhead(request.raw, reply.raw)) {
      reply.hijack()
      request.raw.socket.destroy()
      return
    }
    reply.headers(headers)
    reply.header('x-request-id', request.id)
    if (hasTooManyHeaders(request.raw)) throw app.errors.create('headers_too_large', closing)
    if (isAmbiguous(request.raw)) throw app.errors.create('invalid_request', closing)
    if (!isPlain(request.url) && isRespelt(request.url, request.routeOptions.url)) throw app.errors.create('not_found')
    done()
  })

  if (corsOrigins.length > 0) {
    const named = { origin: [...corsOrigins], methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'], allowedHeaders: ['authorization', 'content-type'], exposedHeaders, maxAge: 600 }
    await app.register(cors, {
      delegator (request, decide) {
        if (!isCrossOrigin(request)) return decide(null, { origin: false, preflight: false })
        // Strangers are told nothing but that the answer depends on who asks.
        if (!corsOrigins.includes(request.headers.origin ?? '')) return decide(null, { origin: named.origin, preflight: false })
        decide(null, { ...named, preflight: isPreflight(request) })
      }
    })
  }

  // A gateway asks about whatever it was sent, by the same method: what a route may know is all that Node reads.
  for (const method of METHODS) {
    if (method !== 'CONNECT' && !app.supportedMethods.includes(method)) app.addHttpMethod(method, { hasBody: true })
  }

  holdTickShape()
  app.server.maxConnections = 20_000
  app.server.on('checkContinue', (request, response) => {
    if (Number(request.headers['content-length'] ?? 0) <= bodyLimit) response.writeContinue()
    app.server.emit('request', request, response)
  })
}, { name: 'http', dependencies: ['errors', 'origin'], fastify: '5.x' })

/** At an address that does not take part, a preflight is a request like any other. */
function isCrossOrigin ({ routeOptions }: FastifyRequest): boolean {
  return routeOptions.config.crossOrigin !== false
}

/** Any other OPTIONS request is a method that a resource does not know; the library would answer it in words of its own. */
function isPreflight ({ headers }: FastifyRequest): boolean {
  return headers.origin !== undefined && headers['access-control-request-method'] !== undefined
}
