import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { type GrantReply, type Introspection, type OauthErrorCode, oauthErrors, type TokenForm } from '../schemas/oauth.ts'
import type { Client } from './clients.ts'
import { parseForm } from './oauth/form.ts'
import type { Origin } from './origin.ts'

declare module 'fastify' {
  interface FastifyInstance {
    oauth: Oauth
  }
}

export interface Oauth {
  /** The client behind an Authorization header of HTTP Basic. Throws `invalid_client` or `too_many_attempts`. */
  authenticate (authorization: string | undefined, origin: Origin): Promise<Client>
  /** Makes a context speak OAuth: form bodies alone, nothing cached, failures as RFC 6749 writes them. */
  speak (scope: FastifyInstance): void
  /** RFC 6749, sections 4.4 and 6. Throws `unsupported_grant_type`, `invalid_scope` or `invalid_grant`. */
  grant (client: Client, form: TokenForm, origin: Origin): Promise<GrantReply>
  /** RFC 7662: what a token is worth now. */
  introspect (token: string): Promise<Introspection>
  /**
   * RFC 7009: ends the session a token belongs to, or the token where it belongs to none. A token that is none changes
   * nothing. Throws `unauthorized_client` where it is another client's own.
   */
  revoke (token: string, client: Client, origin: Origin): Promise<void>
}

class OauthError extends Error {
  readonly code: OauthErrorCode

  constructor (code: OauthErrorCode) {
    super(oauthErrors[code].description)
    this.code = code
  }
}

const inactive: Introspection = { active: false }
/** Where nothing is, or not by that method: RFC 6749 has no word for either, and ours are told in its shape. */
const unlisted = [404, 405]
const challenge = 'Basic realm="gatehouse", charset="UTF-8"'

