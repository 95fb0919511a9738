import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Owner } from './program.ts'

/** Connections that nobody uses. */
export interface Crowd {
  /** How many of them stand. */
  readonly present: number
  /** Connects more, a few hundred at a time, and resolves when each stands or was refused. */
  grow (count: number): Promise<void>
  leave (): void
}

/** Fewer than a listener of Node's keeps waiting, 511. */
const atOnce = 400

/** Begins with none. They say nothing and forget what they hear, and are gone with the test. */
export function gather (t: Owner, port: number): Crowd {
  const sockets = new Set<Socket>()
  const leave = () => { for (const socket of sockets) socket.destroy() }
  t.teardown(leave)

  async function join (): Promise<void> {
    const socket = connect(port, '127.0.0.1')
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => {}).resume()
    await once(socket, 'connect').catch(() => {})
  }

  return {
    get present () { return sockets.size },
    async grow (count) {
      let left = count
      await Promise.all(Array.from({ length: Math.min(count, atOnce) }, async () => { while (left-- > 0) await join() }))
    },
    leave
  }
}
