import { createFairOrder, type FairOrder } from './fair-order.ts'

/** Whose turn it is to hash. */
export interface Turn {
  /** Whom the queue is fair between: the network that a request came from. */
  network: string
  /** Goes before those that are not: a known network of the account. */
  favoured?: boolean
  /** Who gave up waiting leaves the queue. */
  signal?: AbortSignal
  /**
   * Asked when a place is free, each time again: false waits on (others may go first), a throw ends the entry with that
   * error. Must reserve by itself what it admits: work starts at once after true.
   */
  mayStart?: () => boolean
}

/** Why an entry ends without having been hashed: `gone` is the client's own doing, the others are answered. */
export type Refusal = 'full' | 'displaced' | 'expired' | 'gone' | 'closing'

export interface Statistics {
  waiting: number
  running: number
  /** Since the start: turned away because the queue was full, also after having been let in. */
  refused: number
  /** Left because the client did. */
  cancelled: number
  /** Waited as long as anything may. */
  expired: number
  /** Hashed, or failed at it. */
  done: number
}

export interface Queue {
  /** Runs `work` when its turn has come; rejects with what `refuse` makes where that does not come. */
  run<T> (work: () => Promise<T>, turn: Turn): Promise<T>
  /** Whether anything waits or every place is taken. */
  readonly isBusy: boolean
  statistics (): Statistics
  /** Ends what waits and takes nothing more; what runs goes on. */
  close (): void
}

export interface QueueOptions {
  /** How much runs at once. */
  concurrency: number
  /** Milliseconds an entry may wait, and that a new one may expect to. */
  longestWait: number
  /** Milliseconds since some moment. */
  now: () => number
  /** Calls back once after that many milliseconds; what it returns calls that off. */
  wake: (milliseconds: number, work: () => void) => () => void
  /** Told of each that ran, in milliseconds: how long it waited, and how long it took. */
  measured?: (waited: number, took: number) => void
  /** The error of an entry that is not run; `wait` is the seconds after which trying again may help. */
  refuse: (why: Refusal, wait: number) => Error
}

interface Entry {
  readonly turn: Turn
  readonly deadline: number
  readonly order: FairOrder<Entry>
  begin (): void
  reject (error: unknown): void
  leave (): void
}

/** Entries that wait at most, however long they may, so that what they hold of memory has an end; each arrival may ask every gate. */
const capacity = 2000
/** Milliseconds that a hash is taken to need before the first was measured. */
const firstGuess = 50
/** What a new measurement weighs in the estimate: a slow minute is known after a dozen hashes, one slow hash changes little. */
const freshness = 1 / 8
/** Turns in a row for those that are favoured while others wait: every second one is left, so that nobody starves. */
const favouredInARow = 1
/** Entries of one network that are favoured at once; more wait as anybody does. An account costs nothing where everybody may register. */
const favouredMost = 8
/** How many more entries than a newcomer a favoured network has to have before one of them is displaced by somebody who is not. */
const favouredLead = 4

/**
 * Runs a bounded amount of work at once. What waits is bounded in time: an entry that would have to wait longer than
 * `longestWait` is refused at once, and one that has waited so long is ended. Networks take turns; where the queue is
 * full, a newcomer takes the last place of the network that has most, if that has more than it would have itself.
 */
