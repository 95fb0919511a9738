import t, { type Test } from 'tap'
import { alice, aliceSignedIn, build, withAlice } from '../support/build.ts'
import { call, claimsOf, clientToken, createClock, origin, type Pair, refresh, refreshed, registerClient, sidOf, signIn, start, worth } from '../support/calls.ts'

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const wrong = { statusCode: 401, code: 'invalid_credentials', error: 'Unauthorized', message: 'Invalid username or password' }
const another = 'another good password'

async function setUp (t: Test, environment: Record<string, string> = {}) {
  const clock = createClock()
  const server = await build(t, { now: clock.now, environment })
  await withAlice(server)
  const [here, there] = [await signIn(server), await signIn(server)]
  const send = (what: string, payload?: object, pair: Pair = here) => call(server, what, pair.access_token, payload)
  return { clock, server, here, there, send }
}

t.test('shows the account that the token is for', async (t) => {
  const server = await build(t)
  const { access_token: token, user } = await aliceSignedIn(server)
  const reply = await server.inject({ url: '/me', headers: { authorization: `Bearer ${token}` } })
  t.equal(reply.statusCode, 200)
  t.same(reply.json(), user)
  t.equal(reply.headers['cache-control'], 'no-store')
})

t.test('shows none without a token, and none that is gone', async (t) => {
  const server = await build(t)
  const { access_token: token } = await aliceSignedIn(server)
  t.equal((await server.inject('/me')).json().code, 'missing_token')
  await server.database.queries.deleteFrom('users').execute()
  const reply = await server.inject({ url: '/me', headers: { authorization: `Bearer ${token}` } })
  t.equal(reply.statusCode, 401)
  t.equal(reply.json().code, 'invalid_token')
})

t.test('answers a client\'s own token 403 at every route about a user', async (t) => {
  const server = await build(t)
  const token = await clientToken(server, await registerClient(server, ['a']))
  for (const what of ['GET /me', 'PATCH /me', 'DELETE /me', 'PUT /me/password', 'GET /me/sessions', 'DELETE /me/sessions/x', 'POST /logout', 'GET /protected']) {
    const reply = await call(server, what, token)
    t.equal(reply.statusCode, 403, what)
    t.equal(reply.json().code, 'forbidden')
    t.equal(reply.headers['www-authenticate'], 'Bearer realm="gatehouse", error="insufficient_scope"')
  }
})

t.test('sets the address with the password: kept as given, one user\'s in any case, good for sign-in, never in a token', async (t) => {
  const { server, here, send } = await setUp(t)
  const reply = await send('PATCH /me', { email: 'Alice@Example.org', password: alice.password })
  t.equal(reply.statusCode, 200)
  t.same(reply.json(), { ...here.user, email: 'Alice@Example.org' })
  t.same((await send('GET /me')).json(), reply.json())
  const signedIn = await signIn(server, { username: 'ALICE@example.ORG', password: alice.password })
  t.notMatch(Buffer.from(signedIn.access_token.split('.')[1] as string, 'base64url').toString(), /example\.org/i)
  t.notOk('email' in claimsOf(signedIn.access_token))
  await server.accounts.register({ username: 'bob', password: alice.password, email: 'bob@example.org' }, origin)
  const taken = await send('PATCH /me', { email: 'BOB@example.org', password: alice.password })
  t.same(taken.json(), { statusCode: 409, code: 'email_taken', error: 'Conflict', message: 'This e-mail address is taken' })
  t.equal((await server.inject({ method: 'POST', url: '/register', payload: { username: 'carol', password: alice.password, email: 'alice@example.org' } })).json().code, 'email_taken')
  t.equal((await send('PATCH /me', { email: null, password: alice.password })).json().email, null)
  t.equal((await server.inject({ method: 'POST', url: '/login', payload: { username: 'alice@example.org', password: alice.password } })).statusCode, 401)
})

t.test('changes nothing for a wrong password', async (t) => {
  const { server, there, send } = await setUp(t)
  for (const [what, payload] of [['PATCH /me', { email: 'a@example.org', password: another }], ['DELETE /me', { password: another }], ['PUT /me/password', { current_password: another, new_password: another }], ['DELETE /me', { password: '' }]] as const) {
    const reply = await send(what, payload)
    t.equal(reply.statusCode, 401, what)
    t.same(reply.json(), wrong)
    t.equal(reply.headers['www-authenticate'], undefined)
  }
  t.match((await send('GET /me')).json(), { email: null })
  t.equal(await worth(server, there), 200)
  await t.resolves(signIn(server))
})

t.test('takes what the schemas say and nothing else', async (t) => {
  const { send } = await setUp(t)
  const { password } = alice
  for (const [what, payload] of [
    ['PATCH /me', undefined], ['PATCH /me', {}], ['PATCH /me', { password }], ['PATCH /me', { email: 'a@example.org' }], ['PATCH /me', { email: 'no address', password }], ['PATCH /me', { email: 'a@example.org', password, roles: ['admin'] }],
    ['DELETE /me', undefined], ['DELETE /me', {}], ['DELETE /me', { password: null }], ['DELETE /me', { password: 'x'.repeat(129) }],
    ['PUT /me/password', undefined], ['PUT /me/password', { current_password: password }], ['PUT /me/password', { current_password: password, new_password: 'x'.repeat(129) }], ['PUT /me/password', { current_password: password, new_password: 'a\ud800b good password' }], ['PUT /me/password', { current_password: password, new_password: 'a\0b good password' }]
  ] as const) {
    const reply = await send(what, payload)
    t.equal(reply.statusCode, 400, `${what} ${JSON.stringify(payload)?.slice(0, 60)}`)
    t.equal(reply.json().code, 'invalid_request')
  }
})

