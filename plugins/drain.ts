import type { Server } from 'node:http'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import fp from 'fastify-plugin'
import { closingServers } from './drain/response.ts'

export { DrainingResponse } from './drain/response.ts'

declare module 'fastify' {
  interface FastifyInstance {
    drain: Drain
  }
}

export interface Drain {
  /** True from the signal on: the gateway should send requests elsewhere. */
  readonly begun: boolean
  /**
   * Ends the service's work without failing a request: serves on for `delay` seconds with `Connection: close` on every
   * reply, then accepts no new connection, lets what is on its way arrive and what runs finish. Resolves when no
   * connection is left, or `finish` milliseconds after it stopped accepting, with the rest cut off.
   */
  run (delay: number): Promise<void>
}

/** Milliseconds for clients that are still connecting, and again for what they sent while the listener closed. */
const linger = 500
/** Of those at least so many: on a busy machine a client's connection takes the kernel a moment. */
const settling = 25
/** Milliseconds for running requests after that. */
const finish = 3000
const pollInterval = 20

export default fp(async (app) => {
  const { server } = app
  let begun = false

  app.decorate('drain', {
    get begun () { return begun },
    async run (delay) {
      begun = true
      closingServers.add(server)
      await sleep(delay * 1000)
      if (!server.listening) return
      await emptyQueue(server)
      const closed = stopAccepting(server)
      await Promise.race([closed, sleep(linger)])
      const deadline = performance.now() + finish
      while (performance.now() < deadline && await connectionsOf(server) > 0) {
        await turn()
        server.closeIdleConnections()
        await sleep(pollInterval)
      }
      server.closeAllConnections()
      await closed
    }
  } satisfies Drain)
}, { name: 'drain', fastify: '5.x' })

/** Accepts who has connected already and waits in the kernel: closing the listener would reset them. A turn of the loop takes one of them. */
async function emptyQueue (server: Server): Promise<void> {
  const began = performance.now()
  const spent = () => performance.now() - began
  let accepted = 1
  const count = () => { accepted++ }
  server.on('connection', count)
  while ((accepted > 0 || spent() < settling) && spent() < linger) {
    accepted = 0
    await turn()
  }
  server.off('connection', count)
}

/** Closes the listener alone: http.Server's own close would also cut connections that look idle but are being written to. */
function stopAccepting (server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const { closeIdleConnections } = server
  server.closeIdleConnections = () => {}
  server.close(() => resolve())
  server.closeIdleConnections = closeIdleConnections
  return promise
}

function connectionsOf (server: Server): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>()
  server.getConnections((_error, count) => resolve(count))
  return promise
}
