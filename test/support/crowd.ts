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

/** As many as a listener's queue takes at once, on a machine that was not told otherwise. */
const atOnce = 250

/** Begins with none. `first` is what each says; what it hears it forgets. Gone with the test. */
export function gather (t: Owner, port: number, first = ''): Crowd {
  const sockets = new Set<Socket>()
  const leave = () => { for (const socket of sockets) socket.destroy() }
  t.teardown(leave)

  async function join (): Promise<void> {
    const socket = connect(port, '127.0.0.1')
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => {}).resume()
    await once(socket, 'connect').catch(() => {})
    socket.write(first)
  }

  return {
    get present () { return sockets.size },
    async grow (count) {
      for (let left = count; left > 0; left -= atOnce) await Promise.all(Array.from({ length: Math.min(left, atOnce) }, join))
    },
    leave
  }
}
