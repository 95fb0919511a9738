import type { FastifyInstance, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import fp from 'fastify-plugin'
import type { Identity } from './tokens.ts'

/** Who may call a route: anybody, or whoever shows a valid access token of a user. */
export type Access = 'public' | 'user'

declare module 'fastify' {
  interface FastifyContextConfig { access?: Access }
  interface FastifyRequest {
    /** The verified caller. Set by this plugin alone; reading it on a public route throws. */
    readonly identity: Identity
    [caller]: Identity | null
  }
}

const caller = Symbol('caller')
const realm = 'Bearer realm="gatehouse"'
const authorization = 'authorization'

/** RFC 6750, section 2.1: the scheme in any case, one or more spaces, a b64token. */
const credentials = /^bearer +([\w.~+/-]+=*)$/i
/** The scheme is a whole token (RFC 9110, section 5.6.2): "Bearers" is another one. */
const bearerScheme = /^bearer(?![\w!#$%&'*+.^`|~-])/i

export default fp(async (app) => guard(app, app), { name: 'access', dependencies: ['errors', 'tokens'], fastify: '5.x' })

/** Guards the routes that `app` gets from now on; `tokens` says what a token is worth. */
export function guard (app: FastifyInstance, { tokens, errors }: Pick<FastifyInstance, 'tokens' | 'errors'>): void {
  app.decorateRequest(caller, null)
  app.decorateRequest('identity', { getter (this: FastifyRequest) { return this[caller] ?? readOnPublicRoute() } })

  // Synchronous on purpose: Fastify catches the throw, and a promise here would cost every request a turn of the loop.
  function authenticate (request: FastifyRequest, _reply: unknown, done: HookHandlerDoneFunction) {
    const token = bearerOf(request)
    try {
      admit(request, tokens.verify(token))
    } catch (error) {
      const news = tokens.news(error)
      if (news === null) throw error
      news.then(() => admit(request, tokens.verify(token))).then(() => done(), done)
      return
    }
    done()
  }

  /** Routes about a user are not for clients' own tokens. */
  function admit (request: FastifyRequest, identity: Identity): void {
    if (identity.userId === '') throw errors.create('forbidden', { headers: { 'www-authenticate': `${realm}, error="insufficient_scope"` } })
    request[caller] = identity
  }

  /** The token of the one Authorization line. Throws `missing_token` where no bearer credentials were sent. */
  function bearerOf (request: FastifyRequest): string {
    const value = request.headers.authorization
    if (value === undefined || !bearerScheme.test(value)) {
      if (value !== undefined) refuseRepeated(request)
      throw errors.create('missing_token', { headers: { 'www-authenticate': realm } })
    }
    refuseRepeated(request)
    return credentials.exec(value)?.[1] ?? malformed()
  }

  /** Node keeps the first of several Authorization lines and a gateway may look at another: only the raw ones tell. */
  function refuseRepeated ({ raw: { rawHeaders } }: FastifyRequest): void {
    let lines = 0
    for (let i = 0; i < rawHeaders.length; i += 2) {
      const name = rawHeaders[i] as string
      if (name.length === authorization.length && name.toLowerCase() === authorization) lines++
    }
    if (lines > 1) malformed()
  }

  function malformed (): never {
    throw errors.create('invalid_request', {
      message: 'The Authorization header is malformed',
      headers: { 'www-authenticate': `${realm}, error="invalid_request"` }
    })
  }

  app.addHook('onRoute', (route) => {
    const access = route.config?.access
    if (access === undefined) throw new Error(`${route.method} ${route.url} does not say who may call it`)
    if (access !== 'public') route.onRequest = [authenticate, ...[route.onRequest ?? []].flat()]
  })
}

function readOnPublicRoute (): never {
  throw new Error('identity was read on a public route')
}
