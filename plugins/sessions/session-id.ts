import { randomUUIDv7 } from 'node:crypto'

/** A UUIDv7 of a given moment (milliseconds since 1970), so that a session can be later than all that were ended together. */
export function sessionId (moment: number): string {
  return timeOf(moment) + randomUUIDv7().slice(13)
}

/** What sorts before every UUIDv7 of this moment and behind all of earlier ones. */
export function firstIdOf (moment: number): string {
  return timeOf(Math.max(0, moment))
}

/** The moment that a UUIDv7 carries in its first 48 bits (RFC 9562, section 5.7). */
export function beganAt (id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)
}

function timeOf (moment: number): string {
  const time = moment.toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}`
}
