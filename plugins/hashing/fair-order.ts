/** Who waits, and for whom. */
interface Waiting {
  readonly turn: { readonly network: string }
}

export interface FairOrder<E extends Waiting> {
  readonly size: number
  add (entry: E): void
  /** Does nothing where the entry is not there. */
  remove (entry: E): void
  countOf (network: string): number
  /** The entry that came last of the network that has most, and how many it has. */
  fullest (): { last: E, count: number } | null
  /** Takes the first that may go; whoever is asked may be removed meanwhile. */
  take (mayGo: (entry: E) => boolean): E | null
}

/** Entries in the order of a round robin: each network in turn, within a network as they came. */
export function createFairOrder<E extends Waiting> (): FairOrder<E> {
  /** The network whose turn is next comes first. */
  const networks = new Map<string, Set<E>>()
  let size = 0

  function remove (entry: E): void {
    const { network } = entry.turn
    const entries = networks.get(network)
    if (entries?.delete(entry) !== true) return
    size--
    if (entries.size === 0) networks.delete(network)
  }

  return {
    get size () { return size },
    remove,
    add (entry) {
      const { network } = entry.turn
      const entries = networks.get(network) ?? new Set()
      networks.set(network, entries.add(entry))
      size++
    },
    countOf: (network) => networks.get(network)?.size ?? 0,
    fullest () {
      let most: Set<E> | null = null
      for (const entries of networks.values()) if (most === null || entries.size > most.size) most = entries
      return most === null ? null : { last: [...most].at(-1) as E, count: most.size }
    },
    take (mayGo) {
      for (const [network, entries] of networks) {
        for (const entry of entries) {
          if (!mayGo(entry)) continue
          remove(entry)
          if (networks.delete(network)) networks.set(network, entries)
          return entry
        }
      }
      return null
    }
  }
}
