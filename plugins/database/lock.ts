/** First come, first served. */
export interface Lock {
  /** Resolves when it is the caller's turn, with what ends the turn. */
  acquire (): Promise<() => void>
}

export function createLock (): Lock {
  let last = Promise.resolve()
  return {
    async acquire () {
      const { promise, resolve } = Promise.withResolvers<void>()
      const before = last
      last = promise
      await before
      return resolve
    }
  }
}
