import { readdirSync, readFileSync } from 'node:fs'
import { getPriority, setPriority } from 'node:os'

/**
 * How far behind the rest of the process the threads that hash stand: Linux gives nice 10 a tenth of what nice 0 gets that
 * wants the same processor, and all that nobody else wants. By those weights 5 would leave hashing a quarter, 19 a seventieth.
 * Chosen between these by that reckoning: the runs that compared them were too disturbed to tell 5, 10 and 19 apart.
 */
const politeness = 10
const leastPriority = 19

/**
 * Lowers the priority of libuv's threads, so that whatever the event loop does goes before the hashing of passwords on the
 * same processors. Returns how many there are: 0 before the first job of the pool, and where the system is not Linux.
 * Throws what the system throws where it does not permit that.
 */
export function lowerPriority (tasks = '/proc/self/task'): number {
  const threads = workersIn(tasks)
  const priority = Math.min(getPriority() + politeness, leastPriority)
  for (const thread of threads) setPriority(thread, priority)
  return threads.length
}

function workersIn (tasks: string): number[] {
  return listed(tasks).filter((thread) => readFileSync(`${tasks}/${thread}/comm`, 'utf8') === 'libuv-worker\n').map(Number)
}

function listed (tasks: string): string[] {
  try {
    return readdirSync(tasks)
  } catch {
    return []
  }
}
