/** Who waits, and for whom. */
interface Addressed {
  readonly turn: { readonly address: string }
}

export interface FairOrder<E extends Addressed> {
  readonly size: number
  add (entry: E): void
  /** Does nothing where the entry is not there. */
  remove (entry: E): void
  countOf (address: string): number
  /** The entry that came last of the address that has most, and how many it has. */
  fullest (): { last: E, count: number } | null
  /** Takes the first that may go; whoever is asked may be removed meanwhile. */
  take (mayGo: (entry: E) => boolean): E | null
}

/** Entries in the order of a round robin: each address in turn, within an address as they came. */
export function createFairOrder<E extends Addressed> (): FairOrder<E> {
  /** The address whose turn is next comes first. */
  const addresses = new Map<string, Set<E>>()
  let size = 0

  function remove (entry: E): void {
    const { address } = entry.turn
    const entries = addresses.get(address)
    if (entries?.delete(entry) !== true) return
    size--
    if (entries.size === 0) addresses.delete(address)
  }

  return {
    get size () { return size },
    remove,
    add (entry) {
      const { address } = entry.turn
      const entries = addresses.get(address) ?? new Set()
      addresses.set(address, entries.add(entry))
      size++
    },
    countOf: (address) => addresses.get(address)?.size ?? 0,
    fullest () {
      let most: Set<E> | null = null
      for (const entries of addresses.values()) if (most === null || entries.size > most.size) most = entries
      return most === null ? null : { last: [...most].at(-1) as E, count: most.size }
    },
    take (mayGo) {
      for (const [address, entries] of addresses) {
        for (const entry of entries) {
          if (!mayGo(entry)) continue
          remove(entry)
          if (addresses.delete(address)) addresses.set(address, entries)
          return entry
        }
      }
      return null
    }
  }
}
