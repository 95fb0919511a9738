import type { Charge } from './charges.ts'
import { judge, type Tally } from './verdict.ts'

/** What this process knows of a key while attempts at it are under way. */
interface Live extends Tally {
  /** Attempts that use this entry: it goes with the last of them. */
  users: number
  running: number
  /** Attempts that ended and are not yet written down: until then the database knows less than this. */
  unsaved: number
  /** Counts what changed here, so that an older reading of the database does not undo it. */
  version: number
}

export interface Attempts {
  /**
   * An attempt at all of these keys; `read` asks the database what it knows of them. Release it in the end, whatever happened.
   */
  open (charges: readonly Charge[], read: (keys: readonly string[]) => Promise<ReadonlyMap<string, Tally>>): Promise<OpenAttempt>
}

export interface OpenAttempt {
  /** True where all keys allow it; false where others must end first; the seconds to stay away where one refuses. */
  look (): boolean | number
  /** Reserves the attempt at every key. */
  start (): void
  /** What became of it, in memory: its place is free again, and where it failed it counts. Write it down before the release. */
  end (succeeded: boolean): void
  /** Whether something had failed at one of its keys before it ended. */
  readonly wasMarked: boolean
  /** What the database counts, now that it is written down there: other processes count too. */
  saved (counts: ReadonlyMap<string, number>): void
  /** It could not be written down: it is remembered here. */
  lost (): void
  release (): void
}

/** Keys whose failures could not be written down, remembered at most; the oldest goes. */
const mostLost = 10_000

export function createAttempts (now: () => number): Attempts {
  const live = new Map<string, Live>()
  const unwritten = new Map<string, Tally>()

  function hold (key: string): Live {
    const known = live.get(key) ?? { failures: 0, lastFailedAt: 0, users: 0, running: 0, unsaved: 0, version: 0 }
    known.users++
    live.set(key, known)
    return known
  }

  function change (entry: Live, tally: Tally): void {
    entry.failures = tally.failures
    entry.lastFailedAt = tally.lastFailedAt
    entry.version++
  }

  return {
    async open (charges, read) {
      const entries = charges.map(({ key, allowance }) => ({ key, allowance, entry: hold(key) }))
      let marked = false
      let state: 'open' | 'running' | 'ended' | 'released' = 'open'

      function release (): void {
        if (state === 'released') return
        for (const { key, entry } of entries) {
          if (state === 'running') entry.running--
          if (state === 'ended') {
            entry.unsaved--
            entry.version++
          }
          if (--entry.users === 0) live.delete(key)
        }
        state = 'released'
      }

      const versions = entries.map(({ entry }) => entry.version)
      const stored = await read(charges.map(({ key }) => key)).catch((error: unknown) => {
        release()
        throw error
      })
      for (const [i, { key, entry }] of entries.entries()) {
        if (entry.version === versions[i] && entry.unsaved === 0) change(entry, worse(stored.get(key), unwritten.get(key)))
      }

      return {
        look () {
          const verdicts = entries.map(({ entry, allowance }) => judge(entry, entry.running, now(), allowance))
          const delays = verdicts.filter((verdict) => typeof verdict === 'number')
          if (delays.length > 0) return Math.max(...delays)
          return !verdicts.includes('wait')
        },
        start () {
          for (const { entry } of entries) entry.running++
          state = 'running'
        },
        end (succeeded) {
          if (state !== 'running') return
          state = 'ended'
          marked = entries.some(({ entry }) => entry.failures > 0)
          for (const { entry } of entries) {
            entry.running--
            entry.unsaved++
            change(entry, succeeded ? { failures: 0, lastFailedAt: 0 } : { failures: entry.failures + 1, lastFailedAt: now() })
          }
        },
        get wasMarked () { return marked },
        saved (counts) {
          for (const { key, entry } of entries) {
            unwritten.delete(key)
            entry.failures = Math.max(entry.failures, counts.get(key) ?? 0)
          }
        },
        lost () {
          for (const { key, entry: { failures, lastFailedAt } } of entries) {
            if (unwritten.size >= mostLost) unwritten.delete(unwritten.keys().next().value as string)
            unwritten.set(key, { failures, lastFailedAt })
          }
        },
        release
      }
    }
  }
}

function worse (one: Tally = { failures: 0, lastFailedAt: 0 }, other: Tally = one): Tally {
  return one.failures >= other.failures ? one : other
}
