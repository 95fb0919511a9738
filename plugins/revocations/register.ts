import type { Revocation } from './repository.ts'

/** What a token says that it may be refused for. Empty texts mean that it says nothing there. */
export interface Bearer {
  userId: string
  /** UUIDv7: it carries the moment the session began, in milliseconds. */
  sessionId: string
  clientId: string
  tokenId: string
  /** The roles that it names. */
  roles: readonly string[]
}

/** What is revoked and not yet dead by itself, in memory: a look-up costs no read and well under a microsecond. */
export interface Register {
  add (revocation: Revocation): void
  isRevoked (bearer: Bearer): boolean
  /** Looks at up to `limit` of what it holds and forgets what is over at `now`; goes on there the next time. Says how many it looked at: fewer at the end of a round. */
  sweep (now: number, limit: number): number
  readonly size: number
}

/** Under which id, which no user has, everybody is kept among the users. */
const everybody = ''

export function createRegister (): Register {
  const sessions = new Map<string, number>()
  const clients = new Map<string, number>()
  const tokens = new Map<string, number>()
  const users = new Map<string, { notBefore: number, expiresAt: number }>()
  const holders = new Map<string, { roles: readonly string[], expiresAt: number }>()

  let round = entries()

  function * entries (): Generator<{ map: Map<string, unknown>, id: string, expiresAt: number }, undefined> {
    for (const map of [sessions, clients, tokens]) for (const [id, expiresAt] of map) yield { map, id, expiresAt }
    for (const map of [users, holders]) for (const [id, { expiresAt }] of map) yield { map, id, expiresAt }
  }

  function addUser ({ subjectId, notBefore, expiresAt }: Revocation): void {
    const known = users.get(subjectId)
    const latest = Math.max(known?.notBefore ?? 0, notBefore ?? 0)
    users.set(subjectId, { notBefore: latest, expiresAt: Math.max(known?.expiresAt ?? 0, expiresAt) })
  }

  return {
    add (revocation) {
      const { subject, subjectId, expiresAt } = revocation
      if (subject === 'user' || subject === 'everybody') addUser(revocation)
      // The last one counts: the log is in the order in which roles came and went.
      else if (subject === 'roles') holders.set(subjectId, { roles: revocation.roles ?? [], expiresAt })
      else (subject === 'session' ? sessions : subject === 'client' ? clients : tokens).set(subjectId, expiresAt)
    },
    isRevoked ({ userId, sessionId, clientId, tokenId, roles }) {
      if (tokens.size > 0 && tokens.has(tokenId)) return true
      if (sessionId === '') return clients.has(clientId)
      if (sessions.has(sessionId)) return true
      if (holders.size > 0 && roles.some((role) => holders.get(userId)?.roles.includes(role) === false)) return true
      return users.size > 0 && beganAt(sessionId) <= Math.max(users.get(userId)?.notBefore ?? -1, users.get(everybody)?.notBefore ?? -1)
    },
    sweep (now, limit) {
      for (let seen = 0; seen < limit; seen++) {
        const { done, value } = round.next()
        if (done) {
          round = entries()
          return seen
        }
        const { map, id, expiresAt } = value
        if (expiresAt <= now) map.delete(id)
      }
      return limit
    },
    get size () { return sessions.size + clients.size + tokens.size + users.size + holders.size }
  }
}

/** The first 48 bits of a UUIDv7 (RFC 9562, section 5.7): milliseconds since 1970. */
function beganAt (uuid: string): number {
  return Number.parseInt(uuid.slice(0, 8) + uuid.slice(9, 13), 16)
}
