import { timingSafeEqual } from 'node:crypto'

/** Whether these bytes are the password behind a digest. The work runs on libuv's threads, never on the event loop. */
export type Check = (password: Buffer) => Promise<boolean>

/** Reads one maker's form. Null where a digest is of another form, malformed, or asks for more than the bounds allow. */
export type Reader = (digest: string) => Check | null

/** Takes the same time wherever two texts of the same length differ. */
export function equal (made: Buffer, stored: Buffer): boolean {
  return made.length === stored.length && timingSafeEqual(made, stored)
}
