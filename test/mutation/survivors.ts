import type { Verdict } from './run.ts'

/** A mutant that no test can notice, or none should, and why. Lines move: it is known by the words around it. */
export interface Kept {
  path: string
  /** The line as it stands, without its indentation. */
  line: string
  from: string
  to: string
  why: string
}

/** Why a mutant of a file may survive; null where nobody has said. */
export function reasonFor (path: string, { source, from, to }: Verdict['survivors'][number], kept: readonly Kept[]): string | null {
  return kept.find((one) => one.path === path && one.line === source && one.from === from.trim() && one.to === to)?.why ?? null
}

/** The survivors of a file that nobody has explained, as `path:line`. */
export function strangers ({ path, survivors }: Verdict, kept: readonly Kept[]): string[] {
  return survivors.filter((survivor) => reasonFor(path, survivor, kept) === null).map(({ line }) => `${path}:${line}`)
}

/** Explanations of what is not in the sources any more. */
export function outdated (kept: readonly Kept[], read: (path: string) => string): string[] {
  return kept.filter(({ path, line }) => !read(path).split('\n').some((one) => one.trim() === line)).map(({ path, line }) => `${path} has no line ${line}`)
}
