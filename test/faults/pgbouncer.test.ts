import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { createApi } from '../support/api.ts'
import { alice } from '../support/build.ts'
import { isAway, isBack, startPatient } from '../support/outage.ts'
import { type PgBouncer, startPgBouncer } from '../support/pgbouncer.ts'
import { startPostgres } from '../support/postgres.ts'
import { launch, startService } from '../support/service.ts'
import { until } from '../support/until.ts'
import { witness } from '../support/witness.ts'

t.setTimeout(300_000)

/** As docs/operations.md says: the timeouts of a connection that PgBouncer leaves out, set for the role. */
const leftOut = { ignore_startup_parameters: 'options' }
const server = await startPostgres(t)
await server.run("alter role postgres set statement_timeout = '1600ms'")
await server.run("alter role postgres set idle_in_transaction_session_timeout = '2s'")

const rounds = 20
const longest = 1000

/** Two processes behind it do what clients need; gives the milliseconds after which one feels what ended at the other. */
async function serve (t: Test, pooler: PgBouncer): Promise<number[]> {
  const url = pooler.through(await server.createDatabase({ empty: true }))
  const options = { secretKey: randomBytes(32).toString('base64url'), environment: { DATABASE_URL: url } }
  const [here, there] = (await Promise.all([startService(t, options), startService(t, options)])).map((service) => createApi(service)) as [ReturnType<typeof createApi>, ReturnType<typeof createApi>]
  t.equal(await here.register(alice), 201)
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    const { refresh_token: first } = await there.signedIn(alice)
    const replies = await Promise.all(Array.from({ length: 6 }, (_, number) => (number % 2 === 0 ? here : there).refresh(first)))
    t.same(new Set(replies.map(({ status }) => status)), new Set([200]))
    const { access_token: token } = (replies[0] as typeof replies[number]).body
    t.same([await here.visit(token), await there.visit(token), (await there.call('GET', '/me', { token })).status], [200, 200, 200])
    t.equal(await here.logout(token), 204)
    const began = performance.now()
    await until(async () => await there.visit(token) === 401)
    times.push(performance.now() - began)
  }
  t.ok(Math.max(...times) < longest, `${Math.round(Math.max(...times))} ms at most`)
  return times.sort((one, other) => one - other)
}

const summary = (times: number[]) => `half of ${times.length} endings felt elsewhere within ${Math.round(times[times.length / 2] as number)} ms, all within ${Math.round(times.at(-1) as number)} ms`

t.test('is refused by PgBouncer that does not leave the timeouts out, in one line', async (t) => {
  const pooler = await startPgBouncer(t, server, { pool_mode: 'session' })
  const service = launch(t, { environment: { DATABASE_URL: pooler.through(await server.createDatabase()) } })
  t.equal(await service.ended, 1)
  t.match(service.output(), /^gatehouse: The database cannot be used: unsupported startup parameter.*options\n$/)
})

t.test('runs behind PgBouncer in session mode, and listens', async (t) => {
  const pooler = await startPgBouncer(t, server, { ...leftOut, pool_mode: 'session', default_pool_size: 40 })
  t.comment(`PgBouncer ${pooler.version} in session mode: ${summary(await serve(t, pooler))}`)
})

t.test('R05 answers 503 in time while PgBouncer is dead, and recovers when it is started again', async (t) => {
  const seen = witness(t, { fault: 'PgBouncer is killed', store: 'PostgreSQL' })
  const pooler = await startPgBouncer(t, server, { ...leftOut, pool_mode: 'session' })
  const patient = await startPatient(t, { DATABASE_URL: pooler.through(await server.createDatabase()) })
  await pooler.kill()
  await isAway(t, patient)
  await pooler.start()
  await isBack(t, patient, seen)
})

t.test('in transaction mode runs behind one that knows prepared statements, and behind an older one says in a line what is wrong', async (t) => {
  const pooler = await startPgBouncer(t, server, { ...leftOut, pool_mode: 'transaction', default_pool_size: 40 })
  if (pooler.followsStatements) {
    const able = await startPgBouncer(t, server, { ...leftOut, pool_mode: 'transaction', default_pool_size: 40, max_prepared_statements: 200 })
    t.comment(`PgBouncer ${able.version} in transaction mode: ${summary(await serve(t, able))}`)
    return
  }
  const service = launch(t, { environment: { DATABASE_URL: pooler.through(await server.createDatabase({ empty: true })) } })
  t.equal(await service.ended, 1)
  t.match(service.output(), /^gatehouse: [^\n]*prepared statement "gatehouse_\d+_\d+" (?:already exists|does not exist)\n$/)
  t.comment(`PgBouncer ${pooler.version} in transaction mode: ${service.output().trim()}`)
})
