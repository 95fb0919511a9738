import { argon2id, hash } from 'argon2'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { alice, build, costly, withAlice } from '../support/build.ts'
import { origin } from '../support/calls.ts'

type Line = Record<string, unknown>

async function start (t: Test, environment: Record<string, string> = {}) {
  const log: Line[] = []
  const server = await build(t, { log, environment })
  await withAlice(server)
  return { server, events: () => log.filter(({ msg }) => msg === 'audit').map(({ event }) => event), warnings: () => log.filter(({ level }) => level === 40), errors: () => log.filter(({ level }) => Number(level) >= 50) }
}

function login (server: FastifyInstance, password = alice.password, username = alice.username) {
  return server.inject({ method: 'POST', url: '/login', payload: { username, password } })
}

async function digestOf (server: FastifyInstance) {
  const { password_hash: digest } = await server.database.queries.selectFrom('users').select('password_hash').where('username', '=', 'alice').executeTakeFirstOrThrow()
  return digest
}

async function plant (server: FastifyInstance, columns: { password_hash?: string | null, disabled_at?: number }) {
  await server.database.queries.updateTable('users').set(columns).where('username', '=', 'alice').execute()
}

/** Does something while a password is being hashed or checked. */
function meanwhile (server: FastifyInstance, step: 'hash' | 'verify', work: () => Promise<unknown>) {
  const { passwords } = server
  const original = passwords[step] as (...args: unknown[]) => Promise<never>
  passwords[step] = async (...args: unknown[]) => {
    const outcome = await original(...args)
    await work()
    return outcome
  }
}

t.test('answers every cause of a failure alike', async (t) => {
  const { server } = await start(t)
  const wrong = await login(server, 'not the password')
  t.equal(wrong.statusCode, 401)
  t.same(wrong.json(), { statusCode: 401, code: 'invalid_credentials', error: 'Unauthorized', message: 'Invalid username or password' })
  const others: Array<[string, () => Promise<void>, string?]> = [
    ['no such name', async () => {}, 'nobody'], ['no such address', async () => {}, 'nobody@example.org'], ['a name that none can have', async () => {}, '\' or 1=1 --'],
    ['no password', () => plant(server, { password_hash: null })], ['a malformed digest', () => plant(server, { password_hash: 'x' })], ['disabled', () => plant(server, { disabled_at: 1 })]
  ]
  const { 'x-request-id': _, date: __, ...headers } = wrong.headers
  for (const [what, prepare, username] of others) {
    await prepare()
    const reply = await login(server, 'not the password', username)
    t.equal(reply.statusCode, 401, what)
    t.equal(reply.body, wrong.body, what)
    t.match(reply.headers, headers, what)
    t.equal(Object.keys(reply.headers).length, Object.keys(wrong.headers).length)
  }
})

t.test('lets in by name and by address in any case, and by nothing else', async (t) => {
  const { server } = await start(t)
  await server.inject({ method: 'POST', url: '/register', payload: { username: 'kelvin', email: 'Kelvin@Example.org', password: alice.password } })
  for (const username of ['kelvin', 'KELVIN', 'kelvin@example.org', 'KELVIN@EXAMPLE.ORG']) t.equal((await login(server, alice.password, username)).statusCode, 200, username)
  for (const username of ['\u212aelvin', 'ｋelvin', 'kelvin@example.or', 'kelvin ']) t.equal((await login(server, alice.password, username)).statusCode, 401, username)
})

t.test('takes a password as it is typed, but for Unicode\'s two spellings of a character', async (t) => {
  const { server, events } = await start(t)
  const register = (username: string, password: string) => server.inject({ method: 'POST', url: '/register', payload: { username, password } })
  await register('composed', 'caf\u00e9 au lait')
  await register('decomposed', 'cafe\u0301 au lait')
  for (const username of ['composed', 'decomposed']) {
    for (const password of ['caf\u00e9 au lait', 'cafe\u0301 au lait']) t.equal((await login(server, password, username)).statusCode, 200, username)
  }
  for (const password of ['cafe au lait', ' caf\u00e9 au lait', 'caf\u00e9 au lait ', 'Caf\u00e9 au lait', 'caf\ufffd au lait']) t.equal((await login(server, password, 'composed')).statusCode, 401, password)
  t.notOk(events().includes('sensitive_update'), 'which changes nothing that is stored')
})

t.test('answers a digest that is malformed or hostile with 401 and a warning, never 500', async (t) => {
  const { server, warnings, errors } = await start(t)
  const hostile = ['', 'x', '$argon2id$v=19$m=4194304,t=2,p=1$c29tZSBzYWx0IGhlcmUhIQ$MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE', '$argon2i$v=19$m=19456,t=11,p=1$c29tZSBzYWx0IGhlcmUhIQ$MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE', '$2b$31$GhvMmNVjRW29ulnudl.LbuAnUtN/LRfe1JsBm1Xu6LE3059z5Tr8m', alice.password]
  for (const [index, digest] of hostile.entries()) {
    await plant(server, { password_hash: digest })
    t.equal((await login(server)).statusCode, 401, digest)
    t.equal(warnings().length, index + 1)
    t.equal(await digestOf(server), digest, 'which stays as it was found')
  }
  t.same(errors(), [])
})

