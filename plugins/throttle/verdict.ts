/** What is known of one key: an account, or an account from one network. */
export interface Tally {
  /** Consecutive failures. */
  failures: number
  /** Milliseconds since 1970. */
  lastFailedAt: number
}

export interface Allowance {
  /** Failures before the first delay. */
  free: number
  /** Seconds: the first delay, which doubles with each failure after it. */
  firstDelay: number
  /** Seconds: no delay is longer, so that nobody is locked out (ASVS 6.1.1). */
  longestDelay: number
}

/**
 * Whether one more attempt may be made while `running` others are: `go`, `wait` for what becomes of those, or the
 * seconds to stay away. While an attempt may still fail it counts as if it had, so that no burst gets more than its
 * allowance; what succeeds gives its place back.
 */
export function judge ({ failures, lastFailedAt }: Tally, running: number, now: number, { free, firstDelay, longestDelay }: Allowance): 'go' | 'wait' | number {
  if (failures + running < free) return 'go'
  if (failures < free) return 'wait'
  const delay = Math.min(firstDelay * 2 ** (failures - free), longestDelay)
  // Either way: a clock that was set back must not keep anyone away for longer.
  const passed = Math.abs(now - lastFailedAt) / 1000
  if (passed < delay) return Math.ceil(delay - passed)
  return running === 0 ? 'go' : 'wait'
}
