import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import { ErrorReply } from '../schemas/errors.ts'
import { VerifyHeaders, VerifyQuery } from '../schemas/verify.ts'

/** What a gateway can act upon: anything else it would take for a fault of ours, or pass on (nginx makes 500 of it). */
const understood = [401, 403, 503]
const hosts = ['x-forwarded-host', 'x-original-host'] as const
const methods = ['x-forwarded-method', 'x-original-method'] as const
const paths = ['x-forwarded-uri', 'x-original-uri', 'x-original-url'] as const
/** Characters of each that the log takes. */
const longest = 256

const verify: FastifyPluginAsyncTypebox = async (app) => {
  const isTold = ['debug', 'trace'].includes(app.log.level)

  /** Answers before anything asks for the body: there may be one, of any type and size, and it is not ours to read. */
  function answer (request: FastifyRequest, reply: FastifyReply, _done: HookHandlerDoneFunction): void {
    const { query, identity: { userId, username, sessionId, clientId, roles, scopes } } = request as FastifyRequest<{ Querystring: VerifyQuery }>
    if (query.role !== undefined && !holdsAll(roles, query.role)) throw app.errors.create('forbidden')
    if (query.scope !== undefined && !holdsAll(scopes, query.scope)) throw app.errors.create('forbidden')
    if (isTold) request.log.debug({ original: originalOf(request) }, 'verified')
    reply.headers({
      'cache-control': 'no-store',
      'x-auth-user-id': userId,
      'x-auth-username': username,
      'x-auth-session-id': sessionId,
      'x-auth-client-id': clientId,
      'x-auth-roles': roles.join(' '),
      'x-auth-scopes': scopes.join(' ')
    }).send()
  }

  const route = {
    config: { access: 'token', crossOrigin: false, errors: ['forbidden'] } as const,
    onRequest: answer,
    handler: () => {},
    errorHandler (error: { statusCode?: number, headers?: { connection?: string } }) {
      const { statusCode = 500, headers: { connection } = {} } = error
      if (statusCode >= 500 || understood.includes(statusCode)) throw error
      throw app.errors.create('invalid_token', { cause: 'malformed request', headers: connection === undefined ? {} : { connection } })
    }
  }

  app.get('/verify', {
    ...route,
    schema: {
      operationId: 'verify',
      summary: 'For gateways: whether a request may pass, by any method and at any path below',
      tags: ['gateway'],
      // Described, and not checked: a gateway may append the query of the request that it asks about.
      querystring: VerifyQuery,
      response: { 200: VerifyHeaders, '4xx': ErrorReply, '5xx': ErrorReply }
    },
    validatorCompiler: () => () => true
  })
  const others = { ...route, schema: { operationId: 'verify', hide: true } }
  app.route({ ...others, url: '/verify', method: app.supportedMethods.filter((method) => method !== 'GET') })
  app.route({ ...others, url: '/verify/*', method: app.supportedMethods })
}

/** Whether each name asked for is held; a name that nobody can have, such as none at all, is not. */
function holdsAll (held: readonly string[], asked: string | string[]): boolean {
  return [asked].flat().every((value) => value.split(' ').every((name) => held.includes(name)))
}

/** What the gateway was asked for, as it says, without the query. For the log alone: whoever reaches us can write it. */
function originalOf ({ headers }: FastifyRequest): Record<'method' | 'host' | 'path', string | null> {
  const first = (names: ReadonlyArray<string>) => {
    const value = names.map((name) => headers[name]).find((found) => found !== undefined)
    return typeof value === 'string' ? value.slice(0, longest) : null
  }
  return { method: first(methods), host: first(hosts), path: first(paths)?.replace(/^[a-z]+:\/\/[^/?#]*/i, '').replace(/[?#].*$/s, '') ?? null }
}

export default verify
