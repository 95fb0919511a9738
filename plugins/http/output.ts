import { writeSync } from 'node:fs'

/** Where log lines go. */
export interface Output {
  write (line: string): void
}

/** How often, and for how many milliseconds each time, a reader that is behind is waited for. */
const tries = 50
const pause = 10
const sleeper = new Int32Array(new SharedArrayBuffer(4))

/**
 * Standard output, a line at a time. A line that cannot be written (the disk is full, the reader is gone) is lost and
 * the service goes on: pino's own stream would throw out of nowhere, and then try for ever with the loop standing still.
 */
export function createOutput (write: (bytes: Uint8Array) => number = (bytes) => writeSync(1, bytes)): Output {
  return {
    write (line) {
      let rest = Buffer.from(line)
      for (let left = tries; rest.length > 0 && left > 0;) {
        try {
          rest = rest.subarray(write(rest))
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return
          left--
          Atomics.wait(sleeper, 0, 0, pause)
        }
      }
    }
  }
}
