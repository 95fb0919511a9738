import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createChainRepository } from '../../../plugins/audit-chain/repository.ts'
import { verifyChain } from '../../../plugins/audit-chain/verification.ts'
import { build } from '../../support/build.ts'
import { createClock } from '../../support/calls.ts'
import { startPostgres } from '../../support/postgres.ts'
import { temporaryFolder } from '../../support/service.ts'
import { type Tampering, tamperings, withTampered, writeTwelve } from '../../support/tampering.ts'

const day = 86_400

async function twelve (t: Test, url: string) {
  const clock = createClock()
  const app = await build(t, { environment: { DATABASE_URL: url, SECRET_KEY: randomBytes(32).toString('base64url'), AUDIT_RETENTION: '1d' }, now: clock.now })
  await writeTwelve(app, clock)
  return { app, clock }
}

async function findsTampering (t: Test, url: string): Promise<void> {
  const { app } = await twelve(t, url)
  const untouched = await app.auditChain.verify()
  t.match(untouched, { entries: 12, after: 0, head: { place: 12 }, waiting: 0, faults: [], more: 0 })
  for (const { name, tamper, place, what } of tamperings) {
    await withTampered(app.database.queries, tamper, async () => {
      const { faults } = await app.auditChain.verify()
      t.match(faults[0], { place, what }, name)
    })
  }
  t.strictSame(await app.auditChain.verify(), untouched, 'all is as it was')
}

t.test('on SQLite in memory', async (t) => findsTampering(t, 'sqlite::memory:'))

t.test('on SQLite on disk', async (t) => findsTampering(t, `sqlite:${join(temporaryFolder(t), 'audit.db')}`))

t.test('on PostgreSQL', async (t) => findsTampering(t, await (await startPostgres(t)).createDatabase()))

t.test('finds what is done to a chain whose beginning has left', async (t) => {
  const { app, clock } = await twelve(t, 'sqlite::memory:')
  const { queries } = app.database
  clock.turn(day - 70)
  await app.jobs.run('audit-over')
  t.match(await app.auditChain.verify(), { entries: 2, after: 10, faults: [] })
  const cases: Array<[tamper: Tampering['tamper'], place: number, what: RegExp]> = [
    [(queries) => queries.updateTable('audit_heads').set({ place: 11 }).where('kind', '=', 'start').execute(), 11, /^what the chain starts behind is not what was signed/],
    [(queries) => queries.updateTable('audit_heads').set({ signed_at: 5 }).where('kind', '=', 'start').execute(), 10, /^what the chain starts behind/],
    [(queries) => queries.deleteFrom('audit_heads').where('kind', '=', 'start').execute(), 1, /^the entries up to place 10 are missing$/],
    [(queries) => queries.deleteFrom('audit_events').where('place', '=', 11).execute(), 11, /^the entry is missing$/],
    [(queries) => queries.updateTable('audit_events').set({ at: 5 }).where('place', '=', 11).execute(), 11, /is not the one that was written there/],
    [async (queries) => { await queries.deleteFrom('audit_events').execute(); await queries.deleteFrom('audit_heads').where('kind', '=', 'head').execute() }, 10, /^the signed head is missing$/]
  ]
  for (const [tamper, place, what] of cases) {
    await withTampered(queries, tamper, async () => { t.match((await app.auditChain.verify()).faults[0], { place, what }) })
  }
  t.strictSame((await app.auditChain.verify()).faults, [])

  const { digest } = await app.database.queries.selectFrom('audit_heads').select('digest').where('kind', '=', 'start').executeTakeFirstOrThrow()
  t.strictSame((await app.auditChain.verify({ place: 10, digest })).faults, [])
  t.match((await app.auditChain.verify({ place: 10, digest: 'another' })).faults, [{ place: 10, what: /^there is another digest/ }])
  t.match((await app.auditChain.verify({ place: 9, digest })).faults, [{ place: 9, what: /^what was told has left by age/ }])
})

t.test('goes on after a fault, and tells each once', async (t) => {
  const { app } = await twelve(t, 'sqlite::memory:')
  const { queries } = app.database
  await queries.updateTable('audit_events').set({ ip: '192.0.2.9' }).where('place', 'in', [2, 7]).execute()
  await queries.deleteFrom('audit_events').where('place', '=', 10).execute()
  t.same((await app.auditChain.verify()).faults.map(({ place }) => place), [2, 7, 10])
})

t.test('tells the first twenty faults, and how many more there are', async (t) => {
  const { app } = await twelve(t, 'sqlite::memory:')
  for (let i = 0; i < 30; i++) await app.audit.record({ event: 'user_updated', userId: null })
  await app.auditChain.link()
  await app.database.queries.updateTable('audit_events').set({ event: 'user_deleted' }).execute()
  const { faults, more } = await app.auditChain.verify()
  t.same([faults.length, more], [20, 22])
})

t.test('reads beside those that link and those that clear away', async (t) => {
  const { app, clock } = await twelve(t, 'sqlite::memory:')
  const chain = createChainRepository(app.database.queries, app.database)
  const calls: Array<() => Promise<unknown>> = [
    async () => {},
    async () => {
      clock.turn(day)
      await app.audit.record({ event: 'user_updated', userId: 'late' })
      await app.auditChain.link()
      clock.turn(-60)
      await app.jobs.run('audit-over')
    }
  ]
  const reader = { ...chain, linksAfter: async (position: { place: number, id: string }, limit: number) => {
    const links = await chain.linksAfter(position, limit)
    await calls.shift()?.()
    return links
  } }
  const { faults, head } = await verifyChain(reader, () => null, { page: 4 })
  t.same(faults, [])
  t.equal(head?.place, 13, 'what was linked meanwhile is read as well')
})

t.test('is not misled where all leaves while it reads', async (t) => {
  const { app, clock } = await twelve(t, 'sqlite::memory:')
  const chain = createChainRepository(app.database.queries, app.database)
  clock.turn(2 * day)
  const reader = { ...chain, headsAfter: async (place: number, upTo: number | null) => {
    if (upTo === null) await app.jobs.run('audit-over')
    return chain.headsAfter(place, upTo)
  }, linksAfter: async (position: { place: number, id: string }, limit: number) => limit === 1 ? chain.linksAfter(position, limit) : [] }
  t.match(await verifyChain(reader, () => null), { entries: 0, head: { place: 12 }, faults: [] })
})
