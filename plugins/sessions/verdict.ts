import type { Session } from './repository.ts'

/** What a presented refresh token deserves. */
export type Verdict = 'rotate' | 'replay' | 'end-session' | 'refuse'

/**
 * The current token rotates. The one before it gets the same successor again while nobody has used that successor and the
 * grace (seconds) lasts, so that parallel requests and lost replies do no harm. Anything else that was once valid is in
 * two hands: the session ends (RFC 9700, section 4.14.2). A count that was never reached was never issued.
 */
export function judge (presented: number, session: Pick<Session, 'counter' | 'rotatedAt' | 'idleExpiresAt'>, now: number, grace: number): Verdict {
  if (now >= session.idleExpiresAt || presented > session.counter) return 'refuse'
  if (presented === session.counter) return 'rotate'
  if (presented === session.counter - 1 && now - session.rotatedAt <= grace * 1000) return 'replay'
  return 'end-session'
}
