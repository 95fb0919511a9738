import { appendFileSync } from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'

/** What was done to the service, or to what it stands on, in a few words. */
export interface Fault {
  fault: string
  store: 'SQLite' | 'PostgreSQL'
}

/** Writes down what a test of a fault found. */
export interface Witness {
  /** Milliseconds from the end of the fault to the first moment at which all was well again; the longest counts. */
  readyAfter (milliseconds: number): void
  note (text: string): void
}

/** Milliseconds in which one question about readiness is answered or given up. */
const patience = 10_000
const interval = 5

/** When the test ends, however it ends: a comment, and a line of JSON in the file that EVIDENCE_FILE names, where it names one. */
export function witness (t: Test, { fault, store }: Fault): Witness {
  let readyAfter: number | null = null
  const notes: string[] = []
  t.teardown(() => {
    const line = JSON.stringify({ fault, store, held: t.passing(), readyAfter, note: notes.join('; ') })
    t.comment(line)
    const file = process.env['EVIDENCE_FILE']
    if (file !== undefined && file !== '') appendFileSync(file, `${line}\n`)
  })
  return {
    readyAfter (milliseconds) {
      readyAfter = Math.max(readyAfter ?? 0, Math.round(milliseconds))
    },
    note (text) {
      notes.push(text)
    }
  }
}

/** Resolves with the milliseconds that pass until the service says that it is ready, each time over a connection of its own. */
export async function timeToReady (url: string): Promise<number> {
  const begun = performance.now()
  while (await readiness(url) !== 200) {
    if (performance.now() - begun > patience) throw new Error(`not ready after ${patience} ms`)
    await sleep(interval)
  }
  return performance.now() - begun
}

/** The status, or 0 where there is no answer. */
function readiness (url: string): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>()
  const asked = get(`${url}/health/ready`, { agent: false, signal: AbortSignal.timeout(patience) }, (incoming: IncomingMessage) => {
    incoming.resume()
    resolve(incoming.statusCode as number)
  })
  asked.on('error', () => resolve(0))
  return promise
}
