import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** How many MiB of the heap are still taken when that was done, behind a collection. */
export async function heapLeft (work: () => unknown): Promise<number> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  const before = process.memoryUsage().heapUsed
  await work()
  collect()
  return (process.memoryUsage().heapUsed - before) / 2 ** 20
}
