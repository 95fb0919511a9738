/** What one check found. */
export interface Finding {
  check: string
  /** `failure`: something cannot work. */
  verdict: 'ok' | 'warning' | 'failure'
  finding: string
  /** What to do; null where there is nothing. */
  remedy: string | null
}

export type Judge = (finding: string, remedy?: string) => Finding

/** Three words for the findings of one check. */
export function judging (check: string): Record<Finding['verdict'], Judge> {
  const say = (verdict: Finding['verdict']): Judge => (finding, remedy) => ({ check, verdict, finding, remedy: remedy ?? null })
  return { ok: say('ok'), warning: say('warning'), failure: say('failure') }
}
