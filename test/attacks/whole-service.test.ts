import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startAttacked } from '../support/attacked.ts'
import { concludes, createAttacker } from '../support/attacker.ts'
import { alice } from '../support/build.ts'
import { command } from '../support/command.ts'
import { keyRows, openKeys, textsOf } from '../support/forge.ts'
import { type PostgresServer, startPostgres } from '../support/postgres.ts'
import { found, searchFor } from '../support/secrets.ts'
import type { Service } from '../support/service.ts'

// What the service as a whole must not do, whoever asks it for what: one flow with some of everything, and then a look at all it left.

const root = { username: 'root', password: 'a password of the first administrator' }
const entry = 'test/support/watched-service.ts'
const watched = { BOOTSTRAP_ADMIN_USERNAME: root.username, BOOTSTRAP_ADMIN_PASSWORD: root.password }
const service = await startAttacked(t, { entry, environment: watched })
const attacker = createAttacker(service)
const { secrets, answers } = attacker
const { metricsPort } = service
secrets.add(root.password)
await useEverything(attacker)
const metrics = await service.metrics()
const environment = { DATABASE_URL: `sqlite:${service.databaseFile}`, SECRET_KEY: service.secretKey }
const exports = [await command(environment, 'users', 'export'), await command(environment, 'audit', 'export'), await command(environment, 'keys', 'list'), await command(environment, 'clients', 'list'), await command(environment, 'sessions', 'revoke', 'nobody')]

/** Registers, signs in, guesses wrong, refreshes, comes back with a used token, and lives as a client, an administrator and a gateway. */
async function useEverything ({ send, post, get, secrets }: ReturnType<typeof createAttacker>): Promise<void> {
  interface Tokens { access_token: string, refresh_token: string }
  const signIn = async (who: typeof root) => (await post('/login', who)).json<Tokens>()
  const as = (token: string, method: string, path: string, body?: unknown) => send({ method, path, headers: [`Authorization: Bearer ${token}`], body })
  await post('/register', { ...alice, email: 'alice@example.com' })
  await post('/register', alice)
  await post('/register', { username: 'bob', password: 'password1' })
  for (let tries = 0; tries < 3; tries++) await post('/login', { ...alice, password: `wrong guess number ${tries}` })
  const first = await signIn(alice)
  const second = (await post('/refresh', { refresh_token: first.refresh_token })).json<Tokens>()
  await post('/refresh', { refresh_token: second.refresh_token })
  await post('/refresh', { refresh_token: first.refresh_token })
  for (const token of [first.access_token, second.access_token, `${second.access_token.slice(0, -4)}AAAA`]) for (const path of ['/protected', '/verify', '/me', '/me/sessions']) await get(path, token)
  const { access_token: token } = await signIn(alice)
  secrets.add('another password of hers')
  await as(token, 'PUT', '/me/password', { current_password: alice.password, new_password: 'another password of hers' })
  const changed = await as(token, 'PATCH', '/me', { email: 'other@example.com', password: 'another password of hers' })
  if (changed.status !== 200) throw new Error(`the address was not changed: ${changed.outcome}`)

  const { access_token: admin } = await signIn(root)
  for (const path of ['/admin/users', '/admin/clients', '/admin/keys', '/admin/audit']) await get(path, admin)
  await as(admin, 'POST', '/admin/users', { username: 'carol', password: 'what carol was given by root', roles: [] })
  const { client_id: id, client_secret: secret } = (await as(admin, 'POST', '/admin/clients', { name: 'orders', scopes: ['orders:read'] })).json<{ client_id: string, client_secret: string }>()
  const basic = Buffer.from(`${id}:${secret}`).toString('base64')
  secrets.add(basic)
  const asClient = (path: string, form: string) => send({ method: 'POST', path, headers: [`Authorization: Basic ${basic}`, 'Content-Type: application/x-www-form-urlencoded'], body: form })
  const own = (await asClient('/oauth/token', 'grant_type=client_credentials')).json<{ access_token: string }>().access_token
  await asClient('/oauth/token', 'grant_type=password')
  await asClient('/oauth/introspect', `token=${own}`)
  await get('/verify', own)
  await asClient('/oauth/revoke', `token=${own}`)
  await as(admin, 'POST', `/admin/clients/${id}/secret`)
  await as(admin, 'POST', '/admin/keys/rotate')
  await as(token, 'POST', '/logout?scope=global')
}

