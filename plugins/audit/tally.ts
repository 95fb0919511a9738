/** Keys told apart in one window; what comes beyond them is counted together. */
const most = 1000
const beyond = 'others'

/** Counts what happens by key, and remembers the first of each. */
export function createTally<T> () {
  let held = new Map<string, { first: T, count: number }>()

  return {
    add (key: string, what: T): void {
      const name = held.has(key) || held.size < most ? key : beyond
      const entry = held.get(name)
      if (entry === undefined) held.set(name, { first: what, count: 1 })
      else entry.count++
    },
    /** What was counted since the last time. */
    take (): Array<{ first: T, count: number }> {
      const taken = [...held.values()]
      held = new Map()
      return taken
    }
  }
}
