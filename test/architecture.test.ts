import { fileURLToPath } from 'node:url'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import app, { fastifyOptions } from '../app.ts'
import { readConfig } from '../config.ts'
import type { Access } from '../plugins/access.ts'
import { errors } from '../schemas/errors.ts'
import { build } from './support/build.ts'
import { compareErrors } from './support/docs.ts'
import { appIsTheMap, doorsAreAlike, filesAreNamedAndShort, readDoor, testsMirrorSources } from './support/doors.ts'
import {
  blackBoxStaysOutside, camelCase, doorsOf, entriesReadTheEnvironment, errorsAreRegistered, pluginsMeetAtDoors,
  queriesLiveInRepositories, routesTranslate, schemasAreData, timeComesFromTheClock
} from './support/house.ts'
import { readSources, type Sources } from './support/sources.ts'

const sources = readSources(fileURLToPath(new URL('..', import.meta.url)))
const codes = Object.keys(errors)

type Change = (sources: Sources) => Sources

/** A rule, how it is checked, and ways to break it, each with the fault that has to be told. */
interface Rule {
  name: string
  check: (sources: Sources) => string[]
  breaks: Array<[fault: string, change: Change]>
}

/** A line ahead of a file, which is made where it is not there. */
const ahead = (path: string, line: string): Change => (all) => new Map([...all, [path, `${line}\n${all.get(path) ?? ''}`]])

/** Other words in a file. Throws where there is nothing to replace: a break that changes nothing shows nothing. */
const instead = (path: string, from: string, to: string): Change => (all) => {
  const text = all.get(path) ?? ''
  if (!text.includes(from)) throw new Error(`${path} does not hold ${from}`)
  return new Map([...all, [path, text.replace(from, to)]])
}

const without = (path: string): Change => (all) => new Map([...all].filter(([one]) => one !== path))

