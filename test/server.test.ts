import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { alice, build } from './support/build.ts'
import { startPostgres } from './support/postgres.ts'
import { launch, type Service, startService, temporaryFolder } from './support/service.ts'
import { dial } from './support/wire.ts'

t.jobs = 2

function post ({ url }: Service, path: string, body: object): Promise<Response> {
  return fetch(url + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
}

async function tokenOf (service: Service): Promise<string> {
  return ((await (await post(service, '/login', alice)).json()) as { access_token: string }).access_token
}

async function visit ({ url }: Service, token: string): Promise<number> {
  return (await fetch(`${url}/protected`, { headers: { authorization: `Bearer ${token}` } })).status
}

t.test('agrees with another that starts beside it on an empty folder, and keeps keys, tokens and users over a restart', async (t) => {
  const folder = temporaryFolder(t)
  const environment = { SECRET_KEY: '' }
  const [first, beside] = await Promise.all([startService(t, { folder, environment }), startService(t, { folder, environment })])
  t.equal((await post(first, '/register', alice)).status, 201)
  const token = await tokenOf(first)
  for (const service of [first, beside]) t.same([await visit(service, token), await visit(service, await tokenOf(beside))], [200, 200])
  t.same([await first.stop(), await beside.stop()], [0, 0])
  t.same(readdirSync(folder).sort(), ['gatehouse.db', 'gatehouse.db.secret'])
  t.equal(statSync(`${first.databaseFile}.secret`).mode & 0o777, 0o600)

  const again = await startService(t, { folder, environment: { ...environment, DATABASE_URI: 'hunter2', ACCES_TOKEN_TTL: 'hunter2' } })
  t.equal(await visit(again, token), 200)
  t.ok(await tokenOf(again))
  t.equal(await again.stop('SIGINT'), 0)
  const lines = `${first.output()}${beside.output()}${again.output()}`.trim().split('\n').map((line) => JSON.parse(line))
  t.match(lines.filter(({ level }) => level !== 30), [{ level: 40, name: 'DATABASE_URI', meant: 'DATABASE_URL' }, { level: 40, name: 'ACCES_TOKEN_TTL', meant: 'ACCESS_TOKEN_TTL' }], 'nothing but warnings of names that are nearly ours')
  t.notMatch(again.output(), 'hunter2')
})

t.test('names every fault of the configuration on standard error, and ends with 1', async (t) => {
  const service = launch(t, { environment: { PORT: 'hunter2-port', SECRET_KEY: 'hunter2-secret', TRUST_PROXY: 'true', ARGON2_MEMORY: '4096', DATABASE_URL_FILE: '/nothing', DATABASE_URL: '' } })
  t.equal(await service.ended, 1)
  t.equal(service.output(), [
    'gatehouse: The configuration is not usable:',
    '  PORT must be a whole number from 0 to 65535',
    '  DATABASE_URL cannot be read from the file that DATABASE_URL_FILE names (ENOENT)',
    '  SECRET_KEY must be 32 bytes or more',
    '  ARGON2_MEMORY must be a whole number from 19456 to 262144',
    '  TRUST_PROXY must hold addresses or CIDR ranges, such as 10.0.0.0/8; a number, a name or "true" is refused',
    ''
  ].join('\n'))
})

t.test('says in one line that SECRET_KEY is another, ends with 1, and makes no other keys', async (t) => {
  const folder = temporaryFolder(t)
  const first = await build(t, { environment: { DATABASE_URL: `sqlite:${join(folder, 'gatehouse.db')}`, SECRET_KEY: randomBytes(32).toString('base64') } })
  const keys = () => first.database.queries.selectFrom('signing_keys').selectAll().execute()
  const before = await keys()
  const service = launch(t, { folder })
  t.equal(await service.ended, 1)
  t.match(service.output(), /^gatehouse: SECRET_KEY is not the one that the signing keys in the database were sealed under: [^\n]+\n$/)
  t.same(await keys(), before)
})

t.test('says in one line that its list of common passwords is damaged, and ends with 1', async (t) => {
  const cutsShort = `import fs from 'node:fs'; import { syncBuiltinESMExports } from 'node:module'; const { readFileSync } = fs; fs.readFileSync = (file, ...rest) => String(file).endsWith('blocklist.bin') ? readFileSync(file).subarray(0, -1) : readFileSync(file, ...rest); syncBuiltinESMExports()`
  const service = launch(t, { environment: preload(cutsShort) })
  t.equal(await service.ended, 1)
  t.equal(service.output(), 'gatehouse: the list of common passwords, plugins/passwords/blocklist.bin, is damaged: install this version anew\n')
})

for (const [what, signal, message] of [['an exception', 'SIGUSR1', 'thrown beside every request'], ['a rejection', 'SIGWINCH', 'rejected beside every request']] as const) {
  t.test(`logs ${what} that nothing handles, answers what runs, and ends with 1`, async (t) => {
    const service = await startService(t, { entry: 'test/support/faulty-service.ts' })
    t.equal((await post(service, '/register', alice)).status, 201)
    const body = JSON.stringify(alice)
    const { socket, received } = await dial(t, service.port)
    socket.write(`POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 10)}`)
    t.equal((await fetch(`${service.url}/health/ready`)).status, 200, 'the request before has arrived')
    process.kill(service.pid, signal)
    await service.written(/"level":60[^\n]+an error that nothing handled/)
    socket.write(body.slice(10))
    t.equal(await service.ended, 1)
    t.match(received(), /^HTTP\/1\.1 200 OK\r\n(?:.+\r\n)*connection: close\r\n(?:.+\r\n)*\r\n.*"access_token"/i)
    t.match(service.output(), message)
  })
}

t.test('ends with 0 when it is told to while it starts', async (t) => {
  const service = launch(t, { entry: 'test/support/interrupted-service.ts' })
  t.equal(await service.ended, 0)
  t.match(service.output(), '"msg":"draining"')
})

/** Runs before the service in its process; NODE_OPTIONS takes no space. */
function preload (script: string): Record<string, string> {
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(script)}` }
}

t.test('goes on and drains when nobody takes its log any more', async (t) => {
  const breaksOutput = `import fs from 'node:fs'; process.on('SIGWINCH', () => { fs.closeSync(1); fs.openSync('/dev/null', 'r'); process.stderr.write('broken') })`
  const service = await startService(t, { environment: preload(breaksOutput) })
  process.kill(service.pid, 'SIGWINCH')
  while (!service.output().includes('broken')) await fetch(`${service.url}/health/live`)
  t.equal((await post(service, '/register', alice)).status, 201)
  t.equal((await fetch(`${service.url}/health/ready`)).status, 200)
  t.equal(await service.stop(), 0)
  t.notMatch(service.output(), 'draining', 'the log was lost')
})

t.test('listens once where a name has several addresses, so that every connection has its limits and is drained', async (t) => {
  const bothAddresses = `import dns from 'node:dns'; const { lookup } = dns; dns.lookup = (name, ...rest) => name === 'localhost' && rest[0].all ? rest.at(-1)(null, [{ address: '127.0.0.1', family: 4 }, { address: '127.0.0.2', family: 4 }]) : lookup(name, ...rest)`
  const service = await startService(t, { environment: { HOST: 'localhost', ...preload(bothAddresses) } })
  t.equal(await service.stop(), 0)
  t.equal(service.output().match(/Server listening at/g)?.length, 1)
})

t.test('reads HTTP strictly, whatever NODE_OPTIONS say', async (t) => {
  const service = await startService(t, { environment: { NODE_OPTIONS: '--insecure-http-parser' } })
  const { socket, received } = await dial(t, service.port)
  socket.write('GET /health/live HTTP/1.1\r\nHost: a\r\nX-Control: a\u0001b\r\nConnection: close\r\n\r\n')
  await once(socket, 'close')
  t.match(received(), /^HTTP\/1\.1 400 Bad Request\r\n/)
})

t.test('on PostgreSQL makes its tables, drains at SIGTERM without failing what runs, and keeps all over a restart', async (t) => {
  const server = await startPostgres(t)
  const file = join(temporaryFolder(t), 'url')
  writeFileSync(file, `${await server.createDatabase({ empty: true })}\n`)
  const options = { secretKey: randomBytes(32).toString('base64url'), environment: { DATABASE_URL: '', DATABASE_URL_FILE: file, DRAIN_DELAY: '1s' } }
  const service = await startService(t, options)
  t.equal((await post(service, '/register', alice)).status, 201)
  const token = await tokenOf(service)

  const running = [post(service, '/login', alice), post(service, '/login', alice)]
  const ended = service.stop()
  for (const reply of await Promise.all(running)) t.equal(reply.status, 200)
  t.equal(await ended, 0)
  t.same(await server.run("select pid from pg_stat_activity where application_name = 'gatehouse'"), [], 'no connection is left')
  t.notMatch(service.output(), /"level":[456]0/)

  const again = await startService(t, options)
  t.same([await visit(again, token), await visit(again, await tokenOf(again))], [200, 200])
})

t.test('loads nothing that is not asked for', async (t) => {
  const list = `data:text/javascript,${encodeURIComponent(`import { registerHooks } from 'node:module'
    const seen = new Set()
    registerHooks({ load (url, context, next) { seen.add(/node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(url)?.[1]); return next(url, context) } })
    process.on('exit', () => { process.stdout.write('loaded: ' + [...seen].join(' ') + '\\n') })`)}`
  const service = await startService(t, { environment: { NODE_OPTIONS: `--import ${list}` } })
  await service.stop()
  const [, packages = ''] = await service.written(/loaded: (.*)/)
  const loaded = packages.split(' ')
  t.ok(loaded.includes('fastify') && loaded.includes('kysely'), 'what is loaded is seen')
  for (const name of ['pg', '@prometheus-io/client', '@opentelemetry/api', '@fastify/swagger', '@fastify/swagger-ui', '@fastify/static', 'yaml', 'commander', 'csv-parse']) t.notOk(loaded.includes(name), name)
})
