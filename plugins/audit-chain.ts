import fp from 'fastify-plugin'
import { digestOf, type Head, type HeadKind, isSignedBy, origin, type Position, signHead } from './audit-chain/link.ts'
import { type ChainRepository, createChainRepository, type HeadKey } from './audit-chain/repository.ts'
import { type ChainReport, verifyChain } from './audit-chain/verification.ts'
import type { Queries } from './database.ts'
import type { Jwk } from './keys.ts'

export type { Position } from './audit-chain/link.ts'
export type { ChainFault, ChainReport } from './audit-chain/verification.ts'

declare module 'fastify' {
  interface FastifyInstance {
    auditChain: AuditChain
  }
}

export interface AuditChain {
  /** Makes links of all events that are none yet, and signs how far that is. */
  link (): Promise<void>
  /** Whether the chain is what was written and signed, and holds a head that was kept elsewhere, and where it is not. Reads all of it. */
  verify (told?: Position): Promise<ChainReport>
}

export interface AuditChainOptions {
  /** Seconds that events are kept. */
  retention: number
  /** True where SECRET_KEY is lost: the keys that signed are believed as they are found. */
  reset?: boolean
  /** True for a command that looks: nothing is sealed anew, linked or signed. */
  looking?: boolean
}

const interval = 0.4
/** Half of a hundredth of a second or so, in which nobody else writes to a SQLite file. */
const batch = 200
/** Milliseconds between two heads that are kept; between them there is the newest alone. */
const headInterval = 60_000
const sweepInterval = 60
const purpose = 'audit-key'

/**
 * Every event becomes a link: it gets a place, and a digest over itself and the digest before. That is done after the commit
 * of what it records, by one process at a time, so that nobody waits for another's event; what commits late comes late in
 * the chain. How far it is, is signed each time.
 */
