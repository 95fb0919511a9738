import fp from 'fastify-plugin'
import type { Access } from './access.ts'
import type { LimitName } from './throttle.ts'

declare module 'fastify' {
  interface FastifyInstance {
    routeTable: RouteTable
  }
}

export interface RouteEntry {
  /** `ANY` stands for all that are understood. */
  method: string
  url: string
  /** A role or a scope by its name: `role admin`. */
  access: string
  /** What an address is limited by there. */
  limit: LimitName | null
  /** The operation's name in logs, metrics and OpenAPI. */
  operation: string
}

export interface RouteTable {
  /** Every route, in the order of registration. */
  readonly entries: readonly RouteEntry[]
  /** Every address of ours that knows some methods and not others (preflights are a library's, and the pages may be off), with those it knows so far. */
  resources (): Array<{ url: string, methods: string[] }>
}

/** The whole route table, from what the routes themselves say. */
export default fp(async (app) => {
  const entries: RouteEntry[] = []
  app.addHook('onRoute', ({ method, url, config, schema }) => {
    const methods = [method].flat()
    for (const one of methods.length >= app.supportedMethods.length - 1 ? ['ANY'] : methods) {
      entries.push({ method: one, url, access: describe(config?.access ?? 'public'), limit: config?.limit ?? null, operation: schema?.operationId ?? '-' })
    }
  })
  app.decorate('routeTable', {
    entries,
    resources () {
      const byUrl = Map.groupBy(entries.filter(({ url }) => url !== '*' && !url.startsWith('/documentation')), ({ url }) => url)
      for (const { url } of entries.filter(({ method }) => method === 'ANY')) byUrl.delete(url)
      return [...byUrl].map(([url, routes]) => ({ url, methods: routes.map(({ method }) => method) }))
    }
  } satisfies RouteTable)
}, { name: 'route-table', fastify: '5.x' })

function describe (access: Access): string {
  if (typeof access === 'string') return access
  return 'role' in access ? `role ${access.role}` : `scope ${access.scope}`
}
