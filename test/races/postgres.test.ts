import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { createRevocationRepository } from '../../plugins/revocations/repository.ts'
import { alice, build } from '../support/build.ts'
import { origin } from '../support/calls.ts'
import { startPostgres } from '../support/postgres.ts'

// What one writer at a time gives SQLite has to hold where many write: two apps on one PostgreSQL, as two processes are.

/** `npm run races` asks for 100. */
const rounds = Number(process.env['RACE_ROUNDS'] ?? 5)
const server = await startPostgres(t)

t.setTimeout(900_000)

async function setUp (t: Test, more: Record<string, string> = {}) {
  const environment = { DATABASE_URL: await server.createDatabase(), SECRET_KEY: randomBytes(32).toString('base64url'), DATABASE_TIMEOUT: '20s', ...more }
  const apps = await Promise.all([build(t, { environment }), build(t, { environment })])
  const [here, there] = apps
  const call = async (app: typeof here, method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'PATCH', url: string, token: string | null, payload?: object) => {
    const reply = await app.inject({ method, url, ...token !== null && { headers: { authorization: `Bearer ${token}` } }, ...payload !== undefined && { payload } })
    return { status: reply.statusCode, body: reply.body === '' ? {} : reply.json() }
  }
  const register = (username: string) => call(here, 'POST', '/register', null, { ...alice, username })
  const login = async (app: typeof here, username: string, password = alice.password) => call(app, 'POST', '/login', null, { username, password })
  const refresh = async (app: typeof here, token: string) => call(app, 'POST', '/refresh', null, { refresh_token: token })
  return { apps, here, there, call, register, login, refresh, environment }
}

t.test('what one app does the other knows', async (t) => {
  const { here, there, call, register, login, refresh } = await setUp(t)
  t.equal((await register('alice')).status, 201)
  const signedIn = await login(there, 'ALICE')
  t.match(signedIn, { status: 200, body: { user: { username: 'alice', roles: [] } } })
  t.equal((await call(here, 'GET', '/protected', signedIn.body.access_token)).status, 200)
  const refreshed = await refresh(here, signedIn.body.refresh_token)
  t.match(refreshed, { status: 200 })
  t.equal((await call(there, 'GET', '/me/sessions', refreshed.body.access_token)).body.sessions.length, 1)
  t.equal((await call(here, 'POST', '/logout', refreshed.body.access_token)).status, 204)
  t.equal((await call(here, 'GET', '/protected', refreshed.body.access_token)).status, 401)
  await there.jobs.run('revocations')
  t.equal((await call(there, 'GET', '/protected', refreshed.body.access_token)).status, 401)
  t.match(await refresh(there, refreshed.body.refresh_token), { status: 401 })
})

t.test('five that start at once on an empty database have one set of keys', async (t) => {
  const environment = { DATABASE_URL: await server.createDatabase({ empty: true }), SECRET_KEY: randomBytes(32).toString('base64url') }
  const apps = await Promise.all(Array.from({ length: 5 }, () => build(t, { environment })))
  const sets = await Promise.all(apps.map(async (app) => {
    await app.jobs.run('keys')
    return app.keys.list()
  }))
  t.match(sets[0], [{ state: 'active' }, { state: 'next' }])
  for (const set of sets) t.same(set, sets[0])
  await Promise.all(apps.map((app) => app.keys.rotate({ now: true })))
  await Promise.all(apps.map((app) => app.jobs.run('keys')))
  for (const app of apps) {
    t.same(app.keys.list(), apps[0]?.keys.list())
    t.equal(app.keys.list().filter(({ state }) => state === 'next').length, 1)
  }
})

t.test(`fifty refreshes at two apps have one successor, ${rounds} times`, async (t) => {
  const { apps, here, register, login, refresh } = await setUp(t)
  await register('alice')
  let { refresh_token: token } = (await login(here, 'alice')).body
  for (let round = 0; round < rounds; round++) {
    const replies = await Promise.all(Array.from({ length: 50 }, (_, index) => refresh(apps[index % 2] as typeof here, token)))
    t.same([...new Set(replies.map(({ status }) => status))], [200])
    const successors = new Set(replies.map(({ body }) => body.refresh_token))
    t.equal(successors.size, 1)
    token = [...successors][0]
  }
})