export default fp(async (app) => {
  /** Writes nothing: what clients ask for is counted. */
  function grantToClient ({ id, scopes }: Client, asked: string | undefined, origin: Origin): GrantReply {
    const wanted = asked === undefined || asked === '' ? scopes : [...new Set(asked.split(' '))]
    if (!wanted.every((scope) => scopes.includes(scope))) throw new OauthError('invalid_scope')
    const { token, expiresIn } = app.tokens.issueToClient(id, wanted)
    app.audit.tally({ event: 'authn_token_created', userId: null, actor: id, origin, detail: { scopes: wanted } }, `${id} ${origin.network} ${wanted.join(' ')}`)
    return { access_token: token, token_type: 'Bearer', expires_in: expiresIn, scope: wanted.join(' ') }
  }

  async function refresh (client: Client, { refresh_token: token, scope = '' }: TokenForm, origin: Origin): Promise<GrantReply> {
    if (token === undefined) throw new OauthError('invalid_request')
    if (scope !== '' && !await isWhole(scope, token)) throw new OauthError('invalid_scope')
    const reply = await app.signIn.withRefreshToken(token, origin, client.id).catch((error: Error & { code?: string }) => {
      throw error.code === 'invalid_refresh_token' ? new OauthError('invalid_grant') : error
    })
    return { access_token: reply.access_token, token_type: 'Bearer', expires_in: reply.expires_in, refresh_token: reply.refresh_token, scope: scopeOf(reply.user) }
  }

  /** Whether these are all the scopes that a session gives: fewer cannot be had, nor others. What is no live token is for the refresh to judge. */
  async function isWhole (scope: string, token: string): Promise<boolean> {
    const { scope: whole } = await introspectRefreshToken(token)
    return whole === undefined || [...new Set(scope.split(' '))].sort().join(' ') === whole
  }

  function scopeOf ({ roles }: { roles: readonly string[] }): string {
    return app.tokens.scopesOf(roles).join(' ')
  }

  async function introspectRefreshToken (token: string): Promise<Introspection> {
    const session = await app.sessions.find(token, app.database.queries)
    const user = session === null ? null : await app.users.findById(session.userId)
    if (session === null || user === null || user.disabled) return inactive
    return { active: true, scope: scopeOf(user), client_id: session.clientId, username: user.username, token_type: 'refresh_token', exp: Math.floor(session.idleExpiresAt / 1000), iat: Math.floor(session.rotatedAt / 1000), sub: user.id, sid: session.id }
  }

  app.decorate('oauth', {
    async authenticate (authorization, origin) {
      return await app.clients.authenticate(authorization, origin) ?? Promise.reject(new OauthError('invalid_client'))
    },
    speak (scope) {
      scope.removeAllContentTypeParsers()
      scope.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'buffer' }, (_request, body, done) => {
        try {
          done(null, parseForm(body as Buffer))
        } catch {
          done(new OauthError('invalid_request'))
        }
      })
      scope.addHook('onRequest', async (_request, reply) => {
        reply.header('cache-control', 'no-store')
      })
      scope.setErrorHandler((error: FastifyError, request, reply) => answer(error, request, reply))
    },
    async grant (client, form, origin) {
      if (form.grant_type === 'client_credentials') return grantToClient(client, form.scope, origin)
      if (form.grant_type === 'refresh_token') return refresh(client, form, origin)
      throw new OauthError('unsupported_grant_type')
    },
    async introspect (token) {
      if (app.sessions.read(token) !== null) return introspectRefreshToken(token)
      const found = app.tokens.inspect(token)
      if (found === null) return inactive
      const { identity: { userId, username, sessionId, clientId, roles, scopes, tokenId, expiresAt, issuedAt }, issuer, audience } = found
      return {
        active: true,
        scope: scopes.join(' '),
        client_id: clientId,
        token_type: 'Bearer',
        exp: expiresAt,
        iat: issuedAt,
        sub: userId === '' ? clientId : userId,
        aud: audience,
        iss: issuer,
        jti: tokenId,
        roles: [...roles],
        ...sessionId === '' ? {} : { sid: sessionId, username }
      }
    },
    async revoke (token, client, origin) {
      const session = await app.sessions.sessionOf(token, app.database.queries)
      const identity = session === null ? app.tokens.inspect(token)?.identity : { userId: session.userId, sessionId: session.id, tokenId: '', clientId: session.clientId }
      if (identity === undefined) return
      if (identity.sessionId === '' && identity.clientId !== client.id) throw new OauthError('unauthorized_client')
      await app.database.transaction(async (queries) => {
        if (identity.sessionId === '') await app.revocations.add('token', [identity.tokenId], queries)
        else await app.sessions.end(identity.userId, identity.sessionId, queries)
        const detail = identity.sessionId === '' ? { token_id: identity.tokenId } : { session_id: identity.sessionId }
        await app.audit.record({ event: 'authn_token_revoked', userId: identity.userId === '' ? null : identity.userId, actor: client.id, origin, detail }, queries)
      })
      await app.revocations.hear()
    }
  } satisfies Oauth)

  function answer (error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const status = error instanceof OauthError ? oauthErrors[error.code].status : error.statusCode ?? 500
    const code = error instanceof OauthError ? error.code : status === 503 ? 'temporarily_unavailable' : status === 429 ? 'slow_down' : status >= 500 ? 'server_error' : 'invalid_request'
    if (status >= 500) request.log.error({ err: error.cause ?? error }, code)
    if (status === 503 || status === 429) reply.header('retry-after', '1')
    // Ours say what goes with the answer; a challenge for bearers is none for clients.
    const { 'www-authenticate': _, ...headers } = (error as { headers?: Record<string, string> }).headers ?? {}
    reply.headers({ 'cache-control': 'no-store', ...headers })
    if (code === 'invalid_client') reply.header('www-authenticate', challenge)
    const description = unlisted.includes(status) ? error.message : oauthErrors[code].description
    return reply.code(status).type('application/json; charset=utf-8').send({ error: code, error_description: description })
  }
}, { name: 'oauth', dependencies: ['audit', 'clients', 'database', 'revocations', 'sessions', 'sign-in', 'tokens', 'users'], fastify: '5.x' })
