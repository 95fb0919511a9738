import { once } from 'node:events'
import { type Agent, type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'

export interface Call {
  agent: Agent
  method?: string
  headers?: Record<string, string>
  body?: object
}

/** One call over an agent's connections: less work for the one who measures than fetch is. */
export async function call (url: string, { agent, method = 'GET', headers = {}, body }: Call): Promise<{ status: number, body: string }> {
  const outgoing = request(url, { agent, method, headers: { ...headers, ...body === undefined ? {} : { 'content-type': 'application/json' } } })
  outgoing.end(body === undefined ? undefined : JSON.stringify(body))
  const [incoming] = await once(outgoing, 'response') as [IncomingMessage]
  return { status: incoming.statusCode as number, body: await text(incoming) }
}
