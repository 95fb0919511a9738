/**
 * Remembers up to `size` values. What was not used since it came, or since it was last spared, leaves first; what is over
 * leaves as others come, so that there are never many more than twice those that are not.
 */
export interface Cache<V> {
  get (key: string): V | undefined
  set (key: string, value: V): void
  delete (key: string): void
  clear (): void
  readonly size: number
}

/** How many are spared in a row before one has to leave: no insertion is to take long. */
const mostSpared = 32
/** How many are looked at for each that comes, whether they are over: more than one, or they would grow as fast as they leave. */
const looks = 2

/** Second chance: a use is one mark. Putting the entry at the end at each use would move 10,000 of them about under load. */
export function createCache<V> (size: number, isOver: (value: V) => boolean = () => false): Cache<V> {
  // A Map keeps the order of insertion.
  const entries = new Map<string, { value: V, used: boolean }>()
  let round = entries.entries()

  function lookOn (): void {
    for (let looked = 0; looked < looks; looked++) {
      const { done, value } = round.next()
      if (done === true) {
        round = entries.entries()
        return
      }
      if (isOver(value[1].value)) entries.delete(value[0])
    }
  }

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
      lookOn()
      makeRoom()
      entries.set(key, { value, used: false })
    },
    delete: (key) => { entries.delete(key) },
    clear: () => entries.clear(),
    get size () { return entries.size }
  }
}
