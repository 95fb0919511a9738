import { isIP } from 'node:net'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyRequest {
    /** Where this request came from, as logs, sessions and audit show it. */
    readonly origin: Origin
  }
}

export interface Origin {
  /** The address of the client: the rightmost one in X-Forwarded-For that no trusted gateway holds, else the peer's. */
  ip: string
  userAgent: string | null
  requestId: string
}

const longestUserAgent = 256

/** Fastify walks X-Forwarded-For from the right past the gateways of TRUST_PROXY; what is no address there is not believed. */
export default fp(async (app) => {
  app.decorateRequest('origin', {
    getter (this: FastifyRequest) {
      return {
        ip: unmapped(isIP(this.ip) === 0 ? this.socket.remoteAddress ?? '' : this.ip),
        userAgent: this.headers['user-agent']?.slice(0, longestUserAgent) ?? null,
        requestId: this.id
      }
    }
  })
}, { name: 'origin', fastify: '5.x' })

/** An IPv4 address that came over an IPv6 socket, as itself (RFC 4291, section 2.5.5.2). */
function unmapped (address: string): string {
  const [, embedded] = /^::ffff:([\d.]+)$/i.exec(address) ?? []
  return embedded !== undefined && isIP(embedded) === 4 ? embedded : address
}
