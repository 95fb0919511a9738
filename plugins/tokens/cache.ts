/** Remembers up to `size` values; the one used least recently leaves first. */
export interface Cache<V> {
  get (key: string): V | undefined
  set (key: string, value: V): void
  delete (key: string): void
  clear (): void
  readonly size: number
}

export function createCache<V> (size: number): Cache<V> {
  // A Map keeps the order of insertion: what is used again is put at its end.
  const entries = new Map<string, V>()
  return {
    get (key) {
      const value = entries.get(key)
      if (value === undefined) return undefined
      entries.delete(key)
      entries.set(key, value)
      return value
    },
    set (key, value) {
      if (size === 0) return
      if (entries.size >= size) entries.delete(entries.keys().next().value as string)
      entries.set(key, value)
    },
    delete: (key) => { entries.delete(key) },
    clear: () => entries.clear(),
    get size () { return entries.size }
  }
}