t.test('sets another password with 204; every other session ends at once', async (t) => {
  const { server, here, there, send } = await setUp(t)
  const reply = await send('PUT /me/password', { current_password: alice.password, new_password: another })
  t.equal(reply.statusCode, 204)
  t.equal(reply.body, '')
  t.strictSame([await worth(server, here), await worth(server, there)], [200, 401])
  t.equal((await refresh(server, there.refresh_token)).statusCode, 401)
  await t.resolves(refreshed(server, here.refresh_token))
  await t.rejects(signIn(server))
  await t.resolves(signIn(server, { ...alice, password: another }))
})

t.test('sets no weak password, and then ends nothing', async (t) => {
  const { server, there, send } = await setUp(t)
  for (const password of ['', 'short', 'password', 'alice123']) {
    const reply = await send('PUT /me/password', { current_password: alice.password, new_password: password })
    t.equal(reply.statusCode, 400, password)
    t.equal(reply.json().code, 'weak_password')
  }
  t.equal(await worth(server, there), 200)
})

t.test('deletes the account with 204, and with it all of its tokens', async (t) => {
  const { server, here, there, send } = await setUp(t)
  const reply = await send('DELETE /me', { password: alice.password })
  t.equal(reply.statusCode, 204)
  t.equal(reply.body, '')
  for (const pair of [here, there]) {
    t.equal((await call(server, 'GET /me', pair.access_token)).json().code, 'invalid_token')
    t.equal((await refresh(server, pair.refresh_token)).json().code, 'invalid_refresh_token')
  }
  await t.rejects(signIn(server))
  await withAlice(server)
  t.not((await signIn(server)).user.id, here.user.id)
})

t.test('lists the sessions, the one used last first', async (t) => {
  const { clock, server, here, there, send } = await setUp(t)
  clock.turn(10)
  const used = await refreshed(server, there.refresh_token)
  const reply = await send('GET /me/sessions')
  t.equal(reply.statusCode, 200)
  t.equal(reply.headers['cache-control'], 'no-store')
  const { sessions } = reply.json()
  t.strictSame(Object.keys(reply.json()), ['sessions'])
  for (const session of sessions) {
    t.strictSame(Object.keys(session), ['id', 'current', 'created_at', 'last_used_at', 'expires_at', 'ip', 'user_agent'])
    t.match(session, { id: uuid, created_at: time, last_used_at: time, expires_at: time, ip: '127.0.0.1' })
  }
  t.match(sessions, [
    { id: sidOf(there), current: false, created_at: new Date(start).toISOString(), last_used_at: new Date(start + 10_000).toISOString(), user_agent: /^lightMyRequest/ },
    { id: sidOf(here), current: true, user_agent: 'tap' }
  ])
  t.notMatch(reply.body, /gr1_|eyJ/, 'with nothing of a token')
  t.strictSame((await send('GET /me/sessions', undefined, used)).json().sessions.map(({ current }: { current: boolean }) => current), [true, false])
})

t.test('ends one session with 204, and finds no other\'s', async (t) => {
  const { server, here, there, send } = await setUp(t)
  const bob = { ...alice, username: 'bob' }
  await server.inject({ method: 'POST', url: '/register', payload: bob })
  const his = await signIn(server, bob)
  for (const id of [sidOf(his), 'nothing', '019aaf3e-7c1c-7c3e-9a53-0d2f6c1b2a3d', '%00']) {
    const reply = await send(`DELETE /me/sessions/${id}`)
    t.equal(reply.statusCode, 404, id)
    t.equal(reply.json().code, 'not_found')
  }
  const reply = await send(`DELETE /me/sessions/${sidOf(there)}`)
  t.equal(reply.statusCode, 204)
  t.equal(reply.body, '')
  t.strictSame(await Promise.all([here, there, his].map((pair) => worth(server, pair))), [200, 401, 200])
  t.equal((await send(`DELETE /me/sessions/${sidOf(there)}`)).statusCode, 404, 'once')
  t.equal((await send(`DELETE /me/sessions/${sidOf(here)}`)).statusCode, 204, 'its own too')
  t.equal(await worth(server, here), 401)
})

t.test('has at most MAX_SESSIONS', async (t) => {
  const { clock, server, there, send } = await setUp(t, { MAX_SESSIONS: '2' })
  clock.turn(1)
  t.equal((await send('GET /me/sessions')).json().sessions.length, 2)
  await send('GET /me')
  await refreshed(server, there.refresh_token)
  await signIn(server)
  t.equal((await send('GET /me/sessions')).statusCode, 401, 'use is a refresh: calls with an access token count for nothing')
  t.equal(await worth(server, there), 200)
})
