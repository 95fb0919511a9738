import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { build } from '../support/build.ts'
import { createClock } from '../support/calls.ts'
import { startPostgres } from '../support/postgres.ts'
import { temporaryFolder } from '../support/service.ts'
import { until } from '../support/until.ts'

const day = 86_400
const secret = () => randomBytes(32).toString('base64url')

async function record (app: FastifyInstance, count: number, userId = 'u'): Promise<void> {
  for (let i = 0; i < count; i++) await app.audit.record({ event: 'user_updated', userId })
}

const placesOf = async ({ database }: FastifyInstance) => (await database.queries.selectFrom('audit_events').select(['place', 'user_id']).orderBy('place').execute()).map(({ place, user_id: userId }) => [place, userId])
const headsOf = async ({ database }: FastifyInstance) => (await database.queries.selectFrom('audit_heads').select(['kind', 'place']).orderBy('kind').orderBy('place').execute()).map(({ kind, place }) => `${kind} ${place}`)

/** Apps on one SQLite file, one after another or beside each other. */
function onFile (t: Test) {
  const clock = createClock()
  const file = join(temporaryFolder(t), 'gatehouse.db')
  const start = (environment: Record<string, string>, more: { reset?: boolean, log?: Array<Record<string, unknown>> } = {}) => build(t, { environment: { DATABASE_URL: `sqlite:${file}`, ...environment }, now: clock.now, ...more })
  return { clock, start }
}

t.test('makes links of events within a second, while it listens, and of none twice', async (t) => {
  const app = await build(t)
  await app.listen({ port: 0 })
  await record(app, 3)
  const before = performance.now()
  await until(async () => (await placesOf(app)).every(([place]) => place !== null))
  t.ok(performance.now() - before < 1000)
  await app.jobs.run('audit-chain')
  t.strictSame(await placesOf(app), [[1, 'u'], [2, 'u'], [3, 'u']])
})

t.test('links more than a batch holds, and writes nothing where there is no news', async (t) => {
  const app = await build(t)
  await app.auditChain.link()
  t.strictSame(await headsOf(app), [])
  await record(app, 450)
  await app.auditChain.link()
  t.match(await app.auditChain.verify(), { entries: 450, head: { place: 450 }, waiting: 0, faults: [] })
})

t.test('keeps a head a minute and the newest, and tells the log of those that stay', async (t) => {
  const clock = createClock()
  const log: Array<Record<string, unknown>> = []
  const app = await build(t, { now: clock.now, log })
  for (let i = 0; i < 10; i++) {
    await record(app, 1)
    await app.auditChain.link()
    clock.turn(20)
  }
  t.strictSame(await headsOf(app), ['head 1', 'head 4', 'head 7', 'head 10'])
  const { head } = await app.auditChain.verify()
  t.match(log.filter(({ msg }) => msg === 'the head of the audit chain').at(-1), { place: 8 })
  t.equal(head?.place, 10)
})

t.test('links at the end what came last, refusals too', async (t) => {
  const { start } = onFile(t)
  const environment = { SECRET_KEY: secret() }
  const first = await start(environment)
  await record(first, 2)
  first.audit.tally({ event: 'excess_rate_limit_exceeded', userId: null, detail: { limit: 'login' } }, 'k')
  await first.close()
  const second = await start(environment)
  t.match(await second.auditChain.verify(), { entries: 3, waiting: 0, head: { place: 3 }, faults: [] })
})

t.test('says so where it cannot link at the end, and closes', async (t) => {
  const log: Array<Record<string, unknown>> = []
  const app = await build(t, { log })
  await record(app, 1)
  app.audit.tally({ event: 'excess_rate_limit_exceeded', userId: null }, 'k')
  await app.database.queries.schema.dropTable('audit_events').execute()
  await app.close()
  t.match(log.filter(({ level }) => level === 50), [{ msg: /^the last events are no links of the chain yet/ }])
  t.equal(log.filter(({ event }) => event === 'excess_rate_limit_exceeded').length, 1, 'the refusals are in the log')
})

t.test('makes one chain of what several processes write and link at once', async (t) => {
  const { start } = onFile(t)
  const environment = { SECRET_KEY: secret() }
  const apps = await Promise.all([start(environment), start(environment)])
  await Promise.all(apps.flatMap((app) => [record(app, 50), app.auditChain.link(), record(app, 50), app.auditChain.link()]))
  await Promise.all(apps.map((app) => app.auditChain.link()))
  t.match(await apps[0].auditChain.verify(), { entries: 200, waiting: 0, faults: [] })
})

t.test('on PostgreSQL', async (t) => {
  const server = await startPostgres(t)
  const start = async () => {
    const environment = { DATABASE_URL: await server.createDatabase(), SECRET_KEY: secret() }
    return Promise.all([build(t, { environment }), build(t, { environment })])
  }

  t.test('makes one chain of what several processes write and link at once', async (t) => {
    const apps = await start()
    await Promise.all(apps.flatMap((app) => [record(app, 50), app.auditChain.link(), record(app, 50), app.auditChain.link()]))
    await Promise.all(apps.map((app) => app.auditChain.link()))
    t.match(await apps[0].auditChain.verify(), { entries: 200, waiting: 0, faults: [] })
  })

  t.test('gives what commits late a later place', async (t) => {
    const [one, other] = await start()
    const { promise: released, resolve: release } = Promise.withResolvers<void>()
    const { promise: written, resolve: write } = Promise.withResolvers<void>()
    const late = one.database.transaction(async (queries) => {
      await one.audit.record({ event: 'user_updated', userId: 'late' }, queries)
      write()
      await released
    })
    await written
    await record(other, 2, 'early')
    await other.auditChain.link()
    release()
    await late
    await one.auditChain.link()
    t.strictSame(await placesOf(one), [[1, 'early'], [2, 'early'], [3, 'late']])
    t.match(await other.auditChain.verify(), { entries: 3, waiting: 0, faults: [] })
  })
})

