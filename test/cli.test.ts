import { createPublicKey, randomBytes } from 'node:crypto'
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { alice } from './support/build.ts'
import { beside, type Ran, runCli } from './support/cli.ts'
import { startPostgres } from './support/postgres.ts'
import { issuer, type Service, startService, temporaryFolder } from './support/service.ts'
import { until } from './support/until.ts'

// Services and commands are processes of their own: each takes seconds where the machine is busy.
t.setTimeout(600_000)

const secretOf = () => randomBytes(32).toString('base64url')

interface Row {
  kid: string
  alg: string
  state: string
  created_at: string
  signs_from: string
  ends_at: string | null
}

/** What a command did: its code, its JSON where it printed some, and nothing on standard error where all went well. */
function done (t: Test, ran: Ran, what: string): string {
  t.strictSame({ code: ran.code, err: ran.err }, { code: 0, err: '' }, what)
  return ran.out
}

const keysOf = (out: string) => (JSON.parse(out) as { keys: Row[] }).keys

/** A database of its own, without a service. */
function alone (t: Test): Record<string, string> {
  return { DATABASE_URL: `sqlite:${join(temporaryFolder(t), 'gatehouse.db')}`, SECRET_KEY: secretOf() }
}

async function signIn (service: Service): Promise<{ status: number, token: string }> {
  const json = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(alice) }
  const reply = await fetch(`${service.url}/login`, json)
  return { status: reply.status, token: (await reply.json() as { access_token: string }).access_token }
}

async function register (service: Service): Promise<void> {
  await fetch(`${service.url}/register`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(alice) })
}

async function visit (service: Service, token: string): Promise<number> {
  const { status, body } = await fetch(`${service.url}/protected`, { headers: { authorization: `Bearer ${token}` } })
  await body?.cancel()
  return status
}

async function published (service: Service): Promise<string[]> {
  const reply = await fetch(`${service.url}/.well-known/jwks.json`)
  return (await reply.json() as { keys: Array<{ kid: string }> }).keys.map(({ kid }) => kid)
}

const kidOf = (token: string) => (JSON.parse(Buffer.from(token.split('.')[0] as string, 'base64url').toString()) as { kid: string }).kid

t.test('prints every route for people and for programs, without any data', async (t) => {
  const environment = { DATABASE_URL: 'sqlite:/nowhere/at/all.db', SECRET_KEY: secretOf(), SECRET_KEY_PREVIOUS: secretOf() }
  const table = done(t, await runCli(environment, 'routes'), 'routes')
  t.match(table, /^POST +\/login +public +login +login$/m)
  t.match(table, /^GET +\/protected +user +- +protected$/m)
  const rows = JSON.parse(done(t, await runCli(environment, 'routes', '--json'), 'routes --json')) as Array<Record<string, string>>
  t.equal(rows.length, table.trimEnd().split('\n').length)
  t.match(rows.find(({ url }) => url === '/protected'), { method: 'GET', access: 'user', operation: 'protected' })
  t.notOk(existsSync('/nowhere'))
})

t.test('prints the description of the HTTP interface', async (t) => {
  const description = JSON.parse(done(t, await runCli({ PUBLIC_URL: 'https://auth.example.org' }, 'openapi'), 'openapi'))
  t.match(description, { openapi: /^3/, paths: { '/login': { post: { operationId: 'login' } } } })
})

t.test('brings a database up to date', async (t) => {
  const environment = alone(t)
  for (const time of ['first', 'second']) t.equal(done(t, await runCli(environment, 'migrate'), time), 'The database is up to date.\n')
})

