import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import type { Test } from 'tap'

export interface Bait {
  readonly url: string
  /** How many connections have come so far. */
  visits (): Promise<number>
}

/** A server on loopback that nothing of ours should call. It answers everything with what the attacker would. */
export async function startBait (t: Test, answer: string): Promise<Bait> {
  let count = 0
  const server = createServer((_request, response) => response.end(answer)).on('connection', () => count++).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  return {
    url: `http://127.0.0.1:${port}`,
    /** Whoever connected before we do is accepted before we are. */
    async visits () {
      const accepted = once(server, 'connection')
      const socket = connect(port, '127.0.0.1')
      await accepted
      socket.destroy()
      return --count
    }
  }
}
