import { existsSync } from 'node:fs'
import t from 'tap'
import { alice } from './support/build.ts'
import { beside, runCli } from './support/cli.ts'
import { alone, command, done, secretOf } from './support/command.ts'
import { startPostgres } from './support/postgres.ts'
import { issuer, startService } from './support/service.ts'
import { until } from './support/until.ts'
import { kidOf, visitorOf } from './support/visitor.ts'

// Services and commands are processes of their own: each takes seconds where the machine is busy.
t.setTimeout(600_000)

t.test('ends with 0 where all is done, 1 where it failed and 2 where it was misused', async (t) => {
  const environment = { DATABASE_URL: 'sqlite:/nowhere/at/all.db', SECRET_KEY: secretOf(), SECRET_KEY_PREVIOUS: secretOf() }
  const [well, failed, misused] = await Promise.all([runCli(environment, 'routes', '--json'), runCli(environment, 'backup', '/nowhere/copy.db'), runCli(environment, 'nonsense')])
  t.match(JSON.parse(done(t, well, 'done')), [{ method: 'GET', url: '/health/live' }])
  t.strictSame(failed, { code: 1, out: '', err: 'gatehouse: There is no database at /nowhere/at/all.db\n' })
  t.match(misused, { code: 2, out: '', err: /^error: unknown command 'nonsense'\n[\s\S]*Usage: cli / })
  t.notOk(existsSync('/nowhere'))
})

t.test('brings a database up to date, twice', async (t) => {
  const environment = alone(t)
  for (const time of ['first', 'second']) t.equal(done(t, await runCli(environment, 'migrate'), time), 'The database is up to date.\n')
})

t.test('works on PostgreSQL, beside a running service', async (t) => {
  const server = await startPostgres(t)
  const environment = { DATABASE_URL: await server.createDatabase({ empty: true }), SECRET_KEY: secretOf(), PUBLIC_URL: issuer }
  const service = await startService(t, { environment, secretKey: environment.SECRET_KEY })
  const { register, signIn, visit, published, grant } = visitorOf(service)
  await register()
  const { token } = await signIn()
  const [kid] = await published()

  const { keys } = JSON.parse(done(t, await runCli(environment, 'keys', 'rotate', '--now', '--json'), 'keys rotate'))
  t.match(keys, [{}, { alg: 'ES256', state: 'active' }, {}])
  await until(async () => kidOf((await signIn()).token) !== kid)
  t.equal(await visit(token), 200, 'of the key before')

  const { client_id: id, client_secret: secret } = JSON.parse(done(t, await command(environment, 'clients', 'create', 'billing', '--json'), 'clients create'))
  t.equal((await grant(id, secret)).status, 200)

  t.match(JSON.parse(done(t, await command(environment, 'sessions', 'revoke', alice.username, '--json'), 'sessions revoke')), { ended: Number })
  await until(async () => await visit(token) === 401)
  t.match(await command(environment, 'backup', 'copy.db'), { code: 1, out: '', err: /^gatehouse: [^\n]+pg_dump[^\n]+\n$/ })
})

t.test('is a process beside another one on SQLite', async (t) => {
  const service = await startService(t)
  const { register, signIn, visit } = visitorOf(service)
  await register()
  const { token } = await signIn()
  t.equal(done(t, await runCli(beside(service), 'sessions', 'revoke', 'alice'), 'sessions revoke'), 'Sessions ended: 1.\n')
  await until(async () => await visit(token) === 401)
})
