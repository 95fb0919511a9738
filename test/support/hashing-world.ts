import { createQueue, type Turn } from '../../plugins/hashing/queue.ts'

interface Timer {
  at: number
  work: () => void
}

/** A queue on a clock that is turned by hand, and works that end when they are told to. */
export function world ({ concurrency = 1, longestWait = 1000 } = {}) {
  let time = 0
  const timers = new Set<Timer>()
  const started: string[] = []
  const outcomes = new Map<string, string>()
  const running = new Map<string, PromiseWithResolvers<string>>()
  const waits: number[] = []
  const measurements: Array<{ waited: number, took: number }> = []

  const queue = createQueue({
    concurrency,
    longestWait,
    now: () => time,
    wake (milliseconds, work) {
      const timer = { at: time + milliseconds, work }
      timers.add(timer)
      return () => { timers.delete(timer) }
    },
    measured: (waited, took) => { measurements.push({ waited, took }) },
    refuse (why, wait) {
      waits.push(wait)
      return new Error(why)
    }
  })

  return {
    queue, started, outcomes, timers, waits, measurements,
    /** Hands in some work under a name; its address is the name's first letter. */
    enter (name: string, turn: Partial<Turn> = {}) {
      queue.run(() => {
        started.push(name)
        const work = Promise.withResolvers<string>()
        running.set(name, work)
        return work.promise
      }, { network: name.charAt(0), ...turn }).then((value) => outcomes.set(name, value), (error) => outcomes.set(name, error.message))
    },
    /** Ends work that runs, after so many milliseconds. */
    async end (name: string, milliseconds = 0, fault?: string) {
      time += milliseconds
      if (fault === undefined) running.get(name)?.resolve('done')
      else running.get(name)?.reject(new Error(fault))
      await settled()
    },
    async turn (milliseconds: number) {
      time += milliseconds
      for (const timer of [...timers].filter(({ at }) => at <= time)) {
        timers.delete(timer)
        timer.work()
      }
      await settled()
    }
  }
}

/** After every promise that is settled has been heard. */
export function settled (): Promise<void> {
  return new Promise((resolve) => { setImmediate(resolve) })
}
