import { setTimeout as sleep } from 'node:timers/promises'

const interval = 5
const patience = 10_000

/** Resolves when `condition` holds, of something that tells nobody when it happens; rejects where it does not within ten seconds. */
export async function until (condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + patience
  while (!await condition()) {
    if (performance.now() > deadline) throw new Error(`it never came to this: ${condition}`)
    await sleep(interval)
  }
}
