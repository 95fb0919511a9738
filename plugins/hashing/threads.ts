import { readdirSync, readFileSync } from 'node:fs'
import { getPriority, setPriority } from 'node:os'

/**
 * How far behind the rest of the process the threads that hash stand: Linux gives nice 10 a tenth of what nice 0 gets that
 * wants the same processor, and all that nobody else wants. In a storm of sign-ins on two quiet processors (npm run bench:storm)
 * half of the other answers took 1.3 ms at 0, 0.9 at 5 and 0.7 at 10, the slowest hundredth 9 to 11, 7.4 and 7.3 ms, and hashing
 * lost nothing by it. 19 would starve it beside a busy neighbour: it gives a seventieth.
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
