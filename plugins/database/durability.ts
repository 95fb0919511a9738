/** Brings what was committed onto the disk. */
export interface Durability {
  /** Resolves when all that was written before the call is on the disk; callers at the same time share one writing out. */
  flush (): Promise<void>
}

/**
 * One `sync` at a time, and for all that came while it ran one more. SQLite's own `synchronous = full` waits for the disk
 * inside each commit, and the event loop with it: some milliseconds in which nobody is answered. The kernel tells once of what it could
 * not write, and takes it for written from then on: after a failure nothing counts before `beginAnew` has made do without it. It comes
 * ahead of the first sync as well, since whoever had the file before may have been told, and not have lived to do it; nobody `wasTold` then.
 */
export function createDurability (sync: () => Promise<void>, beginAnew: (wasTold: boolean) => Promise<void>): Durability {
  let isWhole = false
  let wasTold = false
  let running: Promise<void> = Promise.resolve()
  let next: Promise<void> | null = null

  return {
    flush () {
      next ??= running.then(begin, begin)
      return next
    }
  }

  function begin (): Promise<void> {
    next = null
    running = bring()
    return running
  }

  async function bring (): Promise<void> {
    if (!isWhole) await beginAnew(wasTold)
    isWhole = false
    wasTold = true
    await sync()
    isWhole = true
  }
}
