/** How sessions behave, in plain words and arrays: no database, no keys, no tokens. Times are milliseconds. */
export interface Lifetimes {
  access: number
  idle: number
  absolute: number
  grace: number
  skew: number
  /** Sessions a user may have. */
  limit: number
}

export interface ModelSession {
  id: string
  counter: number
  rotatedAt: number
  lastUsedAt: number
  endsAt: number
  idleEndsAt: number
  /** Ended on purpose: logout, reuse, password change, deletion, too many. Not: died of age. */
  ended: boolean
  /** Who has heard of that end. */
  heardBy: Set<number>
  /** By count, each the text that its holder has, and the secret it was made under. */
  refreshTokens: Array<{ text: string, counter: number, era: number }>
  accessTokens: Array<{ text: string, expiresAt: number }>
}

export interface ModelUser {
  id: string
  username: string
  password: string
  deleted: boolean
  sessions: ModelSession[]
}

export type ModelVerdict = 'rotate' | 'replay' | 'reuse' | 'refuse'

export function createSessionModel ({ idle, absolute, grace, skew, limit }: Lifetimes) {
  const isLive = (session: ModelSession, now: number) => !session.ended && now < session.idleEndsAt

  /** The live sessions of a user, the one used last first. */
  function listed (user: ModelUser, now: number): ModelSession[] {
    return user.sessions.filter((session) => isLive(session, now))
      .sort((a, b) => b.lastUsedAt - a.lastUsedAt || (a.id < b.id ? 1 : -1))
  }

  return {
    listed,
    /** What happens at a sign-in; gives the sessions that it ends. */
    open (user: ModelUser, id: string, now: number): { opened: ModelSession, ended: ModelSession[] } {
      const surplus = listed(user, now).slice(limit - 1)
      const endsAt = now + absolute
      const opened: ModelSession = {
        id, counter: 0, rotatedAt: now, lastUsedAt: now, endsAt, idleEndsAt: Math.min(now + idle, endsAt), ended: false, heardBy: new Set(), refreshTokens: [], accessTokens: []
      }
      user.sessions.push(opened)
      return { opened, ended: surplus }
    },
    /** What a token of this count is worth. */
    judge (session: ModelSession, counter: number, now: number): ModelVerdict {
      if (!isLive(session, now)) return 'refuse'
      if (counter === session.counter) return 'rotate'
      if (counter === session.counter - 1 && now <= session.rotatedAt + grace) return 'replay'
      return 'reuse'
    },
    rotate (session: ModelSession, now: number): void {
      session.counter++
      session.rotatedAt = now
      session.lastUsedAt = now
      session.idleEndsAt = Math.min(now + idle, session.endsAt)
    },
    /** Whether a process must, must not or may accept an access token: it may as long as it has not heard of an end. */
    passes (session: ModelSession, token: { expiresAt: number }, now: number, listener: number): boolean | 'either' {
      if (now >= token.expiresAt + skew || (session.ended && session.heardBy.has(listener))) return false
      return session.ended ? 'either' : true
    }
  }
}
