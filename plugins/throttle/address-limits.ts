import { createWindow, type Limit, type Window } from './window.ts'

export type { Limit } from './window.ts'

/** Networks counted at once for each limit: some 15 MB at most. */
const mostNetworks = 100_000

export type LimitName = 'login' | 'register' | 'refresh'

/** A guess of a password from one network. */
export interface AddressGuess {
  /** True where it may be made; false where others from there must end first; the seconds to stay away where too many failed. */
  look (): boolean | number
  start (): void
  end (succeeded: boolean): void
  /** Frees its place where it did not end. */
  release (): void
}

/** What each process counts for each network: failed guesses, registrations, failed refreshes. */
export function createAddressLimits (limits: Record<LimitName, Limit | null>, monotonic: () => number) {
  const windows = new Map<string, Window>(Object.entries(limits).flatMap(([name, limit]) => limit === null ? [] : [[name, createWindow(limit, mostNetworks, monotonic)]]))
  const running = new Map<string, number>()

  function count (network: string, by: number): void {
    const now = (running.get(network) ?? 0) + by
    if (now > 0) running.set(network, now)
    else running.delete(network)
  }

  return {
    /** The store that @fastify/rate-limit counts in; its `child` is told by `limit` which one is meant. */
    Store: class Store {
      name: LimitName

      constructor ({ limit = 'login' }: { limit?: LimitName } = {}) {
        this.name = limit
      }

      /** Guesses are counted when they have failed: the library only looks at those. */
      incr (network: string, done: (error: Error | null, result: { current: number, ttl: number }) => void, _timeWindow: number, max: number): void {
        const window = windows.get(this.name) as Window
        if (this.name !== 'login') window.add(network)
        const { count, left } = window.read(network)
        done(null, { current: this.name === 'login' && count >= max ? max + 1 : count, ttl: left })
      }

      child (options: object): Store {
        return new Store(options)
      }
    },
    giveBack: (name: LimitName, network: string) => windows.get(name)?.giveBack(network),
    guess (network: string): AddressGuess {
      const window = windows.get('login')
      const most = limits.login?.count ?? 0
      let started = false

      function stop (): void {
        if (started) count(network, -1)
        started = false
      }

      return {
        look () {
          if (window === undefined) return true
          const { count: failed, left } = window.read(network)
          if (failed >= most) return Math.max(1, Math.ceil(left / 1000))
          return failed + (running.get(network) ?? 0) < most
        },
        start () {
          started = true
          count(network, 1)
        },
        end (succeeded) {
          stop()
          if (!succeeded) window?.add(network)
        },
        release: stop
      }
    }
  }
}