const rules: Rule[] = [{
  name: '1. schemas import TypeBox and their siblings and export data',
  check: schemasAreData,
  breaks: [
    ['schemas/users.ts:1 imports node:crypto: schemas know TypeBox and each other', ahead('schemas/users.ts', "import { randomUUID } from 'node:crypto'")],
    ['schemas/users.ts:1 imports ../plugins/users.ts: schemas know TypeBox and each other', ahead('schemas/users.ts', "import type { UserRecord } from '../plugins/users.ts'")],
    ['schemas/users.ts:1 imports what is worked out when it runs: schemas know TypeBox and each other', ahead('schemas/users.ts', 'export const User = await import(somewhere)')],
    ['schemas/login.ts:1 function: schemas are data', ahead('schemas/login.ts', "export function greet () { return 'hello' }")],
    ['schemas/login.ts:1 =>: schemas are data', ahead('schemas/login.ts', 'export const isName = (name: string) => name.length > 2')]
  ]
}, {
  name: '2. a plugin knows another by its decorator, at most by a type from its door, and nobody looks behind a door',
  check: pluginsMeetAtDoors,
  breaks: [
    ['plugins/accounts.ts:1 imports ./users.ts: a door gives others types alone', ahead('plugins/accounts.ts', "import { type UserRecord } from './users.ts'")],
    ['plugins/accounts.ts:1 imports ./users.ts: a door gives others types alone', ahead('plugins/accounts.ts', "export { default as users } from './users.ts'")],
    ['plugins/accounts.ts:1 imports ./users/repository.ts: what is behind a door is the plugin\'s own', ahead('plugins/accounts.ts', "import type { UserRecord } from './users/repository.ts'")],
    ['plugins/keys/repository.ts:1 imports ../secrets/vault.ts: what is behind a door is the plugin\'s own', ahead('plugins/keys/repository.ts', "import { createVault } from '../secrets/vault.ts'")],
    ['app.ts:1 imports ./plugins/http/log.ts: what is behind a door is the plugin\'s own', ahead('app.ts', "import { logOptions } from './plugins/http/log.ts'")],
    ['server.ts:1 imports ./plugins/drain/response.ts: what is behind a door is the plugin\'s own', ahead('server.ts', "import { closingServers } from './plugins/drain/response.ts'")],
    ['check-node.js:1 imports ./config.ts: the arrows do not point there', ahead('check-node.js', "import './config.ts'")],
    ['server.ts:1 imports ./argon2-build.ts: an entry knows app.ts and config.ts', ahead('server.ts', "import { levels } from './argon2-build.ts'")],
    ['server.ts:1 imports ./plugins/drain.ts: a door gives others types alone', ahead('server.ts', "const drain = await import('./plugins/drain.ts')")],
    ['plugins/sessions/repository.ts:1 imports ../sessions.ts: a door gives others types alone', ahead('plugins/sessions/repository.ts', "import sessions from '../sessions.ts'")],
    ['plugins/users.ts:1 imports ../routes/me.ts: the arrows do not point there', ahead('plugins/users.ts', "import me from '../routes/me.ts'")],
    ['plugins/users.ts:1 imports ../config.ts: the arrows do not point there', ahead('plugins/users.ts', "import type { Config } from '../config.ts'")],
    ['app.ts:1 imports ./config/near-miss.ts: what is behind config.ts is its own', ahead('app.ts', "import { isNearMiss } from './config/near-miss.ts'")],
    ['server.ts:1 imports ./cli/output.ts: what is behind cli.ts is its own', ahead('server.ts', "import { print } from './cli/output.ts'")],
    ['plugins/users.ts:1 imports ../cli/output.ts: what is behind cli.ts is its own', ahead('plugins/users.ts', "import { print } from '../cli/output.ts'")],
    ['cli/keys.ts:1 imports ../plugins/keys.ts: a door gives others types alone', ahead('cli/keys.ts', "import keys from '../plugins/keys.ts'")],
    ['cli/keys.ts:1 imports ../server.ts: a command knows app.ts and config.ts', ahead('cli/keys.ts', "import '../server.ts'")],
    ['config.ts:1 imports ./app.ts: the arrows do not point there', ahead('config.ts', "import app from './app.ts'")],
    ['app.ts:1 imports what is worked out when it runs: a module is named where it is imported', ahead('app.ts', 'for (const file of files) await import(file)')],
    ['plugins/keys.ts:1 imports node:module: a module is named where it is imported', ahead('plugins/keys.ts', "import { createRequire } from 'node:module'")],
    ['plugins/tokens/reader.ts:1 imports fastify: behind a door nothing knows Fastify', ahead('plugins/tokens/reader.ts', "import type { FastifyRequest } from 'fastify'")],
    ['plugins/tokens/reader.ts:1 imports @fastify/jwt: behind a door nothing knows Fastify', ahead('plugins/tokens/reader.ts', "import jwt from '@fastify/jwt'")],
    ['plugins/http/log.ts is an exception that nothing needs', without('plugins/http/log.ts')]
  ]
}, {
  name: '3. routes import schemas and what types them, and leave queries and transactions to plugins',
  check: routesTranslate,
  breaks: [
    ['routes/me.ts:1 imports ../plugins/users.ts: a route knows schemas and the libraries that type it', ahead('routes/me.ts', "import type { UserRecord } from '../plugins/users.ts'")],
    ['routes/me.ts:1 imports ./login.ts: a route knows schemas and the libraries that type it', ahead('routes/me.ts', "import login from './login.ts'")],
    ['routes/me.ts:1 imports argon2: a route knows schemas and the libraries that type it', ahead('routes/me.ts', "import { verify } from 'argon2'")],
    ['routes/me.ts:1 imports fastify: a route needs Fastify\'s types alone', ahead('routes/me.ts', "import Fastify from 'fastify'")],
    ['routes/admin/users.ts:1 transaction: a route asks the database for nothing but a ping', ahead('routes/admin/users.ts', 'await app.database.transaction(async () => {})')],
    ['routes/health.ts:1 queries: a route asks the database for nothing but a ping', ahead('routes/health.ts', "const users = app.database.queries.selectFrom('users')")],
    ['routes/health.ts:1 app[: a route asks the database for nothing but a ping', ahead('routes/health.ts', "app['database'].queries")],
    ['routes/health.ts holds SQL: select id from users', ahead('routes/health.ts', "const statement = 'select id from users'")]
  ]
}, {
  name: '4. queries live in repositories and in the database plugin, and take values as parameters',
  check: queriesLiveInRepositories,
  breaks: [
    ['plugins/accounts.ts:1 selectFrom: queries live in repositories', ahead('plugins/accounts.ts', "app.database.queries.selectFrom('users')")],
    ['plugins/sessions.ts:1 insertInto: queries live in repositories', ahead('plugins/sessions.ts', "const insert = queries.insertInto('sessions')")],
    ['plugins/keys/signing-key.ts:1 updateTable: queries live in repositories', ahead('plugins/keys/signing-key.ts', "queries.updateTable('signing_keys')")],
    ['plugins/database.ts:1 deleteFrom: queries live in repositories', ahead('plugins/database.ts', "queries.deleteFrom('users')")],
    ['plugins/sign-in.ts:1 selectFrom: queries live in repositories', ahead('plugins/sign-in.ts', 'const { selectFrom } = app.database.queries')],
    ['plugins/sign-in.ts names selectFrom: queries live in repositories', ahead('plugins/sign-in.ts', "app.database.queries['selectFrom']('users')")],
    ['cli.ts:1 sql: queries live in repositories', ahead('cli.ts', 'await sql`vacuum`.execute(queries)')],
    ['plugins/users.ts:1 imports kysely: the database is reached through its plugin', ahead('plugins/users.ts', "import { sql } from 'kysely'")],
    ['cli/backup.ts:1 sql: queries live in repositories', ahead('cli/backup.ts', 'await sql`vacuum`.execute(queries)')],
    ['cli.ts:1 imports node:sqlite: the database is reached through its plugin', ahead('cli.ts', "import { DatabaseSync } from 'node:sqlite'")],
    ['plugins/users/repository.ts:1 sql.raw: values are parameters', ahead('plugins/users/repository.ts', "const where = sql.raw('username = ' + name)")],
    ['plugins/audit/repository.ts:1 sql.lit: values are parameters', ahead('plugins/audit/repository.ts', 'const where = sql.lit(event)')],
    ['plugins/database.ts:1 CompiledQuery.raw: values are parameters', ahead('plugins/database.ts', "queries.executeQuery(CompiledQuery.raw('select ' + name))")],
    ['plugins/database/dialect.ts is an exception that nothing needs', without('plugins/database/dialect.ts')]
  ]
}, {
  name: '5. the environment is read in server.ts and cli.ts, and ahead of them in check-node.js',
  check: entriesReadTheEnvironment,
  breaks: [
    ['plugins/passwords.ts:1 process.env: configuration comes as options', ahead('plugins/passwords.ts', "const memory = process.env['ARGON2_MEMORY']")],
    ['cli/service.ts:1 process.env: configuration comes as options', ahead('cli/service.ts', 'const config = readConfig(process.env)')],
    ['argon2-build.ts:1 process.env: configuration comes as options', ahead('argon2-build.ts', "const folder = process.env['ARGON2_PREBUILD']")],
    ['config.ts:1 process?.env: configuration comes as options', ahead('config.ts', 'const port = process?.env.PORT')],
    ['app.ts:1 process: configuration comes as options', ahead('app.ts', "const { PORT } = process['env']")],
    ['plugins/http/log.ts:1 process: configuration comes as options', ahead('plugins/http/log.ts', 'const { env } = process')],
    ['plugins/http/log.ts:1 process: configuration comes as options', ahead('plugins/http/log.ts', 'const level = levelOf(process)')],
    ['routes/me.ts:1 node:process: configuration comes as options', ahead('routes/me.ts', "import { env } from 'node:process'")]
  ]
}, {
  name: '7. what is thrown is in the registry, what is in the registry can be thrown, and docs/errors.md says the same',
  check: (all) => [...errorsAreRegistered(all, codes), ...compareErrors(all.get('docs/errors.md') ?? '', errors)],
  breaks: [
    ['routes/me.ts:1 errors.create: teapot is not in the registry', ahead('routes/me.ts', "throw app.errors.create('teapot')")],
    ['plugins/users.ts:1 errors.create: the code is not a literal', ahead('plugins/users.ts', 'throw app.errors.create(code)')],
    ['schemas/errors.ts: nothing can produce registration_closed', instead('plugins/accounts.ts', "create('registration_closed')", "create('weak_password')")],
    ['plugins/errors/unparsed.ts does not decide on expectation_failed', instead('plugins/errors/unparsed.ts', "'expectation_failed'", "'invalid_request'")],
    ['plugins/accounts.ts is an exception that nothing needs', instead('plugins/accounts.ts', 'create(outcome)', "create('email_taken')")],
    ['docs/errors.md does not list weak_password 400', instead('docs/errors.md', '| `weak_password` |', '| `feeble_password` |')],
    ['docs/errors.md lists feeble_password 400, which is not in the registry', instead('docs/errors.md', '| `weak_password` |', '| `feeble_password` |')]
  ]
}, {
  name: '8. time comes from the clock, chance from node:crypto, and production knows no tests',
  check: timeComesFromTheClock,
  breaks: [
    ['plugins/sessions.ts:1 Date.now: time comes from app.clock', ahead('plugins/sessions.ts', 'const now = Date.now()')],
    ['plugins/sessions.ts:1 new Date: time comes from app.clock', ahead('plugins/sessions.ts', 'const now = new Date()')],
    ['plugins/tokens.ts:1 new Date: time comes from app.clock', ahead('plugins/tokens.ts', 'const iat = +new Date')],
    ['plugins/tokens.ts:1 performance.now: time comes from app.clock', ahead('plugins/tokens.ts', 'const start = performance.now()')],
    ['plugins/tokens.ts:1 = Date: time comes from app.clock', ahead('plugins/tokens.ts', 'const { now } = Date')],
    ['plugins/keys.ts:1 Math.random: chance comes from node:crypto', ahead('plugins/keys.ts', 'const kid = Math.random()')],
    ['plugins/passwords.ts:1 NODE_ENV: production knows no tests', ahead('plugins/passwords.ts', 'const cheap = environment.NODE_ENV')],
    ['plugins/clock.ts is an exception that nothing needs', instead('plugins/clock.ts', 'now = Date.now, monotonic = () => performance.now()', 'now, monotonic')]
  ]
}, {
  name: 'a door is named after its file, adds one decorator of that name, and depends on what it uses',
  check: doorsAreAlike,
  breaks: [
    ['plugins/users.ts: a door is export default fp(…, { name, dependencies, fastify: \'5.x\' })', instead('plugins/users.ts', 'export default fp(', 'export default (')],
    ['plugins/users.ts: the plugin is called people', instead('plugins/users.ts', "name: 'users'", "name: 'people'")],
    ['plugins/users.ts adds app.people: a door adds app.users alone', instead('plugins/users.ts', "app.decorate('users'", "app.decorate('people'")],
    ['plugins/users.ts adds app.…: a door adds app.users alone', instead('plugins/users.ts', "app.decorate('users'", 'app.decorate(people')],
    ['plugins/users.ts adds more than one decorator', ahead('plugins/users.ts', "app.decorate('roles', [])")],
    ['plugins/origin.ts adds more than one decorator', ahead('plugins/origin.ts', "app.decorateRequest('address', null)")],
    ['plugins/access.ts is an exception that nothing needs', (all: Sources) => ['client', 'by'].reduce((changed, name) => instead('plugins/access.ts', `app.decorateRequest('${name}'`, `app.set('${name}'`)(changed), all)],
    ['plugins/users.ts depends on storage, which is not there', instead('plugins/users.ts', "dependencies: ['database']", "dependencies: ['storage']")],
    ['plugins/users.ts:1 uses app.clock: plugins/users.ts does not depend on clock', ahead('plugins/users.ts', 'const now = app.clock.now()')],
    ['plugins/keys/repository.ts:1 uses request.identity: plugins/keys.ts does not depend on access', ahead('plugins/keys/repository.ts', 'const { userId } = request.identity')],
    ['plugins/mail/ has no door plugins/mail.ts', ahead('plugins/mail/letter.ts', 'export const letter = 1')]
  ]
}, {
  name: 'app.ts registers every plugin and every route once, and holds no logic',
  check: appIsTheMap,
  breaks: [
    ['app.ts does not register plugins/mail.ts', ahead('plugins/mail.ts', 'export const mail = 1')],
    ['app.ts does not register routes/me.ts', instead('app.ts', 'await app.register(me)', '')],
    ['app.ts registers routes/me.ts twice', instead('app.ts', 'await app.register(me)', 'await app.register(me).register(me)\n  await app.register(me)')],
    ['app.ts registers anything, which is neither a plugin nor a route', ahead('app.ts', 'app.register(anything)')],
    ['app.ts:1 if: the map holds no logic', ahead('app.ts', 'if (config.openapi.pages) start()')]
  ]
}, {
  name: 'files are short and named after what is in them, put nothing off and leave no test out',
  check: filesAreNamedAndShort,
  breaks: [
    ['plugins/users/index.ts says nothing of what is in it', ahead('plugins/users/index.ts', '')],
    ['plugins/users/utils.ts says nothing of what is in it', ahead('plugins/users/utils.ts', '')],
    ['src/app.ts is in a folder that says nothing of what is in it', ahead('src/app.ts', '')],
    ['plugins/signIn.ts is not kebab-case', ahead('plugins/signIn.ts', '')],
    ['plugins/users.ts is longer than 300 lines', ahead('plugins/users.ts', '\n'.repeat(300))],
    ['plugins/users.ts puts something off', ahead('plugins/users.ts', `// ${['TO', 'DO'].join('')}: later`)],
    ['plugins/users.ts has a line that ends in a semicolon', ahead('plugins/users.ts', 'const one = 1;')],
    ['test/plugins/users.test.ts leaves a test out', ahead('test/plugins/users.test.ts', "t.skip('adds a user')")],
    ['test/plugins/users.test.ts leaves a test out', ahead('test/plugins/users.test.ts', "t.test('adds a user', { todo: true })")]
  ]
}, {
  name: 'every source has its test where its path says, and no test outlives its source',
  check: testsMirrorSources,
  breaks: [
    ['plugins/mail.ts has no test: test/plugins/mail.test.ts is missing', ahead('plugins/mail.ts', '')],
    ['test/plugins/mail.test.ts tests nothing that is there', ahead('test/plugins/mail.test.ts', '')],
    ['app.ts is an exception that nothing needs', without('app.ts')]
  ]
}, {
  name: 'black-box tests import nothing of the service, themselves or through their support',
  check: blackBoxStaysOutside,
  breaks: [
    ['test/black-box/login.test.ts reaches app.ts', ahead('test/black-box/login.test.ts', "import { build } from '../support/build.ts'")],
    ['test/black-box/login.test.ts reaches config.ts', ahead('test/black-box/login.test.ts', "import { readConfig } from '../../config.ts'")]
  ]
}]

