import { randomBytes, randomInt, randomUUID } from 'node:crypto'
import { sessionId } from '../../plugins/sessions/session-id.ts'

/** What a cell holds; null where there is nothing. */
export type Cell = string | number | null

export interface Table {
  name: string
  columns: readonly string[]
  rows: () => Iterable<readonly Cell[]>
}

/** People and their sessions, as they are some years after the first one registered. */
export interface Population {
  /** In the order in which a database takes them. */
  tables: readonly Table[]
  username: (number: number) => string
  userIds: readonly string[]
  /** Some of the sessions that are live, each of another user as far as there are enough, with how often it was rotated. */
  live: ReadonlyArray<{ id: string, userId: string, counter: number }>
  /** So many live entries more of the log of what has ended. */
  more: (revocations: number) => Table
}

export interface PopulationOptions {
  users: number
  sessions: number
  /** Milliseconds since 1970. */
  now: number
  /** Everybody's. */
  digest: string
}

const day = 86_400_000
/** How long ago the first one registered. */
const age = 730 * day
const idle = 7 * day
const absolute = 30 * day
const audited = 400 * day
/** How long filling and measuring may take: what is live at the beginning is live at the end. */
const hour = 3_600_000
const mostLive = 100_000
const ended = 10_000
const failed = 50_000
/** What a browser says of itself is about this long. */
const userAgent = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36'

export function createPopulation ({ users, sessions, now, digest }: PopulationOptions): Population {
  const userIds = Array.from({ length: users }, (_, number) => sessionId(registeredAt(number)))
  const live: Array<{ id: string, userId: string, counter: number }> = []
  const seen = new Set<string>()
  const username = (number: number) => `user-${String(number).padStart(9, '0')}`

  function registeredAt (number: number): number {
    return now - age + Math.floor(number * (age / users))
  }

  function * userRows (): Generator<Cell[]> {
    for (const [number, id] of userIds.entries()) {
      const email = number % 5 === 0 ? null : `${username(number)}@mail.example`
      yield [id, username(number), email, email, digest, null, registeredAt(number), null]
    }
  }

  function * roleRows (): Generator<Cell[]> {
    for (let number = 0; number < users; number += 20) yield [userIds[number] as string, 'editor']
  }

  /** In the order in which they began. One in fifty has been over for a while. */
  function * sessionRows (): Generator<Cell[]> {
    for (let number = 0; number < sessions; number++) {
      const createdAt = now - absolute + 2 * hour + Math.floor(number * ((absolute - 2 * hour) / sessions))
      const isOver = number % 50 === 0 && createdAt < now - idle - hour
      const lastUsedAt = isOver ? now - idle - hour : Math.max(createdAt, now - randomInt(idle - 2 * hour))
      const counter = randomInt(500)
      const [id, userId] = [sessionId(createdAt), userIds[randomInt(users)] as string]
      if (!isOver && live.length < mostLive && !seen.has(userId) && randomInt(Math.ceil(sessions / mostLive)) === 0) {
        seen.add(userId)
        live.push({ id, userId, counter })
      }
      yield [id, userId, 'gatehouse', counter, createdAt, lastUsedAt, lastUsedAt, Math.min(lastUsedAt + idle, createdAt + absolute), createdAt + absolute, address(), userAgent]
    }
  }

  function * networkRows (): Generator<Cell[]> {
    for (const id of userIds) for (let home = 0; home < 2; home++) yield [id, `10.${home}.${randomInt(256)}.${randomInt(256)}`, now - randomInt(29 * day)]
  }

  /** One for each session: its beginning. */
  function * eventRows (): Generator<Cell[]> {
    for (let number = 0; number < sessions; number++) {
      const at = now - audited + Math.floor(number * (audited / sessions))
      const userId = userIds[randomInt(users)] as string
      yield [sessionId(at), at, 'authn_login_success', userId, userId, address(), randomUUID(), JSON.stringify({ session_id: sessionId(at) }), number + 1, digestLike()]
    }
  }

  function endings (count: number): Table {
    return { name: 'revocations', columns: ['subject', 'subject_id', 'not_before', 'expires_at'], rows: () => revocationRows(count) }
  }

  function * revocationRows (count: number): Generator<Cell[]> {
    for (let number = 0; number < count; number++) yield ['session', sessionId(now - number), null, now + 6 * hour]
  }

  function * failureRows (): Generator<Cell[]> {
    for (let number = 0; number < failed; number++) yield [digestLike(), 1 + randomInt(5), now - randomInt(hour), now + 6 * hour]
  }

  return {
    tables: [
      { name: 'users', columns: ['id', 'username', 'email', 'email_key', 'password_hash', 'disabled_at', 'created_at', 'sessions_not_before'], rows: userRows },
      { name: 'user_roles', columns: ['user_id', 'role'], rows: roleRows },
      { name: 'sessions', columns: ['id', 'user_id', 'client_id', 'counter', 'created_at', 'rotated_at', 'last_used_at', 'idle_expires_at', 'expires_at', 'ip', 'user_agent'], rows: sessionRows },
      { name: 'audit_events', columns: ['id', 'at', 'event', 'user_id', 'actor', 'ip', 'request_id', 'detail', 'place', 'digest'], rows: eventRows },
      { name: 'known_networks', columns: ['user_id', 'network', 'seen_at'], rows: networkRows },
      endings(ended),
      { name: 'failures', columns: ['key', 'count', 'last_at', 'expires_at'], rows: failureRows }
    ],
    username,
    userIds,
    live,
    more: endings
  }
}

function address (): string {
  return `10.${randomInt(256)}.${randomInt(256)}.${randomInt(256)}`
}

function digestLike (): string {
  return randomBytes(32).toString('base64url')
}