t.test(`a logout beside refreshes leaves nothing alive, ${rounds} times`, async (t) => {
  const { here, there, call, register, login, refresh } = await setUp(t)
  await register('alice')
  for (let round = 0; round < rounds; round++) {
    const { access_token: token, refresh_token: refreshToken } = (await login(here, 'alice')).body
    const scope = round % 2 === 0 ? 'local' : 'global'
    const [ended, refreshed] = await Promise.all([call(here, 'POST', `/logout?scope=${scope}`, token), refresh(there, refreshToken)])
    t.equal(ended.status, 204)
    if (refreshed.status !== 200) continue
    t.equal((await refresh(there, refreshed.body.refresh_token)).status, 401)
    t.equal((await call(here, 'GET', '/protected', refreshed.body.access_token)).status, 401)
  }
})

t.test(`a sign-in with the old password does not outlive the change, ${rounds} times`, async (t) => {
  const { here, there, call, register, login, refresh } = await setUp(t)
  await register('alice')
  let password = alice.password
  for (let round = 0; round < rounds; round++) {
    const changer = (await login(here, 'alice', password)).body
    const next = `the password of round ${round}`
    const [changed, ...logins] = await Promise.all([
      call(here, 'PUT', '/me/password', changer.access_token, { current_password: password, new_password: next }),
      ...Array.from({ length: 4 }, () => login(there, 'alice', password))
    ])
    t.equal(changed?.status, 204)
    for (const { body } of logins.filter(({ status }) => status === 200)) t.equal((await refresh(there, body.refresh_token)).status, 401)
    t.equal((await refresh(here, changer.refresh_token)).status, 200, 'who changed it stays')
    password = next
  }
})

t.test('sign-ins at once make no more sessions than there may be', async (t) => {
  const { apps, here, call, register, login } = await setUp(t, { MAX_SESSIONS: '3' })
  await register('alice')
  const replies = await Promise.all(Array.from({ length: 12 }, (_, index) => login(apps[index % 2] as typeof here, 'alice')))
  t.same([...new Set(replies.map(({ status }) => status))], [200])
  const last = (await login(here, 'alice')).body
  t.equal((await call(here, 'GET', '/me/sessions', last.access_token)).body.sessions.length, 3)
})

t.test(`an address that two take at once is one's, ${rounds} times`, async (t) => {
  const { here, there, call, register, login } = await setUp(t)
  const [one, other] = await Promise.all(['alice', 'bob'].map(async (name) => { await register(name); return (await login(here, name)).body.access_token }))
  for (let round = 0; round < rounds; round++) {
    const body = { email: `shared-${round}@example.org`, password: alice.password }
    const replies = await Promise.all([call(here, 'PATCH', '/me', one, body), call(there, 'PATCH', '/me', other, body)])
    t.same(replies.map(({ status }) => status).sort(), [200, 409])
    t.match(replies.find(({ status }) => status === 409)?.body, { code: 'email_taken' })
  }
})

t.test('of two new secrets at once, the former one of the last is the first', async (t) => {
  const { here, there } = await setUp(t)
  const { client } = await here.clients.create('billing', [])
  const secrets = (await Promise.all([here, there].map((app) => app.clients.rotate(client.id, 60)))).map(({ secret }) => secret)
  const basic = (secret: string) => `Basic ${Buffer.from(`${client.id}:${secret}`).toString('base64')}`
  for (const secret of secrets) t.match(await here.clients.authenticate(basic(secret), origin), { id: client.id })
  t.equal(await here.clients.authenticate(basic('x'), origin), null)
  t.equal(await here.clients.authenticate(`Basic ${Buffer.from(`${client.id}%00:x`).toString('base64')}`, origin), null)
})

t.test('whoever has read the log of revocations up to one has read all before it', async (t) => {
  const { here, there } = await setUp(t)
  const log = createRevocationRepository(there.database.queries)
  let up = 0
  const seen: string[] = []
  const read = async () => {
    for (const { id, subjectId } of await log.after(up, 1000)) {
      up = id
      seen.push(subjectId)
    }
  }
  const { promise: finished, resolve: finish } = Promise.withResolvers<void>()
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
  const slow = here.database.transaction(async (queries) => {
    await here.revocations.add('token', ['slow'], queries)
    begin()
    await finished
  })
  await begun
  const quick = there.database.transaction((queries) => there.revocations.add('token', ['quick'], queries))
  await Promise.race([quick, here.database.ping(1000)])
  await read()
  t.same(seen, [], 'the second waits for the first')
  finish()
  await Promise.all([slow, quick])
  await read()
  t.same(seen, ['slow', 'quick'])

  const writers = Array.from({ length: 200 }, (_, index) => {
    const app = index % 2 === 0 ? here : there
    return app.database.transaction((queries) => app.revocations.add('token', [`${index}`], queries))
  })
  let writing = true
  const all = Promise.all(writers).finally(() => { writing = false })
  while (writing) await read()
  await all
  await read()
  t.equal(new Set(seen).size, 202)
})
