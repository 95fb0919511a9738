import fp from 'fastify-plugin'
import type { By } from './audit.ts'
import type { Queries } from './database.ts'
import type { Origin } from './origin.ts'
import { createRefreshTokens, type PresentedToken } from './sessions/refresh-token.ts'
import { createSessionRepository, type Session } from './sessions/repository.ts'
import { beganAt, firstIdOf, sessionId } from './sessions/session-id.ts'
import { judge } from './sessions/verdict.ts'
import type { UserRecord } from './users.ts'

export type { PresentedToken } from './sessions/refresh-token.ts'
export type { Session } from './sessions/repository.ts'

declare module 'fastify' {
  interface FastifyInstance {
    sessions: Sessions
  }
}

/**
 * Each of these writes inside the transaction that `queries` belong to; who began it lets `app.revocations.hear()` follow
 * its commit, so that this process refuses at once what has ended.
 */
export interface Sessions {
  /** Begins a session of a user. Where they have too many, the one used least recently ends. */
  open (user: UserRecord, origin: Origin, queries: Queries): Promise<Grant>
  /** What a refresh token says; null where it was not made here. Told without the database. */
  read (token: string): PresentedToken | null
  /** What such a token is worth now. Throws nothing. */
  refresh (presented: PresentedToken, origin: Origin, queries: Queries): Promise<Refreshed>
  /** The live session that a current or just replaced refresh token belongs to. */
  find (token: string, queries: Queries): Promise<Session | null>
  /** The session that any refresh token belongs to, however often it was replaced; a token that was never made here costs no read. */
  sessionOf (token: string, queries: Queries): Promise<Session | null>
  /** The live sessions of a user, the one used last first. */
  list (userId: string, queries: Queries): Promise<Session[]>
  /** Where the `limit` sessions that began last were used last. */
  addresses (limit: number): Promise<string[]>
  /** Ends one session of a user. Says whether it was there. */
  end (userId: string, sessionId: string, queries: Queries): Promise<boolean>
  /** Ends every session of a user but one. */
  endOthers (userId: string, sessionId: string, queries: Queries): Promise<void>
  /** Ends every session that a user has begun. Says how many there were. */
  endAll (userId: string, queries: Queries): Promise<number>
  /**
   * Ends every session of everybody begun before `moment` (milliseconds since 1970), with access tokens of sessions that
   * nobody knows any more, in transactions of its own; says how many it found. Throws where that moment is to come.
   */
  endBefore (moment: number, by?: By): Promise<number>
  /** Ends every session of everybody, with their refresh tokens alone; says how many there were. */
  reset (): Promise<number>
  /** How many are live: looks through all of them, a few milliseconds at a time. */
  count (): Promise<number>
}

/** A session and what its client gets for it. */
export interface Grant {
  /** UUIDv7; the `sid` of its access tokens. */
  id: string
  userId: string
  clientId: string
  refreshToken: string
  /** Seconds until the refresh token dies unused. */
  refreshExpiresIn: number
  /** Milliseconds since 1970: when the session is over unused; no access token of it lives longer. */
  expiresAt: number
}

export type Refreshed =
  /** `repeated`: the same successor as before, since the one it replaced came again within the grace. */
  | { outcome: 'granted', grant: Grant, repeated: boolean }
  /** A token came back that had been replaced: whoever has it, the session has ended. */
  | { outcome: 'reused', userId: string, sessionId: string }
  | { outcome: 'refused' }

export interface SessionsOptions {
  /** The `client_id` of the sessions begun at /login. */
  clientId: string
  /** Seconds, as the next two. */
  idleLifetime: number
  absoluteLifetime: number
  /** How long a replaced refresh token gets its successor again. */
  grace: number
  /** Sessions a user may have. */
  limit: number
}

const seconds = 1000
const sweepInterval = 30
const sweepBatch = 40
/** What keeps other writers of a SQLite file waiting for some hundredths of a second. */
const endingBatch = 500
const countingBatch = 2000
/** Milliseconds a session that is over stays: while clocks differ its last access token may still pass, and a logout has to find what to end. */
const afterlife = 120_000

