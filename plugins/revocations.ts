import { setImmediate } from 'node:timers/promises'
import fp from 'fastify-plugin'
import type { Queries } from './database.ts'
import { type Bearer, createRegister } from './revocations/register.ts'
import { createRevocationRepository, type Revocation, type Subject } from './revocations/repository.ts'

export { createRemoteRevocations, type RemoteRevocations } from './revocations/remote.ts'

declare module 'fastify' {
  interface FastifyInstance {
    revocations: Revocations
  }
}

export interface Revocations {
  /**
   * Writes down, inside a transaction, that tokens end. Every process refuses them once it has heard: `hear` makes this one
   * hear at once. Other transactions wait with theirs until this one is committed, so that ids become visible in their order:
   * whoever has read the log up to one has read all before it.
   */
  add (subject: Subject, subjectIds: readonly string[], queries: Queries): Promise<void>
  /** The same for every session that a user began until `notBefore` (milliseconds since 1970). */
  addUser (userId: string, notBefore: number, queries: Queries): Promise<void>
  /** The same for every session that anybody began until then. */
  addEverybody (notBefore: number, queries: Queries): Promise<void>
  /** The same for every token of a user that names a role other than these, which are all that they hold now. */
  addHolder (userId: string, roles: readonly string[], queries: Queries): Promise<void>
  /** Reads what was written down since the last time. */
  hear (): Promise<void>
  /** Whether the tokens of this bearer have ended. Throws `unavailable` where nothing was heard from the database for too long. */
  isRevoked (bearer: Bearer): boolean
  /** How many endings are kept in mind, and for how many seconds nothing was heard. */
  statistics (): { live: number, lag: number }
}

export interface RevocationsOptions {
  /** Seconds that what is known is believed while the database is silent. */
  maxLag: number
  /** Seconds an access token lives. */
  tokenLifetime: number
  clockSkew: number
}

/** Seconds between two looks at what other processes wrote: half of what an ending may take to be felt everywhere. */
const interval = 0.4
const sweepInterval = 60
/** Seconds a token may be issued after its ending: by a request let in before it whose body was slow to arrive, or a process whose clock is ahead. */
const slack = 30
/** Milliseconds between two looks at both clocks, beyond those that passed, that make a jump of one that somebody set. */
const jump = 1000
/** What keeps the loop for a few milliseconds at most. */
const batch = 250
const sweepBatch = 40
const forgetBatch = 2000

/** Sessions, clients and tokens that ended before their tokens did: one log, followed by every process. */
export default fp<RevocationsOptions>(async (app, { maxLag, tokenLifetime, clockSkew }) => {
  const register = createRegister()
  let heardUpTo = 0
  let heardAt = Number.NEGATIVE_INFINITY
  let hearing: Promise<void> | null = null
  let again = false

  const lifetime = (tokenLifetime + clockSkew + slack) * 1000
  const expiry = () => app.clock.now() + lifetime

  /** How far the clock that somebody may set is ahead of the one that never jumps. */
  const offset = () => app.clock.now() - app.clock.monotonic()
  let formerOffset = offset()
  let forgetsFrom = Number.NEGATIVE_INFINITY

  /**
   * Whether what is over by the clock may be forgotten. Where the clock has jumped, not until every token from before is dead whatever
   * it says: it may jump back, and a token whose ending was forgotten would live again.
   */
  function mayForget (): boolean {
    const now = app.clock.monotonic()
    if (Math.abs(offset() - formerOffset) > jump) forgetsFrom = now + lifetime
    formerOffset = offset()
    return now >= forgetsFrom
  }

  /** One reading at a time. Whoever asks while one runs waits for the next: his own row may have come too late for this one. */
  async function hear (): Promise<void> {
    if (hearing !== null) {
      again = true
      return hearing
    }
    // Not before it is remembered: a failure at its very beginning would otherwise be remembered for ever.
    hearing = Promise.resolve().then(read)
    return hearing
  }

  async function read (): Promise<void> {
    try {
      do {
        again = false
        const asked = app.clock.monotonic()
        const rows = await createRevocationRepository(app.database.queries).after(heardUpTo, batch)
        for (const row of rows) register.add(row)
        heardUpTo = rows.at(-1)?.id ?? heardUpTo
        if (rows.length < batch) heardAt = asked
        else {
          again = true
          await setImmediate()
        }
      } while (again)
    } finally {
      hearing = null
    }
  }

  /** All in one transaction's turn. */
  async function write (revocations: ReadonlyArray<Omit<Revocation, 'expiresAt'>>, queries: Queries): Promise<void> {
    if (revocations.length === 0) return
    await app.database.takeTurn('revocations', queries)
    const expiresAt = expiry()
    await createRevocationRepository(queries).add(revocations.map((revocation) => ({ ...revocation, expiresAt })))
    await app.database.announce('revocations', queries)
  }

  await hear()
  app.jobs.every('revocations', interval, hear)
  // What fails here is tried again by the job, which says so.
  app.database.onNews('revocations', () => { hear().catch(() => {}) })
  app.jobs.every('revocations-over', sweepInterval, async () => {
    if (!mayForget()) return
    await app.jobs.inBatches(forgetBatch, async (limit) => register.sweep(app.clock.now(), limit))
    await app.database.alone('revocations', () => app.jobs.inBatches(sweepBatch, (limit) => createRevocationRepository(app.database.queries).sweep(app.clock.now(), limit)))
  })

  app.decorate('revocations', {
    add: (subject, subjectIds, queries) => write(subjectIds.map((subjectId) => ({ subject, subjectId, notBefore: null, roles: null })), queries),
    addUser: (subjectId, notBefore, queries) => write([{ subject: 'user', subjectId, notBefore, roles: null }], queries),
    addEverybody: (notBefore, queries) => write([{ subject: 'everybody', subjectId: '', notBefore, roles: null }], queries),
    addHolder: (subjectId, roles, queries) => write([{ subject: 'roles', subjectId, notBefore: null, roles }], queries),
    hear,
    isRevoked (bearer) {
      if (app.clock.monotonic() - heardAt > maxLag * 1000) throw app.errors.create('unavailable', { cause: 'revocations lag' })
      return register.isRevoked(bearer)
    },
    statistics: () => ({ live: register.size, lag: (app.clock.monotonic() - heardAt) / 1000 })
  } satisfies Revocations)
}, { name: 'revocations', dependencies: ['clock', 'database', 'errors', 'jobs'], fastify: '5.x' })
