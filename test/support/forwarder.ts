import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'

/** An address that leads elsewhere: what a name, a virtual address or a balancer before a database is. */
export interface Forwarder {
  readonly port: number
  /** Leads to another port of this machine from now on, and cuts every connection to the one before. */
  leadTo (port: number): void
}

export async function startForwarder (t: Test, first: number): Promise<Forwarder> {
  let target = first
  const sockets = new Set<Socket>()

  const server = createServer((incoming) => {
    const outgoing = connect(target, '127.0.0.1')
    for (const [socket, other] of [[incoming, outgoing], [outgoing, incoming]] as const) {
      sockets.add(socket)
      socket.on('error', () => {}).on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
      socket.pipe(other)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cut = () => { for (const socket of sockets) socket.destroy() }
  t.teardown(() => {
    server.close()
    cut()
  })

  return {
    port: (server.address() as { port: number }).port,
    leadTo (port) {
      target = port
      cut()
    }
  }
}
