import rateLimit from '@fastify/rate-limit'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Queries } from './database.ts'
import type { Origin } from './origin.ts'
import { createAddressLimits, type Limit, type LimitName } from './throttle/address-limits.ts'
import { createAttempts, type OpenAttempt } from './throttle/attempts.ts'
import { type Charge, clientCharges, perNetwork, userCharges } from './throttle/charges.ts'
import { createThrottleRepository } from './throttle/repository.ts'

export type { Limit, LimitName } from './throttle/address-limits.ts'

declare module 'fastify' {
  interface FastifyInstance {
    throttle: Throttle
  }
  interface FastifyContextConfig {
    /** What an address is limited by here: failed guesses of a password, registrations, failed refreshes. */
    limit?: LimitName
  }
}

/** Whose password is guessed at. */
export interface Target {
  /** The name as it was typed. */
  name: string
  /** The account that has the name, where there is one. */
  userId: string | null
  /** Whose guess it is: a user's id, or null where nobody has shown who they are. */
  actor: string | null
}

export interface Throttle {
  /** One guess at a user's password, judged by those before it. Reads the database twice. Throws `too_many_attempts`, the same whether the account exists or not. Close it in the end. */
  attempt (target: Target, origin: Origin): Promise<Attempt>
  /** Counts a wrong secret of a registered client, or of an id that nobody has (null), in one transaction with what `beside` writes. Throws `too_many_attempts` where there were too many before. */
  clientFailed (clientId: string | null, origin: Origin, beside: Beside): Promise<void>
  /** Remembers, inside the transaction that lets the user in, where from. */
  remember (userId: string, origin: Origin, queries: Queries): Promise<void>
}

export interface Attempt {
  /** Whether the user was let in from this network within 30 days. */
  readonly isTrusted: boolean
  /** Reserves the guess; false where others have to end before it may be made. Throws `too_many_attempts`. */
  mayStart (): boolean
  /** What became of it: only failures count. */
  ended (succeeded: boolean): void
  /** Writes down what became of it: nothing for a success where nothing had failed, a failure in one transaction with what `beside` writes. */
  close (beside: Beside): Promise<void>
}

export type Beside = (queries: Queries) => Promise<void>

export interface ThrottleOptions {
  /** Null where the gateway limits addresses. */
  limits: Record<LimitName, Limit | null>
}

/** Whom a refusal is about. */
interface Who {
  userId: string | null
  actor?: string | null
  /** The client that somebody says they are. */
  clientId?: string | null
  origin: Origin
}

const sweepInterval = 60
const sweepBatch = 40
/** Rows of failures kept at most: 60 MB or so. Beyond it those with the fewest failures go, so that a flood of names hides no attack on one. */
const mostFailures = 200_000
const mostNetworks = 20
const day = 86_400_000
const recently = 30 * day
/** A network that is known already is written down again once a day only. */
const refreshAfter = day

