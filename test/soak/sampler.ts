import { readdirSync, statSync } from 'node:fs'
import { residentMemory } from '../support/process.ts'
import type { Launched } from '../support/service.ts'
import type { Series } from './picture.ts'

const mebibyte = 2 ** 20

/** Looks at a running service, whose time goes `speed` times as fast as the machine's, from outside: the kernel's figures, the files of the database, and what its metrics say of the heap and the loop. */
export function createSampler ({ pid, databaseFile }: Pick<Launched, 'pid' | 'databaseFile'>, metricsUrl: string, speed: number) {
  const begun = performance.now()
  const names = [['memory', 'MiB'], ['heap', 'MiB'], ['descriptors', ''], ['delay of the loop, p99', 'ms'], ['database', 'MiB'], ['write-ahead log', 'MiB']] as const
  const series = names.map(([name, unit]): Series & { points: Array<[number, number]> } => ({ name, unit, points: [] }))

  return {
    series,
    async sample (): Promise<void> {
      const metrics = await (await fetch(metricsUrl)).text()
      const metric = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics)?.[1] ?? Number.NaN)
      const values = [
        residentMemory(pid), metric('nodejs_heap_size_used_bytes') / mebibyte, readdirSync(`/proc/${pid}/fd`).length, metric('nodejs_eventloop_lag_p99_seconds') * 1000,
        sizeOf(databaseFile) / mebibyte, sizeOf(`${databaseFile}-wal`) / mebibyte
      ]
      const seconds = (performance.now() - begun) / 1000 * speed
      for (const [index, value] of values.entries()) series[index]?.points.push([seconds, value])
    }
  }
}

function sizeOf (path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}