export function createQueue ({ concurrency, longestWait, now, wake, refuse, measured = () => {} }: QueueOptions): Queue {
  const favoured = createFairOrder<Entry>()
  const plain = createFairOrder<Entry>()
  /** As they came, which is the order of their deadlines. */
  const waiting = new Set<Entry>()
  const counts = { refused: 0, cancelled: 0, expired: 0, done: 0 }
  let running = 0
  let estimate: number | null = null
  let inARow = 0
  let closed = false
  let advancing = false
  let advanceAgain = false
  let sleeping: (() => void) | null = null

  return {
    run,
    get isBusy () { return waiting.size > 0 || running >= concurrency },
    statistics: () => ({ waiting: waiting.size, running, ...counts }),
    close () {
      closed = true
      sleeping?.()
      for (const entry of waiting) turnAway(entry, 'closing')
    }
  }

  async function run<T> (work: () => Promise<T>, turn: Turn): Promise<T> {
    if (closed) throw refuse('closing', secondsToWait())
    if (turn.signal?.aborted === true) {
      counts.cancelled++
      throw refuse('gone', secondsToWait())
    }
    // Before other networks, not before its own: there whoever came first is first.
    const order = turn.favoured === true && plain.countOf(turn.network) === 0 && favoured.countOf(turn.network) < favouredMost ? favoured : plain
    if (!hasRoom() && !displace(order, turn.network)) {
      counts.refused++
      throw refuse('full', secondsToWait())
    }
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const entry: Entry = {
      turn,
      deadline: now() + longestWait,
      order,
      begin: () => { begin(work, now() + longestWait - entry.deadline, resolve, reject) },
      reject,
      leave: () => {
        counts.cancelled++
        turnAway(entry, 'gone')
        advance()
      }
    }
    waiting.add(entry)
    entry.order.add(entry)
    turn.signal?.addEventListener('abort', entry.leave)
    arrive(entry)
    sleep()
    return promise
  }

  function begin<T> (work: () => Promise<T>, waited: number, resolve: (value: T) => void, reject: (error: unknown) => void): void {
    const begun = now()
    running++
    const end = () => {
      running--
      counts.done++
      measured(waited, now() - begun)
      advance()
    }
    Promise.try(work).then((value) => {
      estimate = (estimate ?? now() - begun) * (1 - freshness) + (now() - begun) * freshness
      resolve(value)
      end()
    }, (error) => {
      reject(error)
      end()
    })
  }

  /** Begins a newcomer at once where a place is free: those that wait then do so for their gates, which have been asked. */
  function arrive (entry: Entry): void {
    advanceAgain = advancing
    if (advancing) return
    advancing = true
    const may = running < concurrency && mayStart(entry)
    advancing = false
    if (may) {
      forget(entry)
      entry.begin()
    }
    if (advanceAgain) advance()
  }

  /** Fills the places that are free. A gate or some work may call back in here: then everybody is asked once more. */
  function advance (): void {
    advanceAgain = advancing
    if (advancing) return
    advancing = true
    do {
      advanceAgain = false
      for (let entry = next(); entry !== null; entry = next()) {
        forget(entry)
        entry.begin()
      }
    } while (advanceAgain)
    advancing = false
  }

  function next (): Entry | null {
    if (running >= concurrency) return null
    const [first, second] = inARow < favouredInARow ? [favoured, plain] : [plain, favoured]
    const entry = first.take(mayStart) ?? second.take(mayStart)
    if (entry !== null) inARow = entry.order === favoured ? inARow + 1 : 0
    return entry
  }

  function mayStart (entry: Entry): boolean {
    if (isOver(entry)) return false
    try {
      return entry.turn.mayStart?.() ?? true
    } catch (error) {
      forget(entry)
      entry.reject(error)
      return false
    }
  }

  /** Whether an entry has waited too long; then it is ended. */
  function isOver (entry: Entry): boolean {
    if (entry.deadline > now()) return false
    counts.expired++
    turnAway(entry, 'expired')
    return true
  }

  function turnAway (entry: Entry, why: Refusal): void {
    forget(entry)
    entry.reject(refuse(why, secondsToWait()))
  }

  function forget (entry: Entry): void {
    waiting.delete(entry)
    entry.order.remove(entry)
    entry.turn.signal?.removeEventListener('abort', entry.leave)
  }

  /** One timer for all: whoever came first is the first whose time is over. */
  function sleep (): void {
    const [first] = waiting
    if (sleeping !== null || first === undefined) return
    sleeping = wake(Math.max(1, first.deadline - now()), () => {
      sleeping = null
      for (const entry of waiting) if (!isOver(entry)) break
      sleep()
    })
  }

  /** Where a place is free, those that wait do so for their gates alone. */
  function hasRoom (): boolean {
    return waiting.size < capacity && (running < concurrency || expectedWait() <= longestWait)
  }

  /** Milliseconds until a newcomer would start, if nobody gave up. */
  function expectedWait (): number {
    return (waiting.size + 1) * (estimate ?? firstGuess) / concurrency
  }

  function secondsToWait (): number {
    return Math.max(1, Math.ceil(expectedWait() / 1000))
  }

  /** Makes room in a full queue at the cost of whoever has more than a share of it; false where nobody has. */
  function displace (order: FairOrder<Entry>, network: string): boolean {
    const own = favoured.countOf(network) + plain.countOf(network) + 1
    const victims = order === favoured ? [[plain, favouredMost], [favoured, 0]] as const : [[plain, 0], [favoured, -favouredLead]] as const
    for (const [from, lead] of victims) {
      const fullest = from.fullest()
      if (fullest === null || fullest.count + lead <= own) continue
      counts.refused++
      turnAway(fullest.last, 'displaced')
      return true
    }
    return false
  }
}