t.test('tells the log, once, that the chain ends before a head that it has signed itself', async (t) => {
  const log: Array<Record<string, unknown>> = []
  const app = await build(t, { log })
  const cutBack = async () => {
    for (const table of ['audit_events', 'audit_heads'] as const) await app.database.queries.deleteFrom(table).execute()
    await record(app, 1)
    await app.auditChain.link()
  }
  await record(app, 3)
  await app.auditChain.link()
  const { head } = await app.auditChain.verify()
  const errors = () => log.filter(({ level }) => level === 50)
  t.strictSame(errors(), [])
  await cutBack()
  await cutBack()
  t.match(errors(), [{ msg: /^the audit chain ends before a head that was signed/, before: { place: 3, digest: head?.digest }, now: { place: 0 } }])
  t.equal(errors().length, 1)
})

t.test('goes on where somebody put an entry or a head at a place that no chain reaches', async (t) => {
  const app = await build(t)
  await record(app, 2)
  await app.auditChain.link()
  const { queries } = app.database
  await queries.updateTable('audit_events').set({ place: Number.MAX_SAFE_INTEGER }).where('place', '=', 2).execute()
  await queries.insertInto('audit_heads').values({ kind: 'head', place: Number.MAX_SAFE_INTEGER, digest: '', signed_at: 0, kid: 'k', signature: '' }).execute()
  await record(app, 3)
  await app.auditChain.link()
  t.strictSame((await placesOf(app)).map(([place]) => place), [1, 3, 4, 5, Number.MAX_SAFE_INTEGER])
})

t.test('is proven when the key that signed is long gone', async (t) => {
  const { clock, start } = onFile(t)
  const app = await start({ SECRET_KEY: secret(), AUDIT_RETENTION: '4000d' })
  await record(app, 1)
  await app.auditChain.link()
  const { head } = await app.auditChain.verify()
  await app.keys.rotate({ now: true })
  clock.turn(day)
  await record(app, 1)
  await app.auditChain.link()
  for (let i = 0; i < 3; i++) {
    clock.turn(100 * day)
    await app.jobs.run('keys')
  }
  t.notOk(app.keys.list().some(({ kid }) => kid === head?.kid))
  const report = await app.auditChain.verify()
  t.match(report, { entries: 3, faults: [] }, 'the rotation is an event as well')
  t.not(report.head?.kid, head?.kid)
})

t.test('is proven while SECRET_KEY is changed and afterwards, and believed as it is found where that is lost', async (t) => {
  const { start } = onFile(t)
  const [first, second, third] = [secret(), secret(), secret()]
  const faultsWith = async (environment: Record<string, string>, more = {}) => {
    const app = await start(environment, more)
    await record(app, 1)
    await app.auditChain.link()
    const { faults, entries } = await app.auditChain.verify()
    await app.close()
    return [faults, entries]
  }
  t.strictSame(await faultsWith({ SECRET_KEY: first }), [[], 1])
  t.strictSame(await faultsWith({ SECRET_KEY: second, SECRET_KEY_PREVIOUS: first }), [[], 2])
  t.strictSame(await faultsWith({ SECRET_KEY: second }), [[], 3])
  t.strictSame(await faultsWith({ SECRET_KEY: third }, { reset: true }), [[], 5])
  t.strictSame(await faultsWith({ SECRET_KEY: third }), [[], 6])
})

t.test('lets go of what is older than AUDIT_RETENTION, and is proven all the same', async (t) => {
  const clock = createClock()
  const app = await build(t, { now: clock.now, environment: { AUDIT_RETENTION: '2d' } })
  await record(app, 450, 'old')
  await app.auditChain.link()
  clock.turn(2 * day - 1)
  await record(app, 2, 'new')
  await app.auditChain.link()
  await app.jobs.run('audit-over')
  t.equal((await placesOf(app)).length, 452, 'not a second before')
  clock.turn(1)
  await app.jobs.run('audit-over')
  t.strictSame(await placesOf(app), [[451, 'new'], [452, 'new']])
  t.match(await app.auditChain.verify(), { entries: 2, after: 450, head: { place: 452 }, faults: [] })

  clock.turn(3 * day)
  await app.jobs.run('audit-over')
  t.match(await app.auditChain.verify(), { entries: 0, after: 452, head: { place: 452 }, faults: [] })
  await record(app, 1)
  await app.auditChain.link()
  await app.jobs.run('audit-over')
  t.strictSame(await headsOf(app), ['head 452', 'head 453', 'start 452'])
  t.match(await app.auditChain.verify(), { entries: 1, after: 452, faults: [] })
})

t.test('keeps what is behind an event that came from a clock ahead', async (t) => {
  const clock = createClock()
  const app = await build(t, { now: clock.now, environment: { AUDIT_RETENTION: '1d' } })
  await record(app, 1)
  clock.turn(5 * day)
  await record(app, 1, 'ahead')
  await app.auditChain.link()
  clock.turn(-5 * day)
  await record(app, 1)
  await app.auditChain.link()
  clock.turn(2 * day)
  await app.jobs.run('audit-over')
  t.strictSame((await placesOf(app)).map(([place]) => place), [2, 3])
  t.match(await app.auditChain.verify(), { after: 1, faults: [] })
})
