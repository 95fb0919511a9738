import type { Queries } from '../database.ts'

declare module '../database.ts' {
  interface Tables {
    leases: {
      name: string
      holder: string
      expires_at: number
    }
  }
}

/** Milliseconds after which work that nobody has said to be done may be another process's: its holder has ended in the middle. */
const longest = 600_000

/**
 * Runs `work` unless another process is at work under the same name, and says whether it did. `holder` names this
 * process; `now` is in milliseconds since 1970.
 */
export async function workAlone (queries: Queries, name: string, holder: string, now: () => number, work: () => Promise<unknown>): Promise<boolean> {
  const taken = await queries.insertInto('leases').values({ name, holder, expires_at: now() + longest })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ holder, expires_at: now() + longest }).where('leases.expires_at', '<=', now()))
    .executeTakeFirst()
  if (taken.numInsertedOrUpdatedRows === 0n) return false
  try {
    await work()
  } finally {
    await queries.deleteFrom('leases').where('name', '=', name).where('holder', '=', holder).execute()
  }
  return true
}
