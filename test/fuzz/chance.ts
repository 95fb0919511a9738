/** Chance that can be had again: the same seed makes the same choices. */
export interface Chance {
  /** A whole number from 0 up to, but not including, `limit`. */
  below (limit: number): number
  pick<T> (values: readonly T[]): T
  /** True once in `count` times. */
  once (count: number): boolean
}

/** Xorshift with 32 bits of state (Marsaglia, 2003): its period is longer than any campaign, and nothing secret hangs on it. */
export function createChance (seed: number): Chance {
  let state = (Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995) | 0
  if (state === 0) state = 1

  function below (limit: number): number {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % limit
  }

  return {
    below,
    pick: <T> (values: readonly T[]) => values[below(values.length)] as T,
    once: (count) => below(count) === 0
  }
}
