import { digestOf, type Head, origin, type Position } from './link.ts'
import { beyond, type ChainRepository, type Link } from './repository.ts'

export interface ChainFault {
  /** Where: the first place that is meant. */
  place: number
  what: string
}

export interface ChainReport {
  /** Links that were read. */
  entries: number
  /** The place before the first of them: what was up to there has left by age. */
  after: number
  /** Up to where and when the chain is signed; null where it is not. */
  head: Head | null
  /** Entries that are no links yet. */
  waiting: number
  /** The first of what is wrong, and how much more there is. */
  faults: ChainFault[]
  more: number
}

export type ChainReader = Pick<ChainRepository, 'countNews' | 'countBeyond' | 'linksAfter' | 'headsAfter' | 'start'>

export interface Evidence {
  /** A head that was kept elsewhere, and has to be in the chain. */
  told?: Position | undefined
  /** Why there cannot be nothing at all; null where there can. */
  traces?: string | null
  /** Links held in memory. */
  page?: number
}

const mostFaults = 20

/**
 * Reads the whole chain beside those that write to it. After a fault it goes on from what is stored, so that each is told
 * once, where it is. `why` says why a head's signature cannot be believed; null where it can.
 */
export async function verifyChain (chain: ChainReader, why: (head: Head) => string | null, { told, traces = null, page = 1000 }: Evidence = {}): Promise<ChainReport> {
  const faults: ChainFault[] = []
  let more = 0
  let entries = 0
  let head: Head | null = null
  let broken = false
  let at: Position & { id: string } = { ...await begin(), id: '' }
  const { place: after } = at
  confirm(at)
  /** The last place up to which a head was right. */
  let proven = after

  function fault (place: number, what: string): void {
    if (faults.length < mostFaults) faults.push({ place, what })
    else more++
  }

  /** What was told has to be at its place. */
  function confirm ({ place, digest }: Position): void {
    if (place === told?.place && digest !== told.digest) fault(place, 'there is another digest than was told: this is another chain')
  }

  async function begin (): Promise<Position> {
    const start = await chain.start()
    const doubt = start === null ? null : why(start)
    if (start !== null && doubt !== null) fault(start.place, `what the chain starts behind is not what was signed: ${doubt}`)
    const [first] = await chain.linksAfter({ place: -beyond, id: '' }, 1)
    if (first !== undefined && first.place <= (start ?? origin).place) fault(first.place, `the entry ${first.id} is there, before the first that is kept`)
    return start ?? origin
  }

  /** Entries may have left by age while this reads. */
  async function skipWhatLeft (): Promise<void> {
    const start = await chain.start()
    if (start !== null && start.place > at.place && why(start) === null) at = { ...start, id: '' }
  }

  async function follow (link: Link): Promise<void> {
    if (link.place > at.place + 1) await skipWhatLeft()
    if (link.place < at.place || (link.place === at.place && at.id === '')) return
    entries++
    if (link.place === at.place) fault(link.place, `there is another entry at this place, ${link.id}`)
    else if (link.place > at.place + 1) fault(at.place + 1, link.place === at.place + 2 ? 'the entry is missing' : `the entries up to place ${link.place - 1} are missing`)
    else if (link.digest !== digestOf(link, link.place, at.digest)) fault(link.place, `the entry ${link.id} is not the one that was written there`)
    at = link
    confirm(link)
  }

  function compare (signed: Head): void {
    const doubt = why(signed)
    if (doubt !== null) fault(signed.place, `the head is not what was signed: ${doubt}`)
    else if (signed.place === at.place && signed.digest === at.digest) proven = signed.place
    else if (signed.place === at.place && !broken) {
      fault(proven + 1, `the entries up to place ${signed.place} are not those that were signed`)
      broken = true
    }
    head = signed
  }

  for (const signed of await chain.headsAfter(after - 1, after)) compare(signed)
  for (let done = false; !done;) {
    const links = await chain.linksAfter(at, page)
    const heads = await chain.headsAfter(at.place, links.length < page ? null : links.at(-1)?.place ?? null)
    for (const link of links) {
      await follow(link)
      while (heads[0] !== undefined && heads[0].place <= at.place) compare(heads.shift() as Head)
    }
    const [signed] = heads.slice(-1)
    // What was linked since the links were read is read in another turn.
    done = links.length < page && (signed === undefined || links.length === 0)
    if (done && signed !== undefined) {
      await skipWhatLeft()
      if (signed.place > at.place) fault(at.place + 1, `the chain was cut off: it is signed up to place ${signed.place}`)
      for (const one of heads) compare(one)
    }
  }

  if (told !== undefined && told.place > at.place) fault(at.place + 1, `the chain ends, and was told to go up to place ${told.place}: what is here is older, or another`)
  if (told !== undefined && told.place < after) fault(told.place, 'what was told has left by age, and cannot be compared: give a newer head')
  const waiting = await chain.countNews()
  if (traces !== null && head === null && entries === 0 && after === 0 && waiting === 0) fault(0, `there is no entry, no head and no start, but ${traces}`)
  const strangers = await chain.countBeyond()
  if (strangers > 0) fault(beyond, `and further, or far before the first, lie entries that were put there: ${strangers}`)
  const signedUpTo = (head as Head | null)?.place ?? after
  if (head === null && entries === 0 && after > 0) fault(after, 'the signed head is missing')
  if (at.place > signedUpTo) fault(signedUpTo + 1, `the entries up to place ${at.place} were put there behind the signed head`)
  return { entries, after, head, waiting, faults, more }
}
