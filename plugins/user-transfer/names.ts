import type { UserEntry } from '../../schemas/user-entry.ts'

export type Taken = 'the username is taken' | 'the e-mail address is taken' | 'the id is taken'

/** The names that a dry run would have given away. */
export interface Names {
  /** Which of an entry's names is taken; null where none is. */
  taken (entry: UserEntry): Taken | null
  take (entry: UserEntry): void
}

export function createNames (): Names {
  const kept = { username: new Set<string>(), email: new Set<string>(), id: new Set<string>() }
  const words = [['username', 'the username is taken'], ['email', 'the e-mail address is taken'], ['id', 'the id is taken']] as const

  return {
    taken: (entry) => words.find(([name]) => kept[name].has(entry[name]?.toLowerCase() ?? ''))?.[1] ?? null,
    take (entry) {
      for (const [name] of words) if (entry[name] != null) kept[name].add(entry[name].toLowerCase())
    }
  }
}