export default fp<SessionsOptions>(async (app, { clientId, idleLifetime, absoluteLifetime, grace, limit }) => {
  const refreshTokens = createRefreshTokens(app.secrets)
  const refused: Refreshed = { outcome: 'refused' }

  function grantOf ({ id, userId, clientId: client, counter, idleExpiresAt: expiresAt }: Session): Grant {
    const refreshExpiresIn = Math.ceil((expiresAt - app.clock.now()) / seconds)
    return { id, userId, clientId: client, refreshToken: refreshTokens.make(id, counter), refreshExpiresIn, expiresAt }
  }

  const repository = (queries: Queries) => createSessionRepository(queries, app.database)

  /** What a token says, and its session, where both are there. */
  async function lookUp (token: string, queries: Queries) {
    const presented = refreshTokens.read(token)
    return { presented, session: presented === null ? null : await repository(queries).find(presented.sessionId) }
  }

  /** Makes room for one more session. */
  async function makeRoom (userId: string, queries: Queries): Promise<void> {
    const sessions = repository(queries)
    const surplus = await sessions.surplus(userId, app.clock.now(), limit - 1)
    await revoke(await sessions.remove(surplus), queries)
  }

  async function revoke (ids: readonly string[], queries: Queries): Promise<void> {
    await app.revocations.add('session', ids, queries)
  }

  app.jobs.every('sessions', sweepInterval, () => app.database.alone('sessions', () => app.jobs.inBatches(sweepBatch, (limit) => {
    return repository(app.database.queries).sweep(app.clock.now() - afterlife, limit)
  })))

  app.decorate('sessions', {
    async open (user, origin, queries) {
      await makeRoom(user.id, queries)
      const now = app.clock.now()
      const expiresAt = now + absoluteLifetime * seconds
      const session: Session = {
        id: sessionId(Math.max(now, user.sessionsNotBefore + 1)),
        userId: user.id,
        clientId,
        counter: 0,
        createdAt: now,
        rotatedAt: now,
        lastUsedAt: now,
        idleExpiresAt: Math.min(now + idleLifetime * seconds, expiresAt),
        expiresAt,
        ip: origin.ip,
        userAgent: origin.userAgent
      }
      await repository(queries).add(session)
      return grantOf(session)
    },
    read: refreshTokens.read,
    async refresh (presented, origin, queries) {
      const [sessions, now] = [repository(queries), app.clock.now()]
      // The rule at once, by one statement: the current token of a session that is not over.
      const rotated = await sessions.rotate(presented.sessionId, presented.counter, { now, idleEnd: now + idleLifetime * seconds, ip: origin.ip, userAgent: origin.userAgent })
      if (rotated !== null) return { outcome: 'granted', grant: grantOf(rotated), repeated: false }
      const session = await sessions.lock(presented.sessionId)
      if (session === null) return refused
      const verdict = judge(presented.counter, session, now, grace)
      if (verdict === 'replay') return { outcome: 'granted', grant: grantOf(session), repeated: true }
      if (verdict !== 'end-session') return refused
      await app.sessions.end(session.userId, session.id, queries)
      return { outcome: 'reused', userId: session.userId, sessionId: session.id }
    },
    async find (token, queries) {
      const { presented, session } = await lookUp(token, queries)
      if (presented === null || session === null) return null
      const verdict = judge(presented.counter, session, app.clock.now(), grace)
      return verdict === 'rotate' || verdict === 'replay' ? session : null
    },
    sessionOf: async (token, queries) => (await lookUp(token, queries)).session,
    list: (userId, queries) => repository(queries).ofUser(userId, app.clock.now()),
    addresses: (limit) => repository(app.database.queries).addresses(limit),
    async end (userId, id, queries) {
      const sessions = repository(queries)
      if ((await sessions.find(id))?.userId !== userId) return false
      await revoke(await sessions.remove([id]), queries)
      return true
    },
    async endOthers (userId, id, queries) {
      await app.users.within(queries).lock(userId)
      await revoke(await repository(queries).removeOfUser(userId, [id]), queries)
    },
    async endAll (userId, queries) {
      const users = app.users.within(queries)
      const { sessionsNotBefore = 0 } = await users.lock(userId) ?? {}
      const ended = await repository(queries).removeOfUser(userId, [])
      // Never earlier than before, also where the clock went back: what has ended stays ended, and what begins later is later.
      const notBefore = Math.max(app.clock.now(), sessionsNotBefore, ...ended.map(beganAt))
      await users.endSessionsUntil(userId, notBefore)
      await app.revocations.addUser(userId, notBefore, queries)
      return ended.length
    },
    async endBefore (moment, by) {
      if (moment > app.clock.now()) throw new RangeError('That time is still to come: sessions would end before they began')
      await app.database.transaction(async (queries) => {
        await app.revocations.addEverybody(moment - 1, queries)
        await app.audit.record({ event: 'authn_token_revoked', userId: null, ...by, detail: { scope: 'everybody', before: new Date(moment).toISOString() } }, queries)
      })
      await app.revocations.hear()
      let ended = 0
      // Until one finds none: a sweep at the same time makes a batch smaller.
      await app.jobs.inBatches(1, async () => {
        const found = await repository(app.database.queries).removeBefore(firstIdOf(moment), endingBatch)
        ended += found
        return Math.min(found, 1)
      })
      return ended
    },
    reset: () => app.database.transaction(async (queries) => {
      const ended = await repository(queries).removeAll()
      await app.audit.record({ event: 'authn_token_revoked', userId: null, detail: { scope: 'everybody', sessions: ended } }, queries)
      return ended
    }),
    async count () {
      const [sessions, now] = [repository(app.database.queries), app.clock.now()]
      let counted = 0
      let after = ''
      await app.jobs.inBatches(countingBatch, async () => {
        const { live, last } = await sessions.count(now, after, countingBatch)
        after = last ?? after
        counted += live
        return live
      })
      return counted
    }
  } satisfies Sessions)
}, { name: 'sessions', dependencies: ['audit', 'clock', 'database', 'jobs', 'origin', 'revocations', 'secrets', 'users'], fastify: '5.x' })