for (const { name, check } of rules) {
  t.test(name, async (t) => {
    const faults = check(sources)
    for (const fault of faults) t.fail(fault)
    t.equal(faults.length, 0)
  })
}

for (const { name, check, breaks } of rules) {
  t.test(`broken on purpose: ${name}`, async (t) => {
    for (const [fault, change] of breaks) {
      const faults = check(change(sources))
      t.ok(faults.includes(fault), fault, { faults })
    }
  })
}

t.test('1. what schemas export is data when it is loaded', async (t) => {
  for (const path of [...sources.keys()].filter((path) => path.startsWith('schemas/'))) {
    t.same(functionsIn(await import(`../${path}`)), [], path)
  }
  t.same(functionsIn({ User: { toString () {} }, greet: () => {} }), ['User.toString', 'greet'], 'a function is found at any depth')
})

t.test('6. every route says who may call it', async (t) => {
  const { routes } = await startWith(t)
  t.same(unstated(routes), [])
  t.ok(routes.some(({ url, access }) => url === '/protected' && access === 'user'))
  t.same(unstated([...routes, { method: 'GET', url: '/stray', access: undefined }]), ['GET /stray'], 'one that does not is told')
})

t.test('6. the app does not start with a route that does not say who may call it', async (t) => {
  const stray = async (app: FastifyInstance) => { app.get('/stray', async () => 'hello') }
  await t.rejects(startWith(t, stray), { message: 'GET /stray does not say who may call it' })
})

