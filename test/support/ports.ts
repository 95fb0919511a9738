import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/** The kernel gives these to nobody who asks for any (net.ipv4.ip_local_port_range begins at 32768): a port is still free when a program comes to take it, or stays free. */
const [first, last] = [20_000, 32_000]

/** One of 127.0.0.1 that nobody listens on. */
export async function freePort (): Promise<number> {
  for (;;) {
    const port = randomInt(first, last)
    const server = createServer()
    const isFree = await new Promise<boolean>((resolve) => { server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true)) })
    if (!isFree) continue
    server.close()
    await once(server, 'close')
    return port
  }
}
