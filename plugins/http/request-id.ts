import { randomUUID } from 'node:crypto'

/** A word of the gateway's that is safe in any log; too short for a token of ours to pass as one. */
const wellFormed = /^[\w.-]{1,64}$/

/** The request's id: the gateway's `X-Request-Id` where it is well-formed, else a new UUID. */
export function requestId ({ headers }: { headers: Record<string, unknown> }): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && wellFormed.test(given) ? given : randomUUID()
}
