/** The middle half of many slices, and their extremes. */
export interface Spread {
  median: number
  lower: number
  upper: number
  least: number
  most: number
  count: number
}

export function median (values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** Between two values, in proportion. NaN of none. */
export function quantile (values: readonly number[], share: number): number {
  const sorted = values.toSorted((x, y) => x - y)
  const place = (sorted.length - 1) * share
  const below = sorted[Math.floor(place)] ?? Number.NaN
  const above = sorted[Math.ceil(place)] ?? Number.NaN
  return below + (above - below) * (place - Math.floor(place))
}

/** The value that `percentile` % are not above: one that was measured, for times. */
export function percentile (values: readonly number[], percentile: number): number {
  const sorted = values.toSorted((x, y) => x - y)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * percentile / 100))] ?? Number.NaN
}

export function spreadOf (values: readonly number[]): Spread {
  return {
    median: median(values), lower: quantile(values, 0.25), upper: quantile(values, 0.75),
    least: Math.min(...values), most: Math.max(...values), count: values.length
  }
}

/** Each slice of one row over the slice of another from the same round: where the machine's speed drifts, both drift. */
export function ratios (over: readonly number[], under: readonly number[]): number[] {
  return over.map((value, round) => value / (under[round] as number))
}

/** Every slice in turn, `count` times, after a round that warms up and is not counted; one alone goes without. What each slice gave, by its name. */
export async function inTurn<T> (slices: Readonly<Record<string, () => T | Promise<T>>>, count: number): Promise<Record<string, T[]>> {
  const given: Record<string, T[]> = Object.fromEntries(Object.keys(slices).map((name) => [name, []]))
  for (let round = count > 1 ? -1 : 0; round < count; round++) {
    for (const [name, slice] of Object.entries(slices)) {
      const value = await slice()
      if (round >= 0) given[name]?.push(value)
    }
  }
  return given
}

/** How often a second `work` was done, one after the other, for so many seconds. */
export async function perSecond (seconds: number, work: () => unknown): Promise<number> {
  const begun = performance.now()
  let done = 0
  for (; performance.now() - begun < seconds * 1000; done++) await work()
  return done / (performance.now() - begun) * 1000
}