t.test('tells misuse from failure', async (t) => {
  const environment = alone(t)
  const misused = [[], ['nonsense'], ['keys'], ['keys', 'list', '--nonsense'], ['keys', 'list', 'more'], ['keys', 'revoke'], ['keys', 'reset']]
  const helped = [['--help'], ['help', 'keys']]
  const [misuses, helps] = await Promise.all([misused, helped].map((all) => Promise.all(all.map((args) => runCli(environment, ...args))))) as [Ran[], Ran[]]
  for (const [index, { code, out, err }] of misuses.entries()) {
    t.strictSame({ code, out }, { code: 2, out: '' }, `misused: ${misused[index]?.join(' ')}`)
    t.match(err, /Usage:/)
  }
  for (const ran of helps) t.match(done(t, ran, 'asked for help'), /Usage:/)
  t.notOk(existsSync((environment.DATABASE_URL as string).slice('sqlite:'.length)), 'and touched nothing')

  const { code, out, err } = await runCli({ ...environment, PORT: 'x', KEY_LEAD: '1s' }, 'keys', 'list')
  t.strictSame({ code, out }, { code: 1, out: '' })
  t.match(err, /^gatehouse: The configuration is not usable:\n {2}PORT [^\n]+\n {2}KEY_LEAD [^\n]+\n$/)
})

t.test('lists keys as a table and as JSON', async (t) => {
  const environment = alone(t)
  const keys = keysOf(done(t, await runCli(environment, 'keys', 'list', '--json'), 'as JSON'))
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
  t.match(keys, [{ alg: 'ES256', state: 'active', created_at: time, signs_from: time, ends_at: time }, { alg: 'ES256', state: 'next', ends_at: null }])
  const [head, ...rows] = done(t, await runCli(environment, 'keys', 'list'), 'as a table').trimEnd().split('\n')
  t.match(head, /^kid +alg +state +created_at +signs_from +ends_at$/)
  t.strictSame(rows.map((row) => row.split(/ +/)), keys.map(({ kid, alg, state, created_at: created, signs_from: from, ends_at: ends }) => [kid, alg, state, created, from, ends ?? '-']))
})

t.test('changes the keys beside a running service, which sees it within a second or so', async (t) => {
  const service = await startService(t)
  const environment = beside(service)
  await register(service)
  const { token } = await signIn(service)
  const [first, next] = keysOf(done(t, await runCli(environment, 'keys', 'list', '--json'), 'list')) as [Row, Row]
  t.equal(kidOf(token), first.kid)

  const planned = keysOf(done(t, await runCli(environment, 'keys', 'rotate', '--json'), 'rotate'))
  t.match(planned, [{ kid: first.kid, state: 'active' }, { kid: next.kid, state: 'next', signs_from: new Date(Date.parse(next.created_at) + 2 * 86_400_000).toISOString() }])

  const rotated = done(t, await runCli(environment, 'keys', 'rotate', '--now'), 'rotate --now')
  t.match(rotated, new RegExp(`^${next.kid} +ES256 +active`, 'm'))
  await until(async () => kidOf((await signIn(service)).token) === next.kid)
  t.equal(await visit(service, token), 200)
  await until(async () => (await published(service)).length === 3)

  const said = done(t, await runCli(environment, 'keys', 'revoke', first.kid), 'revoke')
  t.match(said, /gone/)
  await until(async () => await visit(service, token) === 401)
  t.notOk((await published(service)).includes(first.kid))

  const unknown = await runCli(environment, 'keys', 'revoke', first.kid)
  t.match(unknown, { code: 1, out: '', err: /^gatehouse: [^\n]+\n$/ })
})

