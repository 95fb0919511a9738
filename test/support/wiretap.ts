import { subscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'

// Every connection that a test opens, by whatever client, is listened in on from here on: what it sends and what it hears.

interface Tape {
  socket: Socket
  sent: Buffer[]
  heard: Buffer[]
}

let tapes: Tape[] = []

subscribe('net.client.socket', (message) => {
  const { socket } = message as { socket: Socket }
  const tape: Tape = { socket, sent: [], heard: [] }
  tapes.push(tape)
  const { push, _write: write, _writev: writeAll } = socket
  const send = (chunk: string | Uint8Array, encoding: BufferEncoding) => { tape.sent.push(typeof chunk === 'string' ? Buffer.from(chunk, encoding) : Buffer.from(chunk)) }
  socket._write = (chunk, encoding, done) => {
    send(chunk, encoding)
    write.call(socket, chunk, encoding, done)
  }
  socket._writev = (chunks, done) => {
    for (const { chunk, encoding } of chunks) send(chunk, encoding)
    writeAll?.call(socket, chunks, done)
  }
  socket.push = (chunk: Buffer | null, encoding) => {
    if (chunk !== null) tape.heard.push(chunk)
    return push.call(socket, chunk, encoding)
  }
})

/** What went each way since this was called last; what one connection brought stands together. */
export function overheard (): { sent: string, heard: string } {
  const textOf = (direction: 'sent' | 'heard') => tapes.map((tape) => Buffer.concat(tape[direction].splice(0)).toString()).join('\n')
  const all = { sent: textOf('sent'), heard: textOf('heard') }
  tapes = tapes.filter(({ socket }) => !socket.destroyed)
  return all
}