export default fp<AuditChainOptions>(async (app, { retention, reset = false, looking = false }) => {
  const chainOf = (queries: Queries) => createChainRepository(queries, app.database)

  /** Only one does so at a time, in all processes. */
  async function alone<T> (work: (chain: ChainRepository) => Promise<T>): Promise<T> {
    return app.database.transaction(async (queries) => {
      await app.database.takeTurn('audit', queries)
      return work(chainOf(queries))
    })
  }

  async function sign (kind: HeadKind, { place, digest }: Position, chain: ChainRepository): Promise<Head> {
    const key = app.keys.active()
    await chain.addKey({ kid: key.kid, publicJwk: JSON.stringify(key.publicJwk), seal: sealOf(key.kid) })
    return signHead({ kind, place, digest, signedAt: app.clock.now() }, key)
  }

  function sealOf (kid: string): string {
    return app.secrets.seal(purpose, kid, Buffer.of())
  }

  /** The head that this process has seen last. */
  let remembered = origin
  let warned = false

  /** An older state of the database is signed as well: who was there notices. */
  function compare (newest: Position): void {
    const isOlder = newest.place < remembered.place || newest.place === remembered.place && newest.digest !== remembered.digest
    if (isOlder && !warned) app.log.error({ before: { place: remembered.place, digest: remembered.digest }, now: { place: newest.place, digest: newest.digest } }, 'the audit chain ends before a head that was signed: it was cut off, or the database put back to an older state')
    warned ||= isOlder
  }

  /** Goes on behind the signed head, and at no place that is taken: what was put there behind it proves nothing and stays to be found. */
  async function linkSome (limit: number): Promise<number> {
    const { linked, signed, head = null } = await alone(async (chain) => {
      const news = await chain.news(limit)
      if (news.length === 0) return { linked: 0 }
      const [newest, before] = await chain.newestHeads(2)
      const tail = newest ?? await chain.start() ?? origin
      compare(tail)
      let at: Position = { place: Math.max(tail.place, await chain.lastPlace()), digest: tail.digest }
      await chain.link(news.map((entry) => {
        const place = at.place + 1
        at = { place, digest: digestOf(entry, place, at.digest) }
        return { id: entry.id, ...at }
      }))
      const head = await sign('head', at, chain)
      await chain.addHead(head)
      const isPassing = newest !== undefined && before !== undefined && newest.signedAt - before.signedAt < headInterval
      if (isPassing) await chain.removeHead(newest.place)
      return { linked: news.length, signed: head, head: isPassing ? null : head }
    })
    remembered = signed ?? remembered
    // Kept elsewhere, it shows an old database that was put in the place of this one.
    if (head !== null) app.log.info({ place: head.place, digest: head.digest, kid: head.kid }, 'the head of the audit chain')
    return linked
  }

  /** Without news nothing is written, and nobody else is waited for. */
  async function hasNews (): Promise<boolean> {
    return chainOf(app.database.queries).hasNews()
  }

  /** An entry leaves with all that are before it in the chain, so that one from a clock that ran ahead keeps what is behind it. */
  async function sweepSome (limit: number): Promise<number> {
    return alone(async (chain) => {
      const links = await chain.linksAfter({ ...await chain.start() ?? origin, id: '' }, limit)
      const kept = links.findIndex(({ at }) => at > app.clock.now() - retention * 1000)
      const old = kept === -1 ? links : links.slice(0, kept)
      const last = old.at(-1)
      if (last !== undefined) await chain.cut(await sign('start', last, chain))
      return old.length
    })
  }

  /** Says of a key whether this service has put it there. */
  function isVouchedFor ({ kid, seal }: HeadKey): boolean {
    try {
      app.secrets.open(purpose, kid, seal)
      return true
    } catch {
      return false
    }
  }

  function doubts (keys: readonly HeadKey[]): (head: Head) => string | null {
    const trusted = new Map(keys.filter(isVouchedFor).map(({ kid, publicJwk }) => [kid, publicJwk]))
    return (head) => {
      const jwk = trusted.get(head.kid)
      if (jwk === undefined) return `no key of this service has the id ${head.kid}`
      try {
        return isSignedBy(head, app.keys.restore(JSON.parse(jwk) as Jwk)) ? null : `the signature is not that of the key ${head.kid}`
      } catch {
        return `the key ${head.kid} was changed`
      }
    }
  }

  const stale = (await chainOf(app.database.queries).keys()).filter(({ kid, seal }) => !app.secrets.isCurrent(purpose, kid, seal))
  if (stale.length > 0 && !looking) {
    await alone(async (chain) => {
      for (const key of stale) if (reset || isVouchedFor(key)) await chain.reseal(key.kid, sealOf(key.kid))
    })
  }

  app.jobs.every('audit-chain', interval, async () => {
    if (await hasNews()) await app.jobs.inBatches(batch, linkSome)
  })
  app.jobs.every('audit-over', sweepInterval, () => app.database.alone('audit-over', () => app.jobs.inBatches(batch, sweepSome)))

  // The last refusals are counted and written before, and no request is being answered any more.
  app.addHook('onClose', async () => {
    if (looking) return
    await app.jobs.run('audit').then(app.auditChain.link).catch((error) => app.log.error({ err: error }, 'the last events are no links of the chain yet: the next process to run makes them'))
  })

  app.decorate('auditChain', {
    async link () {
      while (await hasNews()) await linkSome(batch)
    },
    async verify (told) {
      const chain = chainOf(app.database.queries)
      const keys = await chain.keys()
      const hasUsers = (await app.users.search({ prefix: '', role: null, disabled: null }, '', 1)).length > 0
      return verifyChain(chain, doubts(keys), { told, traces: keys.length > 0 ? 'keys that have signed heads' : hasUsers ? 'users, whose coming is always written down' : null })
    }
  } satisfies AuditChain)
}, { name: 'audit-chain', dependencies: ['audit', 'clock', 'database', 'jobs', 'keys', 'secrets', 'users'], fastify: '5.x' })
