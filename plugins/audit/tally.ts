/** Keys told apart in one window; what comes beyond them is counted together, by kind. */
const most = 1000

export interface Counted<T> {
  first: T
  count: number
  /** Whether `first` is one of several that are counted together. */
  mixed: boolean
}

/** Counts what happens by kind and key, and remembers the first of each. */
export function createTally<T> () {
  let held = new Map<string, Counted<T>>()

  return {
    add (kind: string, key: string, what: T): void {
      const own = `${kind} ${key}`
      const mixed = !held.has(own) && held.size >= most
      const entry = held.get(mixed ? kind : own)
      if (entry === undefined) held.set(mixed ? kind : own, { first: what, count: 1, mixed })
      else entry.count++
    },
    /** What was counted since the last time. */
    take (): Array<Counted<T>> {
      const taken = [...held.values()]
      held = new Map()
      return taken
    }
  }
}
