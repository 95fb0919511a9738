import { randomUUIDv7 } from 'node:crypto'

/** Events of one millisecond that keep their order: what the 12 bits after the version can count (RFC 9562, section 6.2, method 1). */
const mostAMoment = 4096

/** Makes UUIDv7s of a given moment (milliseconds since 1970) that sort in the order in which this process asked for them. */
export function createEventIds (): (moment: number) => string {
  let last = Number.NaN
  let count = 0
  return (moment) => {
    count = moment === last ? (count + 1) % mostAMoment : 0
    last = moment
    return `${firstIdOf(moment)}-7${count.toString(16).padStart(3, '0')}${randomUUIDv7().slice(18)}`
  }
}

/** What sorts before every UUIDv7 of this moment and behind all of earlier ones. */
export function firstIdOf (moment: number): string {
  const time = Math.max(0, moment).toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}`
}
