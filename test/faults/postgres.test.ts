import { randomBytes } from 'node:crypto'
import t from 'tap'
import { build } from '../support/build.ts'
import { isAway, isBack, startPatient } from '../support/outage.ts'
import { startPostgres } from '../support/postgres.ts'
import { witness } from '../support/witness.ts'

const server = await startPostgres(t)
const environment = { DATABASE_URL: await server.createDatabase(), SECRET_KEY: randomBytes(32).toString('base64url') }
const patient = await startPatient(t, environment)
const { app, calls } = patient
const outages: Array<[what: string, begin: () => unknown, end: () => unknown]> = [
  ['is stopped', () => server.stop('fast'), () => server.start()],
  ['is killed', () => server.stop('at once'), () => server.start()],
  ['is frozen', () => server.freeze(), () => server.thaw()]
]

for (const [what, begin, end] of outages) {
  t.test(`R05 R06 answers 503 in time while PostgreSQL ${what}, goes on with what needs none, and recovers`, async (t) => {
    const seen = witness(t, { fault: `the database ${what}`, store: 'PostgreSQL' })
    await begin()
    await isAway(t, patient)
    await end()
    await isBack(t, patient, seen)
  })
}

t.test('R06 holds no more connections than its pool has, whatever was asked and went wrong', async (t) => {
  await Promise.all(Array.from({ length: 30 }, calls.me))
  const found = await server.run("select count(*) as n from pg_stat_activity where application_name = 'gatehouse'")
  t.ok(Number(found[0]?.['n']) <= 3 + 1, 'those of the pool, and the one that listens')
})

t.test('does not start without a database, and says so in one line without the password', async (t) => {
  const secret = environment.SECRET_KEY
  const refusal = (url: string) => build(t, { environment: { DATABASE_URL: url, SECRET_KEY: secret, DATABASE_TIMEOUT: '300ms' } }).then(() => 'it started', ({ message }: Error) => message)
  await server.stop('fast')
  t.match(await refusal(`postgres://postgres:hunter2@127.0.0.1:${server.port}/x`), /^The database cannot be used: connect ECONNREFUSED 127\.0\.0\.1:\d+$/)
  await server.start()
  t.equal(await refusal(`postgres://postgres:hunter2@127.0.0.1:${server.port}/nowhere`), 'The database cannot be used: database "nowhere" does not exist')
  t.match(await refusal(`postgres://postgres:hunter2@127.0.0.1:${server.port}/postgres?sslmode=require`), /^The database cannot be used: The server does not support SSL connections$/)
  server.freeze()
  t.match(await refusal(environment.DATABASE_URL), /^The database cannot be used: .*timeout/)
  server.thaw()
})

t.test('closes in the middle of an outage', async (t) => {
  await server.stop('fast')
  await app.close()
  t.equal(app.server.listening, false)
})