t.test('exports the key set, or one key as PEM', async (t) => {
  const environment = alone(t)
  const { keys } = JSON.parse(done(t, await runCli(environment, 'keys', 'export'), 'all')) as { keys: Array<Record<string, string>> }
  t.equal(keys.length, 2)
  for (const key of keys) t.strictSame(Object.keys(key).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
  const [{ kid, x }] = keys as [{ kid: string, x: string }]
  const pem = done(t, await runCli(environment, 'keys', 'export', kid), 'one')
  t.match(pem, /^-----BEGIN PUBLIC KEY-----\n[\s\S]+\n-----END PUBLIC KEY-----\n$/)
  t.equal(createPublicKey(pem).export({ format: 'jwk' }).x, x)
  t.match(await runCli(environment, 'keys', 'export', 'another'), { code: 1, out: '', err: /^gatehouse: / })
})

t.test('says in one line that the secret is another one, and changes nothing', async (t) => {
  const environment = alone(t)
  const before = done(t, await runCli(environment, 'keys', 'list'), 'before')
  for (const command of [['keys', 'list'], ['keys', 'rotate', '--now'], ['migrate']]) {
    const { code, out, err } = await runCli({ ...environment, SECRET_KEY: secretOf() }, ...command)
    t.strictSame({ code, out }, { code: 1, out: '' })
    t.match(err, /^gatehouse: SECRET_KEY is not the one [^\n]+ keys reset --yes"\n$/)
  }
  t.equal(done(t, await runCli(environment, 'keys', 'list'), 'after'), before)
})

t.test('makes new keys for a lost secret, ends every session and keeps passwords', async (t) => {
  const folder = temporaryFolder(t)
  const start = () => startService(t, { folder, environment: { SECRET_KEY: '' } })
  const service = await start()
  await register(service)
  const { token } = await signIn(service)
  await signIn(service)
  t.equal(await service.stop(), 0)
  const secretFile = `${service.databaseFile}.secret`
  t.ok(existsSync(secretFile), 'the secret was kept beside the database')
  rmSync(secretFile)
  await t.rejects(start(), { message: /SECRET_KEY is not set and [^\n]+ is missing/ })

  const environment = { DATABASE_URL: `sqlite:${service.databaseFile}` }
  const { code, err } = await runCli(environment, 'keys', 'list')
  t.equal(code, 1)
  t.match(err, /^gatehouse: SECRET_KEY is not set and [^\n]+ is missing/)
  t.equal((await runCli(environment, 'keys', 'reset')).code, 2, 'it wants to be told that this is meant')
  t.notOk(existsSync(secretFile))
  t.match(done(t, await runCli(environment, 'keys', 'reset', '--yes'), 'reset'), /sessions ended: 2\.\n$/)
  t.ok(existsSync(secretFile))

  const again = await start()
  t.equal(await visit(again, token), 401)
  const { status, token: fresh } = await signIn(again)
  t.equal(status, 200, 'with the password of before')
  t.equal(await visit(again, fresh), 200)
})

t.test('tells a running service that its keys are gone: it answers 503 until it is started with the new secret', async (t) => {
  const service = await startService(t)
  await register(service)
  const { token } = await signIn(service)
  const secretKey = secretOf()
  done(t, await runCli({ ...beside(service), SECRET_KEY: secretKey }, 'keys', 'reset', '--yes'), 'reset')
  await until(async () => await visit(service, token) === 503)
  t.equal((await signIn(service)).status, 503)
  await service.stop()
  const again = await startService(t, { folder: service.folder, secretKey })
  t.equal(await visit(again, token), 401)
  t.equal((await signIn(again)).status, 200)
})

t.test('registers, lists, rotates and deletes clients beside a running service', async (t) => {
  const service = await startService(t)
  const environment = beside(service)
  const created = JSON.parse(done(t, await runCli(environment, 'clients', 'create', 'Billing', '--scope', 'orders:write', '--scope', 'orders:read', '--json'), 'create'))
  t.strictSame(Object.keys(created), ['client_id', 'client_secret', 'name', 'scopes', 'created_at'])
  t.match(created, { client_id: /^[0-9a-f-]{36}$/, client_secret: /^[\w-]{43}$/, name: 'Billing', created_at: /^\d{4}-\d\d-\d\dT[\d:.]+Z$/ })
  t.strictSame(created.scopes, ['orders:read', 'orders:write'])
  const grant = async (secret: string) => {
    const reply = await fetch(`${service.url}/oauth/token`, {
      method: 'POST', headers: { authorization: `Basic ${Buffer.from(`${created.client_id}:${secret}`).toString('base64')}` }, body: new URLSearchParams({ grant_type: 'client_credentials' })
    })
    return { status: reply.status, token: (await reply.json() as { access_token: string }).access_token }
  }
  const { status, token } = await grant(created.client_secret)
  t.equal(status, 200)

  const plain = done(t, await runCli(environment, 'clients', 'create', 'plain'), 'create for people')
  t.match(plain, /^client_id +[0-9a-f-]{36}\nclient_secret +[\w-]{43}\nname +plain\nscopes\ncreated_at +\S+Z\n$/)
  const { client_secret: _, ...shown } = created
  const listed = done(t, await runCli(environment, 'clients', 'list', '--json'), 'list')
  t.match(JSON.parse(listed), { clients: [shown, { name: 'plain', scopes: [] }] })
  t.notMatch(listed, created.client_secret)
  const [head, row] = done(t, await runCli(environment, 'clients', 'list'), 'list for people').split('\n')
  t.match(head, /^client_id +name +created_at +scopes$/)
  t.strictSame(row?.split(/ {2,}/), [created.client_id, 'Billing', created.created_at, 'orders:read orders:write'])

  const rotated = JSON.parse(done(t, await runCli(environment, 'clients', 'rotate', created.client_id, '--overlap', '600', '--json'), 'rotate'))
  t.match(rotated, { ...shown, client_secret: /^[\w-]{43}$/ })
  t.strictSame((await Promise.all([created, rotated].map(({ client_secret: secret }) => grant(secret)))).map(({ status }) => status), [200, 200])
  const last = JSON.parse(done(t, await runCli(environment, 'clients', 'rotate', created.client_id, '--json'), 'rotate at once'))
  t.strictSame((await Promise.all([created, rotated, last].map(({ client_secret: secret }) => grant(secret)))).map(({ status }) => status), [401, 401, 200])

  t.equal(await visit(service, token), 403)
  t.equal(done(t, await runCli(environment, 'clients', 'delete', created.client_id), 'delete'), 'The client is gone.\n')
  await until(async () => await visit(service, token) === 401)
  t.equal((await grant(last.client_secret)).status, 401)
  for (const args of [['delete', created.client_id], ['rotate', created.client_id], ['create', ''], ['create', 'x', '--scope', 'a b'], ['rotate', created.client_id, '--overlap', 'long']]) {
    t.match(await runCli(environment, 'clients', ...args), { code: 1, out: '', err: /^gatehouse: [^\n]+\n$/ }, args.join(' '))
  }
  t.match(await runCli(environment, 'clients', 'create'), { code: 2, out: '' })
})

t.test('does the same on PostgreSQL, beside a running service', async (t) => {
  const server = await startPostgres(t)
  const environment = { DATABASE_URL: await server.createDatabase({ empty: true }), SECRET_KEY: secretOf(), PUBLIC_URL: issuer }
  const service = await startService(t, { environment, secretKey: environment.SECRET_KEY })
  await register(service)
  const { token } = await signIn(service)
  const [kid] = await published(service)

  const keys = keysOf(done(t, await runCli(environment, 'keys', 'rotate', '--now', '--json'), 'keys rotate'))
  t.match(keys.find(({ state }) => state === 'active'), { alg: 'ES256' })
  await until(async () => kidOf((await signIn(service)).token) !== kid)
  t.equal(await visit(service, token), 200, 'of the key before')

  const { client_id: id, client_secret: secret } = JSON.parse(done(t, await runCli(environment, 'clients', 'create', 'billing', '--json'), 'clients create'))
  const reply = await fetch(`${service.url}/oauth/token`, { method: 'POST', headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` }, body: new URLSearchParams({ grant_type: 'client_credentials' }) })
  t.equal(reply.status, 200)

  t.match(JSON.parse(done(t, await runCli(environment, 'sessions', 'revoke', alice.username, '--json'), 'sessions revoke')), { ended: Number })
  await until(async () => await visit(service, token) === 401)
  t.match(await runCli(environment, 'backup', 'copy.db'), { code: 1, out: '', err: /^gatehouse: [^\n]+pg_dump[^\n]+\n$/ })
})