/** Defences against guessing: per address in this process, per account in all of them (ASVS 6.3.1; NIST SP 800-63B-4, section 3.2.2). */
export default fp<ThrottleOptions>(async (app, { limits }) => {
  const attempts = createAttempts(app.clock.now)
  const addresses = createAddressLimits(limits, app.clock.monotonic)
  /** What was counted, and not refused before it came so far. */
  const counted = new WeakSet<FastifyRequest>()
  const keyOf = (...parts: string[]) => app.secrets.mac('throttle', Buffer.from(JSON.stringify(parts))).toString('base64url')
  const store = () => createThrottleRepository(app.database.queries)

  await app.register(rateLimit, { global: false, store: addresses.Store, keyGenerator: (request) => request.origin.network })

  function refuse (policy: string, { count, seconds }: Limit, after: number, { clientId = null, ...who }: Who): never {
    const detail = { limit: policy, ...clientId === null ? {} : { client_id: clientId } }
    app.audit.tally({ event: 'excess_rate_limit_exceeded', detail, ...who }, `${who.actor ?? ''} ${who.userId ?? ''} ${clientId ?? ''} ${who.origin.network}`)
    throw app.errors.create('too_many_attempts', {
      cause: policy,
      // draft-ietf-httpapi-ratelimit-headers-11: what is allowed, and how much of it is left until when.
      headers: { 'retry-after': String(after), 'ratelimit-policy': `"${policy}";q=${count};w=${seconds}`, ratelimit: `"${policy}";r=0;t=${after}` }
    })
  }

  function limited (name: LimitName, limit: Limit): (request: FastifyRequest) => Promise<void> {
    const options = { limit: name, max: limit.count, timeWindow: limit.seconds * 1000 }
    const check = app.createRateLimit(options)
    return async (request) => {
      counted.add(request)
      const state = await check(request)
      if (!state.isAllowed && state.isExceeded) refuse(name, limit, Math.max(1, state.ttlInSeconds), { userId: null, origin: request.origin })
    }
  }

  app.addHook('onRoute', (route) => {
    const name = route.config?.limit
    const limit = name === undefined ? null : limits[name]
    if (name === undefined || limit === null) return
    const hook = name === 'register' ? 'onRequest' : 'preHandler'
    route[hook] = [limited(name, limit), ...[route[hook] ?? []].flat()]
    if (name === 'refresh') {
      route.onResponse = [async (request, reply) => {
        if (counted.has(request) && reply.statusCode !== 401) addresses.giveBack(name, request.origin.network)
      }, ...[route.onResponse ?? []].flat()]
    }
  })

  async function open (charges: readonly Charge[]): Promise<OpenAttempt> {
    return attempts.open(charges, (keys) => store().tallies(keys, app.clock.now()))
  }

  /** Counts a failure, here where the database cannot. */
  async function fail (attempt: OpenAttempt, charges: readonly Charge[], beside: Beside): Promise<void> {
    const now = app.clock.now()
    try {
      attempt.saved(await app.database.transaction(async (queries) => {
        await beside(queries)
        return createThrottleRepository(queries).fail(charges.map(({ key, lifetime }) => ({ key, expiresAt: now + lifetime })), now)
      }))
    } catch (error) {
      attempt.lost()
      throw error
    }
  }

  /** Throws where a delay is not over. One policy for all that guards an account: whose turn it is where is nobody's business. */
  function lookAt (attempt: OpenAttempt, who: Who): boolean {
    const verdict = attempt.look()
    if (typeof verdict === 'number') refuse('account', { count: perNetwork.free, seconds: perNetwork.longestDelay }, verdict, who)
    return verdict
  }

  async function begin (charges: readonly Charge[], who: Who, isTrusted: boolean): Promise<Attempt> {
    const account = await open(charges)
    const address = addresses.guess(who.origin.network)
    let outcome: boolean | null = null

    function look (): boolean {
      const verdict = address.look()
      if (typeof verdict === 'number') refuse('login', limits.login as Limit, verdict, who)
      return lookAt(account, who) && verdict
    }

    function release (): void {
      address.release()
      account.release()
    }

    try {
      look()
    } catch (error) {
      release()
      throw error
    }

    return {
      isTrusted,
      mayStart () {
        if (!look()) return false
        account.start()
        address.start()
        return true
      },
      ended (succeeded) {
        outcome = succeeded
        account.end(succeeded)
        address.end(succeeded)
      },
      async close (beside) {
        try {
          if (outcome === true && account.wasMarked) await store().forget(charges.map(({ key }) => key))
          if (outcome === false) await fail(account, charges, beside)
        } finally {
          release()
        }
      }
    }
  }

  async function isKnown (userId: string, { network }: Origin): Promise<boolean> {
    const seenAt = await store().seenAt(userId, network)
    return seenAt !== null && seenAt > app.clock.now() - recently
  }

  app.decorate('throttle', {
    async attempt ({ name, userId, actor }, origin) {
      // Asked also where there is no account: the answer takes as long.
      const trusted = await isKnown(userId ?? '', origin)
      return begin(userCharges({ name, network: origin.network, trusted }, keyOf), { userId, actor, origin }, trusted)
    },
    async clientFailed (clientId, origin, beside) {
      const charges = clientCharges(clientId, origin.network, keyOf)
      const attempt = await open(charges)
      try {
        lookAt(attempt, { userId: null, clientId, origin })
        attempt.start()
        attempt.end(false)
        await fail(attempt, charges, beside)
      } finally {
        attempt.release()
      }
    },
    async remember (userId, { network }, queries) {
      const repository = createThrottleRepository(queries)
      const seenAt = await repository.seenAt(userId, network)
      if (seenAt === null || seenAt < app.clock.now() - refreshAfter) await repository.see(userId, network, app.clock.now(), mostNetworks)
    }
  } satisfies Throttle)

  app.jobs.every('throttle', sweepInterval, () => app.database.alone('throttle', async () => {
    const now = app.clock.now()
    await app.jobs.inBatches(sweepBatch, (limit) => store().sweepOver(now, limit))
    let surplus = await store().count() - mostFailures
    await app.jobs.inBatches(sweepBatch, async (limit) => {
      const batch = Math.max(0, Math.min(limit, surplus))
      surplus -= batch
      if (batch > 0) await store().sweepLeast(batch)
      return batch
    })
    await app.jobs.inBatches(sweepBatch, (limit) => store().sweepNetworks(now - recently, limit))
  }))
}, { name: 'throttle', dependencies: ['audit', 'clock', 'database', 'errors', 'jobs', 'origin', 'secrets'], fastify: '5.x' })