t.test('6. what is not public asks for a token, or for a client\'s secret', async (t) => {
  const server = await build(t)
  const asks = { user: { code: 'missing_token' }, token: { code: 'missing_token' }, 'role admin': { code: 'missing_token' }, client: { error: 'invalid_client' } }
  for (const [kind, refusal] of Object.entries(asks)) {
    const guarded = server.routeTable.entries.filter(({ access, method }) => access === kind && method !== 'ANY')
    t.not(guarded.length, 0)
    for (const { method, url } of guarded) {
      const reply = await server.inject({ method: method as 'GET', url: url.replaceAll(/:\w+/g, 'x') })
      t.equal(reply.statusCode, 401, `${method} ${url}`)
      t.match(reply.json(), refusal, `${method} ${url}`)
    }
  }
  t.strictSame([...new Set(server.routeTable.entries.map(({ access }) => access))].sort(), ['client', 'public', 'role admin', 'token', 'user'], 'there is no other kind')
})

t.test('7. an error leaves with the status that the registry gives it', async (t) => {
  const server = await build(t)
  for (const [code, { status }] of Object.entries(errors)) {
    t.match(server.errors.create(code as keyof typeof errors), { statusCode: status, code }, code)
  }
})

t.test('the running app has every plugin and its decorator', async (t) => {
  const server = await build(t)
  for (const [name, path] of doorsOf(sources)) {
    t.ok(server.hasPlugin(name), name)
    const added = readDoor(path, sources.get(path) ?? '')?.decorators ?? []
    t.equal(server.hasDecorator(camelCase(name)), added.length === 1, `app.${camelCase(name)}`)
  }
})

interface StatedRoute { method: string, url: string, access: Access | undefined }

/** The app with everything on that configuration can turn on, and what each of its routes says by itself. */
async function startWith (t: Test, more: (app: FastifyInstance) => Promise<void> = async () => {}) {
  const config = readConfig({ DATABASE_URL: 'sqlite::memory:', LOG_LEVEL: 'silent', DOCUMENTATION: 'on', CORS_ORIGINS: 'https://app.example.com' })
  const server = Fastify(fastifyOptions(config))
  t.teardown(() => server.close())
  const routes: StatedRoute[] = []
  server.addHook('onRoute', ({ method, url, config }) => { routes.push({ method: String(method), url, access: config?.access }) })
  await server.register(app, { config })
  await server.register(more)
  await server.ready()
  return { server, routes }
}

/** The answer to a preflight is a library's route; it comes before the guard and is public. */
function unstated (routes: StatedRoute[]): string[] {
  return routes.filter(({ url, access }) => access === undefined && url !== '*').map(({ method, url }) => `${method} ${url}`)
}

function functionsIn (value: unknown, path = ''): string[] {
  if (typeof value === 'function') return [path]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, member]) => functionsIn(member, path === '' ? name : `${path}.${name}`))
}
