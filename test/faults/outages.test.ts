import pg from 'pg'
import t, { type Test } from 'tap'
import { isAway, isBack, onlyReads, startPatient } from '../support/outage.ts'
import { type PostgresServer, startPostgres } from '../support/postgres.ts'
import { until } from '../support/until.ts'
import { witness } from '../support/witness.ts'

const ours = "from pg_stat_activity where application_name = 'gatehouse'"

t.test('R05 fails no more than the calls on them while its connections are cut one by one', async (t) => {
  const evidence = witness(t, { fault: 'connections are cut one by one', store: 'PostgreSQL' })
  const server = await startPostgres(t)
  const patient = await startPatient(t, { DATABASE_URL: await server.createDatabase() })
  const seen = new Map<number, number>()
  let over = false
  const asking = Promise.all(Array.from({ length: 6 }, async () => {
    while (!over) {
      const { statusCode } = await patient.calls.me()
      seen.set(statusCode, (seen.get(statusCode) ?? 0) + 1)
    }
  }))
  const cuts = 50
  for (let cut = 0; cut < cuts; cut++) await cutOne(server)
  over = true
  await asking
  t.same([...seen.keys()].filter((status) => ![200, 503].includes(status)), [])
  t.ok((seen.get(503) ?? 0) <= cuts, 'one call for each connection')
  t.comment(`${cuts} connections cut: ${JSON.stringify(Object.fromEntries(seen))}`)
  await isBack(t, patient, evidence)
})

/** Ends one connection, as soon as there is one. */
async function cutOne (server: PostgresServer): Promise<void> {
  await until(async () => (await server.run(`select pg_terminate_backend(pid, 1000) from (select pid ${ours} order by random() limit 1) as one`)).length > 0)
}

t.test('R05 answers 503 in time while PostgreSQL has no connection left, and recovers', async (t) => {
  const seen = witness(t, { fault: 'no connection is left', store: 'PostgreSQL' })
  const server = await startPostgres(t, { max_connections: '8', superuser_reserved_connections: '0', max_wal_senders: '0' })
  const patient = await startPatient(t, { DATABASE_URL: await server.createDatabase() })
  const release = await takeEveryConnection(t, server)
  await isAway(t, patient)
  await release()
  await isBack(t, patient, seen)
})

/** Takes the places of all others too. */
async function takeEveryConnection (t: Test, { port }: PostgresServer): Promise<() => Promise<void>> {
  const taken: pg.Client[] = []
  const release = async () => { await Promise.all(taken.splice(0).map((client) => client.end())) }
  t.teardown(release)

  async function take (): Promise<boolean> {
    const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' })
    client.on('error', () => {})
    try {
      await client.connect()
      taken.push(client)
      return true
    } catch (error) {
      if ((error as { code?: string }).code !== '53300') throw error
      return false
    }
  }

  await until(take)
  await until(async () => {
    const { rowCount } = await (taken[0] as pg.Client).query(`select pg_terminate_backend(pid, 1000) ${ours}`)
    for (let more = true; more;) more = await take()
    return rowCount === 0
  })
  return release
}

t.test('R17 reads on and answers what writes 503 while PostgreSQL is read-only, and recovers', async (t) => {
  const seen = witness(t, { fault: 'the database is read-only', store: 'PostgreSQL' })
  const server = await startPostgres(t)
  const patient = await startPatient(t, { DATABASE_URL: await server.createDatabase() })
  await server.run('alter system set default_transaction_read_only = on')
  await server.run('select pg_reload_conf()')
  await until(async () => (await patient.calls.register()).statusCode === 503)
  await onlyReads(t, patient, 503)
  await server.run('alter system reset default_transaction_read_only')
  await server.run('select pg_reload_conf()')
  await isBack(t, patient, seen)
})

t.test('R05 is not ready on a replica, however little it is asked, and is again when that one is promoted', async (t) => {
  const seen = witness(t, { fault: 'the database is a replica until it is promoted', store: 'PostgreSQL' })
  const server = await startPostgres(t)
  const patient = await startPatient(t, { DATABASE_URL: await server.createDatabase() })
  await server.stop('fast')
  await server.start('standby')
  await until(async () => (await patient.calls.me()).statusCode === 200)
  await onlyReads(t, patient, 503)
  await server.run('select pg_promote()')
  await isBack(t, patient, seen)
})

t.test('R07 believes tokens until REVOCATION_MAX_LAG while PostgreSQL is away, and again when it is back', async (t) => {
  const seen = witness(t, { fault: 'the database is away for longer than REVOCATION_MAX_LAG', store: 'PostgreSQL' })
  const server = await startPostgres(t)
  const patient = await startPatient(t, { DATABASE_URL: await server.createDatabase(), REVOCATION_MAX_LAG: '2s' })
  await until(async () => (await patient.beside())[2] === 200)
  await server.stop('at once')
  t.same(await patient.beside(), [200, 200, 200])
  await until(async () => (await patient.beside())[2] === 503)
  t.same(await patient.beside(), [200, 200, 503], 'life and key set need none')
  await server.start()
  await until(async () => (await patient.beside())[2] === 200)
  await isBack(t, patient, seen)
})
