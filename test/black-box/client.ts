import { once } from 'node:events'
import { type IncomingMessage, request as requestPlain } from 'node:http'
import { request as requestSecure } from 'node:https'
import { text } from 'node:stream/consumers'

/** One answer, as it came through whatever stands in front of the service. */
export interface Answer {
  status: number
  /** By name in lower case; what came several times is joined by commas. */
  headers: Record<string, string>
  text: string
  /** The body, where it is a JSON object; else nothing in it. */
  json: Record<string, unknown>
}

export interface Call {
  token?: string
  json?: unknown
  /** Goes as it is, with the media type among the headers. */
  body?: string
  /** Lines as they stand, in pairs: also such as no client library would send. */
  headers?: Array<[name: string, value: string]>
}

export type Client = (method: string, path: string, call?: Call) => Promise<Answer>

/** Milliseconds after which a deployment that does not answer has failed. */
const patience = 15_000

/** Calls what is at a URL, with its path in front of every other. */
export function createClient (baseUrl: string): Client {
  const base = new URL(baseUrl)
  const request = base.protocol === 'https:' ? requestSecure : requestPlain
  const prefix = base.pathname.replace(/\/$/, '')

  return async (method, path, { token, json, body = json === undefined ? '' : JSON.stringify(json), headers = [] } = {}) => {
    const lines: Array<[string, string]> = [['host', base.host], ['connection', 'close'], ...headers]
    if (token !== undefined) lines.push(['authorization', `Bearer ${token}`])
    if (json !== undefined) lines.push(['content-type', 'application/json'])
    if (body !== '' || !['GET', 'HEAD'].includes(method)) lines.push(['content-length', String(Buffer.byteLength(body))])
    const outgoing = request({ host: base.hostname.replace(/^\[|\]$/g, ''), port: base.port, method, path: prefix + path, headers: lines.flat(), signal: AbortSignal.timeout(patience) })
    outgoing.end(body)
    const [incoming] = await once(outgoing, 'response') as [IncomingMessage]
    const content = await text(incoming)
    const received = Object.fromEntries(Object.entries(incoming.headers).map(([name, value]) => [name, [value ?? ''].flat().join(', ')]))
    return { status: incoming.statusCode as number, headers: received, text: content, json: objectIn(content) }
  }
}

function objectIn (content: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(content)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Record<string, unknown> : {}
  } catch {
    return {}
  }
}