t.test('makes a digest of other parameters anew at the next sign-in', async (t) => {
  const { server, events } = await start(t, costly)
  const old = await hash(alice.password, { type: argon2id, memoryCost: 4096, timeCost: 1, parallelism: 2, hashLength: 24 })
  await plant(server, { password_hash: old })
  t.equal((await login(server, 'not the password')).statusCode, 401)
  t.equal(await digestOf(server), old, 'a wrong password changes nothing')
  t.equal((await login(server)).statusCode, 200)
  const renewed = await digestOf(server)
  t.match(renewed, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
  t.equal((await login(server)).statusCode, 200)
  t.equal(await digestOf(server), renewed, 'once')
  t.equal(events().filter((event) => event === 'sensitive_update').length, 1)
})

t.test('leaves a digest of other parameters for later where others wait', async (t) => {
  const { server } = await start(t)
  const old = await hash(alice.password, { type: argon2id, memoryCost: 4096, timeCost: 1, parallelism: 1 })
  await plant(server, { password_hash: old })
  server.hashing.run(async () => {}, { network: '', mayStart: () => false }).catch(() => {})
  t.equal((await login(server)).statusCode, 200)
  t.equal(await digestOf(server), old)
})

t.test('never overwrites a password that changes while the digest is made anew', async (t) => {
  const { server, events } = await start(t)
  await plant(server, { password_hash: await hash(alice.password, { type: argon2id, memoryCost: 4096, timeCost: 1, parallelism: 1 }) })
  const changed = await server.passwords.hash('another good password', { network: '' })
  meanwhile(server, 'hash', () => plant(server, { password_hash: changed }))
  t.equal((await login(server)).statusCode, 401, 'the old password is not good any more')
  t.equal(await digestOf(server), changed)
  t.notOk(events().includes('sensitive_update'))
  t.equal((await login(server, 'another good password')).statusCode, 200)
})

t.test('opens no session for an account that changes while its password is checked', async (t) => {
  const changes: Array<[string, (server: FastifyInstance) => Promise<unknown>]> = [
    ['disabled', (server) => plant(server, { disabled_at: 1 })],
    ['given another password', (server) => plant(server, { password_hash: 'another' })],
    ['deleted', (server) => server.database.queries.deleteFrom('users').where('username', '=', 'alice').execute()]
  ]
  for (const [what, change] of changes) {
    const { server, events } = await start(t)
    meanwhile(server, 'verify', () => change(server))
    t.equal((await login(server)).json().code, 'invalid_credentials', what)
    t.same(await server.database.queries.selectFrom('sessions').selectAll().execute(), [])
    t.same(events(), ['user_created', 'authn_login_fail'])
  }
})

t.test('goes on with a session, with what is known of its user now', async (t) => {
  const { server } = await start(t)
  const first = (await login(server)).json()
  await server.database.queries.insertInto('user_roles').values({ user_id: first.user.id, role: 'editor' }).execute()
  const second = await server.signIn.withRefreshToken(first.refresh_token, origin)
  t.strictSame(Object.keys(second), Object.keys(first))
  t.strictSame(second.user, { ...first.user, roles: ['editor'] })
  t.strictSame(server.tokens.verify(second.access_token).roles, ['editor'])
})

t.test('goes on for nobody who is disabled or gone', async (t) => {
  for (const change of [(server: FastifyInstance) => plant(server, { disabled_at: 1 }), (server: FastifyInstance) => server.database.queries.deleteFrom('users').execute()]) {
    const { server } = await start(t)
    const { refresh_token: token } = (await login(server)).json()
    await change(server)
    await t.rejects(server.signIn.withRefreshToken(token, origin), { code: 'invalid_refresh_token' })
  }
})

t.test('confirms who shows the password, as they are now', async (t) => {
  const { server, events } = await start(t)
  const { id = '' } = await server.users.findByLogin('alice') ?? {}
  t.match(await server.signIn.confirm(id, alice.password, origin), { id, username: 'alice' })
  await t.rejects(server.signIn.confirm(id, 'not the password', origin), { code: 'invalid_credentials' })
  await t.rejects(server.signIn.confirm('nobody', alice.password, origin), { code: 'invalid_credentials' })
  t.same(events(), ['user_created', 'authn_login_fail', 'authn_login_fail'])
  await plant(server, { password_hash: await hash(alice.password, { type: argon2id, memoryCost: 4096, timeCost: 1, parallelism: 1 }) })
  t.match(await server.signIn.confirm(id, alice.password, origin), { passwordHash: await digestOf(server) }, 'with the digest that was made anew')
})
