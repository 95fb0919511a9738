import { type Server, ServerResponse } from 'node:http'

/** Servers that are going away. */
export const closingServers = new WeakSet<Server>()

/** A response that says `Connection: close` from the moment its server is going away, also when its request came before. */
class Response extends ServerResponse {
  override writeHead (status: number, ...rest: never[]): this {
    const { server } = this.req.socket as unknown as { server?: Server }
    if (server !== undefined && closingServers.has(server)) this.shouldKeepAlive = false
    return super.writeHead(status, ...rest)
  }
}

/** For Fastify's `http` options. Node's types ask for a class that is generic in its request; none can be written. */
export const DrainingResponse = Response as unknown as typeof ServerResponse
