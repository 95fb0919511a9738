// The service, and who writes down each time it turns to the network: `watched: connect PORT`, `watched: listen ADDRESS PORT`, and anything
// that has to do with names or datagrams. What wants to get out of Node gets out here: argon2, its one native module, knows no network.
import dgram from 'node:dgram'
import dns from 'node:dns'
import { Server, Socket } from 'node:net'

const write = (...words: unknown[]) => { process.stderr.write(`watched: ${words.join(' ')}\n`) }

const { connect } = Socket.prototype
Socket.prototype.connect = function watched (this: Socket, ...given: unknown[]) {
  // Node hands on what it has read of the arguments: a list within the list.
  const [first] = (Array.isArray(given[0]) ? given[0] : given) as [{ host?: string, port?: number, path?: string } | number | string]
  write('connect', typeof first === 'object' ? first.port ?? first.path : first)
  return Reflect.apply(connect, this, given)
} as typeof connect

const { listen } = Server.prototype
Server.prototype.listen = function watched (this: Server, ...given: unknown[]) {
  this.once('listening', () => {
    const address = this.address()
    write('listen', typeof address === 'object' ? `${address?.address} ${address?.port}` : address)
  })
  return Reflect.apply(listen, this, given)
} as typeof listen

const { createSocket } = dgram
dgram.createSocket = ((...given: Parameters<typeof createSocket>) => {
  write('datagram')
  return createSocket(...given)
}) as typeof createSocket
for (const name of ['resolve', 'resolve4', 'resolve6', 'resolveTxt', 'resolveSrv', 'resolveAny', 'reverse'] as const) {
  const resolve = dns[name] as (...given: unknown[]) => void
  Object.assign(dns, { [name]: (...given: unknown[]) => {
    write('name', given[0])
    resolve(...given)
  } })
}

await import('../../server.ts')
