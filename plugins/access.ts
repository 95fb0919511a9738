import type { FastifyInstance, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import fp from 'fastify-plugin'
import type { Client } from './clients.ts'
import type { Origin } from './origin.ts'
import type { Identity } from './tokens.ts'

/**
 * Who may call a route: anybody; whoever shows a valid access token of a user, or any valid one, clients' own included; a user
 * with a role; a token with a scope; or a registered client with its secret.
 */
export type Access = 'public' | 'user' | 'token' | { readonly role: string } | { readonly scope: string } | 'client'

declare module 'fastify' {
  interface FastifyContextConfig { access?: Access }
  interface FastifyRequest {
    /** The verified caller. Set by this plugin alone; reading it on a public route throws. */
    readonly identity: Identity
    /** The registered client that calls. Set by this plugin alone; reading it on another route throws. */
    readonly client: Client
    /** The same user as the audit names who does something, and where from. */
    readonly by: { actor: string, origin: Origin }
    [caller]: Identity | null
    [callingClient]: Client | null
  }
}

const caller = Symbol('caller')
const callingClient = Symbol('client')
const authorization = 'authorization'

const usual = 'Bearer '
/** RFC 6750, section 2.1: the scheme in any case, one or more spaces, a b64token. */
const credentials = /^bearer +([\w.~+/-]+=*)$/i
const b64token = /^[\w.~+/-]+=*$/
/** The scheme is a whole token (RFC 9110, section 5.6.2): "Bearers" is another one. */
const bearerScheme = /^bearer(?![\w!#$%&'*+.^`|~-])/i

export default fp(async (app) => {
  guard(app, app)
  app.decorateRequest('by', { getter (this: FastifyRequest) { return { actor: this.identity.userId, origin: this.origin } } })

  // Whoever refuses it, the guard or the route. A gateway may ask in floods, so it is counted.
  app.addHook('onError', (request, _reply, { code }, done) => {
    const { [caller]: identity, origin, routeOptions: { schema } } = request
    if (code === 'forbidden' && identity !== null) {
      const { userId, clientId } = identity
      const operation = schema?.operationId ?? null
      app.audit.tally({ event: 'authz_fail', userId: userId || null, actor: userId || clientId, origin, detail: { operation } }, `${userId || clientId} ${origin.network} ${operation}`)
    }
    done()
  })
}, { name: 'access', dependencies: ['audit', 'errors', 'oauth', 'origin', 'tokens'], fastify: '5.x' })

/** Guards the routes that `app` gets from now on; `tokens` says what a token is worth, `oauth` who a client is, where there are clients. */
export function guard (app: FastifyInstance, { tokens, errors, oauth }: Pick<FastifyInstance, 'tokens' | 'errors'> & Partial<Pick<FastifyInstance, 'oauth'>>): void {
  app.decorateRequest(caller, null)
  app.decorateRequest('identity', { getter (this: FastifyRequest) { return this[caller] ?? notCalledBy('user') } })
  app.decorateRequest(callingClient, null)
  app.decorateRequest('client', { getter (this: FastifyRequest) { return this[callingClient] ?? notCalledBy('client') } })

  function authenticator (access: BearerAccess) {
    const mayPass = ruleOf(access)

    function admit (request: FastifyRequest, identity: Identity): void {
      request[caller] = identity
      if (!mayPass(identity)) throw errors.create('forbidden')
    }

    // Synchronous on purpose: Fastify catches the throw, and a promise here would cost every request a turn of the loop.
    return function authenticate (request: FastifyRequest, _reply: unknown, done: HookHandlerDoneFunction) {
      const token = bearerOf(request)
      try {
        admit(request, tokens.verify(token))
      } catch (error) {
        // A token that verifies is well-formed: only of the others it has to be asked.
        if (!b64token.test(token)) malformed()
        const news = tokens.news(error)
        if (news === null) throw error
        news.then(() => admit(request, tokens.verify(token))).then(() => done(), done)
        return
      }
      done()
    }
  }

  async function authenticateClient (request: FastifyRequest): Promise<void> {
    refuseRepeated(request)
    request[callingClient] = await oauth?.authenticate(request.headers.authorization, request.origin) ?? notCalledBy('client')
  }

  /** The token of the one Authorization line. Throws `missing_token` where no bearer credentials were sent. */
  function bearerOf (request: FastifyRequest): string {
    const value = request.headers.authorization
    // As nearly everybody writes it; what follows is judged with the token.
    if (value?.startsWith(usual) && value[usual.length] !== ' ') {
      refuseRepeated(request)
      return value.slice(usual.length)
    }
    if (value === undefined || !bearerScheme.test(value)) {
      if (value !== undefined) refuseRepeated(request)
      throw errors.create('missing_token')
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
      headers: { 'www-authenticate': 'Bearer realm="gatehouse", error="invalid_request"' }
    })
  }

  app.addHook('onRoute', (route) => {
    const access = route.config?.access
    if (access === undefined) throw new Error(`${route.method} ${route.url} does not say who may call it`)
    if (access !== 'public') route.onRequest = [access === 'client' ? authenticateClient : authenticator(access), ...[route.onRequest ?? []].flat()]
  })
}

type BearerAccess = Exclude<Access, 'public' | 'client'>

/** Routes about a user are not for clients' own tokens, and only users have roles. */
function ruleOf (access: BearerAccess): (identity: Identity) => boolean {
  if (access === 'token') return () => true
  if (access === 'user') return ({ userId }) => userId !== ''
  if ('role' in access) return ({ userId, roles }) => userId !== '' && roles.includes(access.role)
  return ({ scopes }) => scopes.includes(access.scope)
}

function notCalledBy (kind: 'user' | 'client'): never {
  throw new Error(`the caller was read on a route that is not for a ${kind}`)
}
