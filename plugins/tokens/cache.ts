/** Remembers up to `size` values. What was not used since it came, or since it was last spared, leaves first. */
export interface Cache<V> {
  get (key: string): V | undefined
  set (key: string, value: V): void
  delete (key: string): void
  clear (): void
  readonly size: number
}

/** How many are spared in a row before one has to leave: no insertion is to take long. */
const mostSpared = 32

/** Second chance: a use is one mark. Putting the entry at the end at each use would move 10,000 of them about under load. */
export function createCache<V> (size: number): Cache<V> {
  // A Map keeps the order of insertion.
  const entries = new Map<string, { value: V, used: boolean }>()

  function makeRoom (): void {
    for (let spared = 0; entries.size >= size; spared++) {
      const [key, entry] = entries.entries().next().value as [string, { value: V, used: boolean }]
      entries.delete(key)
      if (!entry.used || spared === mostSpared) return
      entry.used = false
      entries.set(key, entry)
    }
  }

  return {
    get (key) {
      const entry = entries.get(key)
      if (entry === undefined) return undefined
      entry.used = true
      return entry.value
    },
    set (key, value) {
      if (size === 0) return
      entries.delete(key)
      makeRoom()
      entries.set(key, { value, used: false })
    },
    delete: (key) => { entries.delete(key) },
    clear: () => entries.clear(),
    get size () { return entries.size }
  }
}
