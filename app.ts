import type { Server } from 'node:http'
import type { FastifyHttpOptions, FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from './config.ts'
import access from './plugins/access.ts'
import accounts from './plugins/accounts.ts'
import administration from './plugins/administration.ts'
import audit from './plugins/audit.ts'
import auditChain from './plugins/audit-chain.ts'
import clients from './plugins/clients.ts'
import clock from './plugins/clock.ts'
import database from './plugins/database.ts'
import discovery from './plugins/discovery.ts'
import drain, { DrainingResponse } from './plugins/drain.ts'
import errors, { unparsedOptions } from './plugins/errors.ts'
import gauges from './plugins/gauges.ts'
import hashing from './plugins/hashing.ts'
import http, { httpOptions, securityHeaders } from './plugins/http.ts'
import jobs from './plugins/jobs.ts'
import keys from './plugins/keys.ts'
import metrics from './plugins/metrics.ts'
import oauth from './plugins/oauth.ts'
import openapi from './plugins/openapi.ts'
import origin from './plugins/origin.ts'
import passwords from './plugins/passwords.ts'
import revocations from './plugins/revocations.ts'
import routeTable from './plugins/route-table.ts'
import secrets from './plugins/secrets.ts'
import sessions from './plugins/sessions.ts'
import signIn from './plugins/sign-in.ts'
import signOut from './plugins/sign-out.ts'
import strictJson from './plugins/strict-json.ts'
import throttle from './plugins/throttle.ts'
import tokens from './plugins/tokens.ts'
import traces from './plugins/traces.ts'
import userTransfer from './plugins/user-transfer.ts'
import users from './plugins/users.ts'
import validation from './plugins/validation.ts'
import adminAudit from './routes/admin/audit.ts'
import adminClients from './routes/admin/clients.ts'
import adminKeys from './routes/admin/keys.ts'
import adminUsers from './routes/admin/users.ts'
import health from './routes/health.ts'
import login from './routes/login.ts'
import logout from './routes/logout.ts'
import me from './routes/me.ts'
import methodNotAllowed from './routes/method-not-allowed.ts'
import oauthRoutes from './routes/oauth.ts'
import description from './routes/openapi.ts'
import guarded from './routes/protected.ts'
import refresh from './routes/refresh.ts'
import register from './routes/register.ts'
import verify from './routes/verify.ts'
import wellKnown from './routes/well-known.ts'

export { inspectDatabase } from './plugins/database.ts'

export interface AppOptions {
  config: Config
  /** Milliseconds since 1970, for a test that turns the clock. */
  now?: () => number
  monotonic?: () => number
  /** For a lost SECRET_KEY: new keys, whatever sealed the old ones. */
  reset?: boolean
  /** For a command that looks: nothing is made, renewed or written, at the start and at the end. */
  looking?: boolean
}

/** What Fastify itself must be made with for this app: limits, log, and answers to what never becomes a request. */
export function fastifyOptions (config: Config) {
  const { http: limits, ...options } = httpOptions(config.http)
  return {
    ...options,
    ...unparsedOptions(securityHeaders(config.http)),
    http: { ...limits, ServerResponse: DrainingResponse }
  } satisfies FastifyHttpOptions<Server>
}

/** The map: every plugin and route, in the order in which they start. */
const app: FastifyPluginAsync<AppOptions> = async (app, { config, reset = false, looking = false, ...turned }) => {
  const headers = securityHeaders(config.http)

  // platform
  await app.register(clock, turned)
  await app.register(jobs)
  await app.register(errors, { answers: { headers } })
  await app.register(routeTable)
  await app.register(origin)
  await app.register(traces, config.traces)
  await app.register(http, { corsOrigins: config.http.corsOrigins, headers })
  await app.register(strictJson, { bodies: true })
  await app.register(validation)
  await app.register(drain)
  await app.register(secrets, { ...config.secrets, replaceLost: reset })
  await app.register(database, config.database)
  await app.register(metrics, config.metrics)
  await app.register(audit)
  await app.register(openapi, config.openapi)
  await app.register(throttle, config.throttle)

  // identity
  await app.register(users)
  await app.register(hashing, config.hashing)
  await app.register(passwords, config.passwords)
  await app.register(keys, { ...config.keys, reset, looking })
  await app.register(auditChain, { ...config.auditChain, reset, looking })
  await app.register(revocations, config.revocations)
  await app.register(tokens, config.tokens)
  await app.register(sessions, config.sessions)
  await app.register(discovery, config.tokens)
  await app.register(gauges, config.keys)

  // use cases
  await app.register(accounts, config.accounts)
  await app.register(signIn)
  await app.register(signOut)
  await app.register(administration, config.administration)
  await app.register(userTransfer)
  await app.register(clients)
  await app.register(oauth)

  // guard: every route below it says who may call it
  await app.register(access)

  // routes
  await app.register(health)
  await app.register(wellKnown)
  await app.register(description)
  await app.register(register)
  await app.register(login)
  await app.register(refresh)
  await app.register(logout)
  await app.register(guarded)
  await app.register(verify)
  await app.register(me)
  await app.register(oauthRoutes)
  await app.register(adminUsers)
  await app.register(adminClients)
  await app.register(adminKeys)
  await app.register(adminAudit)
  await app.register(methodNotAllowed)
}

export default fp(app, { name: 'gatehouse', fastify: '5.x' })
