import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'

export type HeaderLine = readonly [name: string, value: string]

export interface Call {
  path: string
  method?: string
  /** Sent line by line as they stand: fetch would join, reorder and refuse some. Host and Content-Length are added where they are not given. */
  headers?: readonly HeaderLine[]
  body?: string
  /** The loopback address to call from. */
  from?: string
}

export interface Answer {
  status: number
  /** In the order of arrival, names in lower case. */
  headers: HeaderLine[]
  body: string
}

export type Client = (call: Call) => Promise<Answer>

/** Calls the service at a port over a few kept connections, which go with the test. */
export function createClient (t: Test, port: number): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: 16 })
  t.teardown(() => agent.destroy())

  return async ({ path, method = 'GET', headers = [], body = '', from }) => {
    const added: HeaderLine[] = [['host', `127.0.0.1:${port}`]]
    if (body !== '') added.push(['content-length', String(Buffer.byteLength(body))])
    const lines = [...added.filter(([name]) => headerOf(headers, name) === undefined), ...headers].flat()
    const outgoing = request({ agent, host: '127.0.0.1', port, path, method, headers: lines, ...from === undefined ? {} : { localAddress: from } })
    outgoing.end(body)
    const [incoming] = await once(outgoing, 'response') as [IncomingMessage]
    return { status: incoming.statusCode as number, headers: pairs(incoming.rawHeaders), body: await text(incoming) }
  }
}

/** Writes bytes as they are and reads what comes back until the other side hangs up: what no client library sends. */
export async function exchange (port: number, bytes: string): Promise<Answer> {
  const socket = connect(port, '127.0.0.1')
  socket.end(bytes, 'latin1')
  const [head = '', ...body] = (await text(socket)).split('\r\n\r\n')
  const [statusLine = '', ...lines] = head.split('\r\n')
  const headers = lines.map((line): HeaderLine => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()])
  return { status: Number(statusLine.split(' ')[1]), headers, body: body.join('\r\n\r\n') }
}

/** The value of the first header of that name. */
export function headerOf (headers: readonly HeaderLine[], name: string): string | undefined {
  return headers.find(([key]) => key.toLowerCase() === name)?.[1]
}

function pairs (rawHeaders: readonly string[]): HeaderLine[] {
  return rawHeaders.flatMap((name, i) => i % 2 === 0 ? [[name.toLowerCase(), rawHeaders[i + 1] as string] as const] : [])
}
