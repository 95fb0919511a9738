import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Tells whether a request is one too many of those that a connection sent ahead of their answers. Node reads 64 KiB of them at
 * once, which are a thousand, and keeps them all until the first answer has been taken.
 */
export function createPipelineLimit (mostAhead: number): (request: IncomingMessage, response: ServerResponse) => boolean {
  const ahead = new WeakMap<Socket, number>()

  return ({ socket }, response) => {
    // Only the answer that is next has the connection.
    if (response.socket !== null) {
      ahead.delete(socket)
      return false
    }
    const count = ahead.get(socket) ?? 0
    ahead.set(socket, count + 1)
    return count >= mostAhead
  }
}