/** The sockets that a process has open, by their state in the kernel's words: 0A listens, 01 stands. */
function socketsOf ({ pid }: Service): Array<{ state: string, port: number }> {
  const inodes = new Set(readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`)
    } catch {
      return ''
    }
  }))
  return ['tcp', 'tcp6', 'udp', 'udp6', 'raw'].flatMap((family) => readFileSync(`/proc/${pid}/net/${family}`, 'utf8').trim().split('\n').slice(1).map((line) => line.trim().split(/\s+/)))
    .filter(([, , , , , , , , , inode]) => inodes.has(`socket:[${inode}]`))
    .map(([, local = '', , state = '']) => ({ state, port: Number.parseInt(local.split(':')[1] ?? '', 16) }))
}

/** What the service turned to the network for. */
function watchedIn (service: Service): string[] {
  return [...service.output().matchAll(/^watched: (.*)$/gm)].map(([, what = '']) => what)
}

/** Every row of every table, as text: a file holds long values compressed. */
async function rowsOf (server: PostgresServer, url: string): Promise<string> {
  const tables = await server.run("select table_name as name from information_schema.tables where table_schema = 'public'", url)
  const rows = await Promise.all(tables.map(({ name }) => server.run(`select t::text as row from "${name}" t`, url)))
  return rows.flat().map(({ row }) => row).join('\n')
}

/** What whoever takes a copy of the server's folder has. */
function filesOf (data: string): Array<{ path: string, bytes: Buffer }> {
  return readdirSync(data, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name)).map((path) => ({ path, bytes: readFileSync(path) }))
}

function hasNothing (t: Test, what: string, text: string): void {
  t.ok(text.length > 0, what)
  t.same(found(secrets, text), [], what)
}

t.test('the flow had some of everything', async (t) => {
  const statuses = new Set(answers.map(({ status }) => status))
  for (const status of [200, 201, 204, 400, 401, 409]) t.ok(statuses.has(status), `${status}`)
  t.ok(secrets.size > 15, `${secrets.size} secrets`)
  t.same(answers.filter(({ status }) => status >= 500), [])
})

t.test('listens where it is told to, and nowhere else', async (t) => {
  const sockets = socketsOf(service)
  t.same(sockets.filter(({ state }) => state === '0A').map(({ port }) => port).sort(), [service.port, metricsPort].sort())
  t.same(sockets.filter(({ port }) => ![service.port, metricsPort].includes(port)), [], 'and has no other socket of any kind after all that')
  t.same(watchedIn(service).filter((what) => what.startsWith('listen')).sort(), [`listen 127.0.0.1 ${service.port}`, `listen 127.0.0.1 ${metricsPort}`].sort())
})

t.test('connects to nobody on SQLite', async (t) => {
  t.same(watchedIn(service).filter((what) => !what.startsWith('listen')), [])
})

t.test('connects to its database and nobody else on PostgreSQL, and K216 none of the secrets seen there is in what PostgreSQL keeps or logs', async (t) => {
  const server = await startPostgres(t, { log_statement: 'all' })
  const url = await server.createDatabase()
  const other = createAttacker(await startAttacked(t, { entry, environment: { ...watched, DATABASE_URL: url } }))
  other.secrets.add(root.password)
  await useEverything(other)
  const turned = watchedIn(other.service).filter((what) => !what.startsWith('listen'))
  t.same([...new Set(turned)], [`connect ${server.port}`])

  for (const key of openKeys(await server.run(keyRows, url), other.service.secretKey)) for (const text of textsOf(key)) other.secrets.add(text)
  t.ok(other.secrets.size > 20, `${other.secrets.size} secrets`)
  t.equal(await other.service.stop(), 0)
  const rows = await rowsOf(server, url)
  await server.run('checkpoint')
  const files = filesOf(server.data)
  t.ok(rows.includes('$argon2id$') && [/\/base\//, /\/pg_wal\//].every((where) => files.some(({ path, bytes }) => where.test(path) && bytes.includes('$argon2id$'))), 'what is kept is found')
  const search = searchFor(other.secrets)
  t.same(search(rows), [], 'its rows, as in a dump')
  t.match(server.output(), /DETAIL: .*'alice'/, 'it logs every statement with its parameters')
  t.same(search(server.output()), [], 'its log, of all that it was asked')
  t.same(files.flatMap(({ path, bytes }) => search(bytes).map((secret) => `${secret} in ${path}`)), [], 'its files, with the log ahead of them and what was deleted')
})

t.test('O246 tells no secret in its log, in its metrics, in what it refuses with, and in what its commands print', async (t) => {
  hasNothing(t, 'log', service.output())
  hasNothing(t, 'metrics', metrics)
  hasNothing(t, 'refusals', answers.filter(({ status }) => status >= 400).map(({ body, headers }) => `${body} ${JSON.stringify(headers)}`).join('\n'))
  for (const { out, err } of exports) hasNothing(t, 'a command', out + err)
})

concludes(t, attacker)
