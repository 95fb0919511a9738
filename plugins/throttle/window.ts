export interface Limit {
  /** How many are let through … */
  count: number
  /** … in this many seconds. */
  seconds: number
}

/** A fixed window for each key, from its first count on. Times are milliseconds of a clock that never jumps. */
export interface Window {
  add (key: string): void
  giveBack (key: string): void
  /** How many were counted in the running window, and the milliseconds until it is over. */
  read (key: string): { count: number, left: number }
}

interface Running {
  count: number
  endsAt: number
}

/** Holds `most` keys at most: the one whose window began first goes when another comes. */
export function createWindow ({ seconds }: Limit, most: number, monotonic: () => number): Window {
  const windows = new Map<string, Running>()

  function running (key: string): Running | undefined {
    const window = windows.get(key)
    if (window === undefined || window.endsAt > monotonic()) return window
    windows.delete(key)
    return undefined
  }

  return {
    add (key) {
      const window = running(key)
      if (window !== undefined) {
        window.count++
        return
      }
      if (windows.size >= most) windows.delete(windows.keys().next().value as string)
      windows.set(key, { count: 1, endsAt: monotonic() + seconds * 1000 })
    },
    giveBack (key) {
      const window = running(key)
      if (window !== undefined && --window.count <= 0) windows.delete(key)
    },
    read (key) {
      const window = running(key)
      return window === undefined ? { count: 0, left: 0 } : { count: window.count, left: window.endsAt - monotonic() }
    }
  }
}
