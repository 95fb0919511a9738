import { isIP, type Socket } from 'node:net'
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
  /** Aborted when the client's connection closes, so that nobody works for somebody who is gone. Made when it is asked for. */
  readonly signal: AbortSignal
}

const longestUserAgent = 256

/** One signal a connection: what it carries one after another would otherwise each leave a listener on it. */
const signals = new WeakMap<Socket, AbortSignal>()

class RequestOrigin implements Origin {
  readonly ip: string
  readonly userAgent: string | null
  readonly requestId: string
  readonly #socket: Socket

  constructor ({ ip, socket, headers, id }: FastifyRequest) {
    this.ip = plain(isIP(ip) === 0 ? socket.remoteAddress ?? '' : ip)
    this.userAgent = headers['user-agent']?.slice(0, longestUserAgent) ?? null
    this.requestId = id
    this.#socket = socket
  }

  get network (): string {
    return normalizeIP(this.ip)
  }

  get signal (): AbortSignal {
    const known = signals.get(this.#socket)
    if (known !== undefined) return known
    const signal = closing(this.#socket)
    signals.set(this.#socket, signal)
    return signal
  }
}

function closing (socket: Socket): AbortSignal {
  const controller = new AbortController()
  if (socket.destroyed) controller.abort()
  else socket.once('close', () => { controller.abort() })
  return controller.signal
}

/** Fastify walks X-Forwarded-For from the right past the gateways of TRUST_PROXY; what is no address there is not believed. */
export default fp(async (app) => {
  let warned = false

  /** Behind a gateway that TRUST_PROXY does not name, or that writes something else than addresses, everybody shares one address and so one limit. */
  function warnOfStranger ({ headers, ip, ips = [], socket, log }: FastifyRequest): void {
    if (warned || headers['x-forwarded-for'] === undefined || ips.length > 1 && isIP(ip) !== 0) return
    warned = true
    if (ips.length > 1) log.warn({ peer: socket.remoteAddress }, 'X-Forwarded-For from a peer of TRUST_PROXY ended in something that is no address, such as one with a port: where the gateway writes that, all of its clients share its own address and its limits')
    else log.warn({ peer: socket.remoteAddress }, 'X-Forwarded-For came from a peer that TRUST_PROXY does not name, and was not believed: if this is your gateway, set TRUST_PROXY to its address, or all of its clients share one address and its limits')
  }

  app.decorateRequest('origin', {
    getter (this: FastifyRequest) {
      warnOfStranger(this)
      return new RequestOrigin(this)
    }
  })
}, { name: 'origin', fastify: '5.x' })

/** An IPv4 address that came over an IPv6 socket, as itself (RFC 4291, section 2.5.5.2); no zone, which means nothing to anybody else (RFC 4007). */
function plain (address: string): string {
  const [, embedded] = /^::ffff:([\d.]+)$/i.exec(address) ?? []
  return embedded !== undefined && isIP(embedded) === 4 ? embedded : address.replace(/%.*$/, '')
}
