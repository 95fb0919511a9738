import { isIP } from 'node:net'
import { normalizeIP } from '@fastify/rate-limit'
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
  /** What limits count as one: an IPv4 address, or the /64 that an IPv6 address is in. */
  network: string
  userAgent: string | null
  requestId: string
}

const longestUserAgent = 256

/** Fastify walks X-Forwarded-For from the right past the gateways of TRUST_PROXY; what is no address there is not believed. */
export default fp(async (app) => {
  let warned = false

  /** Behind a gateway that TRUST_PROXY does not name, everybody shares one address and so one limit. */
  function warnOfStranger ({ headers, ips = [], socket, log }: FastifyRequest): void {
    if (warned || headers['x-forwarded-for'] === undefined || ips.length > 1) return
    warned = true
    log.warn({ peer: socket.remoteAddress }, 'X-Forwarded-For came from a peer that TRUST_PROXY does not name, and was not believed: if this is your gateway, set TRUST_PROXY to its address, or all of its clients share one address and its limits')
  }

  app.decorateRequest('origin', {
    getter (this: FastifyRequest) {
      const ip = plain(isIP(this.ip) === 0 ? this.socket.remoteAddress ?? '' : this.ip)
      warnOfStranger(this)
      return {
        ip,
        get network () { return normalizeIP(ip) },
        userAgent: this.headers['user-agent']?.slice(0, longestUserAgent) ?? null,
        requestId: this.id
      }
    }
  })
}, { name: 'origin', fastify: '5.x' })

/** An IPv4 address that came over an IPv6 socket, as itself (RFC 4291, section 2.5.5.2); no zone, which means nothing to anybody else (RFC 4007). */
function plain (address: string): string {
  const [, embedded] = /^::ffff:([\d.]+)$/i.exec(address) ?? []
  return embedded !== undefined && isIP(embedded) === 4 ? embedded : address.replace(/%.*$/, '')
}
