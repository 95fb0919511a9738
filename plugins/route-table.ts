import fp from 'fastify-plugin'
import type { Access } from './access.ts'
import type { LimitName } from './throttle.ts'

declare module 'fastify' {
  interface FastifyInstance {
    routeTable: RouteTable
  }
}

export interface RouteEntry {
  method: string
  url: string
  access: Access
  /** What an address is limited by there. */
  limit: LimitName | null
  /** The operation's name in logs, metrics and OpenAPI. */
  operation: string
}

export interface RouteTable {
  /** Every route, in the order of registration. */
  readonly entries: readonly RouteEntry[]
  /** Every address of ours (preflights and the documentation pages are a library's), with the methods it knows so far. */
  resources (): Array<{ url: string, methods: string[] }>
}

/** The whole route table, from what the routes themselves say. */
export default fp(async (app) => {
  const entries: RouteEntry[] = []
  app.addHook('onRoute', ({ method, url, config, schema }) => {
    for (const one of [method].flat()) {
      entries.push({ method: one, url, access: config?.access ?? 'public', limit: config?.limit ?? null, operation: schema?.operationId ?? '-' })
    }
  })
  app.decorate('routeTable', {
    entries,
    resources () {
      const byUrl = Map.groupBy(entries.filter(({ url }) => url !== '*' && !url.startsWith('/documentation')), ({ url }) => url)
      return [...byUrl].map(([url, routes]) => ({ url, methods: routes.map(({ method }) => method) }))
    }
  } satisfies RouteTable)
}, { name: 'route-table', fastify: '5.x' })
