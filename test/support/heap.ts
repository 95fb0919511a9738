import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
/** At once, and all of it. */
export const collectGarbage = runInNewContext('gc') as () => void

/** How many MiB of the heap are still taken when that was done, behind a collection. */
export async function heapLeft (work: () => unknown): Promise<number> {
  collectGarbage()
  const before = process.memoryUsage().heapUsed
  await work()
  collectGarbage()
  return (process.memoryUsage().heapUsed - before) / 2 ** 20
}
