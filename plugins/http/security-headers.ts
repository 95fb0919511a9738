import type { IncomingMessage, ServerResponse } from 'node:http'
import helmet from 'helmet'

/** Helmet's headers as an API needs them, worked out once: they are the same for every answer. */
export function securityHeaders ({ https }: { https: boolean }): Record<string, string> {
  const headers: Record<string, string> = {}
  const collect = { setHeader: (name: string, value: string) => { headers[name.toLowerCase()] = value.replaceAll(';', '; ') }, removeHeader: () => {} }
  helmet({
    contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
    referrerPolicy: { policy: 'no-referrer' },
    strictTransportSecurity: https ? { maxAge: 31_536_000, includeSubDomains: false } : false,
    xFrameOptions: { action: 'deny' },
    crossOriginOpenerPolicy: false,
    crossOriginResourcePolicy: false,
    originAgentCluster: false,
    xDnsPrefetchControl: false,
    xDownloadOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false
  })({} as IncomingMessage, collect as unknown as ServerResponse, () => {})
  return headers
}
