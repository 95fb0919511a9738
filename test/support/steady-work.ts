import { setTimeout as sleep } from 'node:timers/promises'
import { createLedger, type Ledger, workUntilFailed } from './ledger.ts'
import type { Service } from './service.ts'

/** Clients that go on working whatever is done to a service, and keep what they were told. */
export interface SteadyWork {
  readonly ledger: Ledger
  /** What no client should see: a failure of the service other than 503 with Retry-After, or no answer at all. */
  readonly complaints: readonly string[]
  /** How often each status was answered, and how often there was no answer because the connection broke. */
  readonly outcomes: Readonly<Record<string, number>>
  /** Milliseconds that the slowest answer took. */
  readonly slowest: number
  /** Resolves when as many more have been acknowledged. */
  goesOn (more: number): Promise<void>
  end (): Promise<void>
}

/** Milliseconds after which a client takes it that nothing will come. */
const patience = 30_000
/** Milliseconds in which clients that were failed come back. */
const rest = 20

/** Begins to register, sign in, refresh and sign out, without an end until there is one. */
export function workSteadily (service: Service): SteadyWork {
  const ledger = createLedger()
  const over = new AbortController()
  const complaints: string[] = []
  const outcomes: Record<string, number> = {}
  let slowest = 0
  const count = (outcome: string) => { outcomes[outcome] = (outcomes[outcome] ?? 0) + 1 }

  async function ask (...[url, init]: Parameters<typeof fetch>): Promise<Response> {
    over.signal.throwIfAborted()
    const begun = performance.now()
    try {
      const response = await fetch(url, { ...init, signal: AbortSignal.timeout(patience) })
      count(String(response.status))
      if (response.status >= 500 && !(response.status === 503 && response.headers.has('retry-after'))) complaints.push(`${response.status} of ${response.url}`)
      return response
    } catch (error) {
      count('broken')
      if ((error as Error).name === 'TimeoutError') complaints.push(`no answer of ${String(url)} in ${patience} ms`)
      throw error
    } finally {
      slowest = Math.max(slowest, performance.now() - begun)
    }
  }

  async function work (): Promise<void> {
    for (let round = 0; !over.signal.aborted; round++) {
      await workUntilFailed(service, `r${round}`, ledger, over.signal, ask)
      await sleep(rest)
    }
  }

  const working = work()
  return {
    ledger,
    complaints,
    outcomes,
    get slowest () { return slowest },
    goesOn: (more) => ledger.reaches(ledger.acknowledged + more),
    async end () {
      over.abort()
      await working
    }
  }
}
