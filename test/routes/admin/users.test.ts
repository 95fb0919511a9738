import t, { type Test } from 'tap'
import { administrator, person, root } from '../../support/administrator.ts'
import { alice, build } from '../../support/build.ts'
import { call, claimsOf, createClock, refresh, refreshed, signIn, worth } from '../../support/calls.ts'

const nobody = ['019aaf3e-7c1c-7c3e-9a53-0d2f6c1b2a3d', 'alice', '%00', '%27', 'x'.repeat(90)]

async function setUp (t: Test, environment: Record<string, string> = {}) {
  const clock = createClock()
  const server = await build(t, { now: clock.now, environment })
  const { access_token: token, user } = await administrator(server)
  const ask = (what: string, payload?: object) => call(server, what, token, payload)
  return { server, clock, token, user, ask }
}

t.test('shows a user as administrators see one', async (t) => {
  const { server, clock, ask } = await setUp(t)
  const { id } = await person(server, { ...alice, email: 'Alice@example.org' })
  const shown = { id, username: 'alice', email: 'Alice@example.org', roles: [], created_at: '2026-03-01T12:00:00.000Z', disabled: false, last_login_at: null }
  const reply = await ask(`GET /admin/users/${id}`)
  t.equal(reply.statusCode, 200)
  t.equal(reply.headers['cache-control'], 'no-store')
  t.strictSame(reply.json(), shown)
  clock.turn(90)
  await signIn(server)
  t.strictSame((await ask(`GET /admin/users/${id}`)).json(), { ...shown, last_login_at: '2026-03-01T12:01:30.000Z' })
})

t.test('lists users by prefix, role and state, page by page', async (t) => {
  const { server, ask } = await setUp(t)
  for (const username of ['dave', 'carol', 'alice', 'bob']) await person(server, { username, email: `${username === 'bob' ? 'al' : username}@example.org` })
  const names = async (query: string) => {
    const reply = await ask(`GET /admin/users${query}`)
    return reply.statusCode === 200 ? reply.json().users.map(({ username }: { username: string }) => username) : reply.json().code
  }
  t.strictSame(await names(''), ['alice', 'bob', 'carol', 'dave', 'root'])
  t.strictSame(await names('?q=AL'), ['bob', 'alice'])
  t.strictSame(await names('?q=al%25'), [])
  t.strictSame(await names('?role=admin'), ['root'])
  t.strictSame(await names('?disabled=true'), [])
  t.strictSame(await names('?disabled=false&q=c'), ['carol'])
  const first = (await ask('GET /admin/users?limit=3')).json()
  t.equal(first.users.length, 3)
  await ask(`DELETE /admin/users/${first.users[2].id}`)
  await person(server, { username: 'bonnie' })
  const second = (await ask(`GET /admin/users?limit=3&cursor=${first.next_cursor}`)).json()
  t.strictSame(second.users.map(({ username }: { username: string }) => username), ['dave', 'root'])
  t.equal(second.next_cursor, null)
  for (const query of ['?limit=0', '?limit=201', '?limit=x', '?limit=1.5', '?disabled=maybe', '?cursor=', '?cursor=%21', '?cursor=YWxpY2U%3D', '?unknown=1', '?q=%00', `?q=${'x'.repeat(255)}`, '?q=a&q=b', '?role=%0A']) {
    t.equal(await names(query), 'invalid_request', query)
  }
  t.equal((await ask('GET /admin/users?limit=200')).statusCode, 200)
})

t.test('makes accounts, also where registration is closed, with roles', async (t) => {
  const server = await build(t, { environment: { REGISTRATION: 'closed', ROLE_SCOPES: 'editor=write read' } })
  const { id } = await server.administration.createUser({ ...root, roles: ['admin'] }, { actor: 'test', origin: { ip: '', network: '', userAgent: null, requestId: 'r', signal: new AbortController().signal } })
  t.ok(id)
  const { access_token: token } = await signIn(server, root)
  const make = (payload: object) => call(server, 'POST /admin/users', token, payload)
  const made = await make({ username: 'Bob', password: alice.password, email: null, roles: ['editor', 'a', 'editor'] })
  t.equal(made.statusCode, 201)
  t.match(made.json(), { username: 'bob', email: null, roles: ['a', 'editor'], disabled: false, last_login_at: null })
  t.strictSame(Object.keys(made.json()).sort(), ['created_at', 'disabled', 'email', 'id', 'last_login_at', 'roles', 'username'])
  const bob = await signIn(server, { username: 'bob', password: alice.password })
  t.match(claimsOf(bob.access_token), { roles: ['a', 'editor'], scope: 'read write' })
  for (const [payload, status, code] of [
    [{ username: 'bob', password: alice.password }, 409, 'username_taken'], [{ username: 'eve', password: 'password' }, 400, 'weak_password'], [{ username: 'eve' }, 400, 'invalid_request'],
    [{ username: 'eve', password: alice.password, disabled: true }, 400, 'invalid_request'], [{ username: 'eve', password: alice.password, id: 'x' }, 400, 'invalid_request'],
    [{ username: 'eve', password: alice.password, roles: ['two words'] }, 400, 'invalid_request'], [{ username: 'eve', password: alice.password, roles: 'admin' }, 400, 'invalid_request']
  ] as const) t.match({ status: (await make(payload)).statusCode, body: (await make(payload)).json() }, { status, body: { code } }, JSON.stringify(payload))
  await make({ username: 'eve', password: alice.password, email: 'eve@example.org' })
  t.match((await make({ username: 'mallory', password: alice.password, email: 'EVE@example.org' })).json(), { code: 'email_taken' })
})

t.test('changes what is given and leaves the rest', async (t) => {
  const { server, ask } = await setUp(t)
  const { id } = await person(server, { ...alice, email: 'alice@example.org' })
  const unchanged = (await ask(`GET /admin/users/${id}`)).json()
  t.strictSame((await ask(`PATCH /admin/users/${id}`)).json(), unchanged, 'without a body')
  t.strictSame((await ask(`PATCH /admin/users/${id}`, {})).json(), unchanged)
  t.strictSame((await ask(`PATCH /admin/users/${id}`, { roles: ['editor'] })).json(), { ...unchanged, roles: ['editor'] })
  t.strictSame((await ask(`PATCH /admin/users/${id}`, { email: null })).json(), { ...unchanged, roles: ['editor'], email: null })
  t.strictSame((await ask(`PATCH /admin/users/${id}`, { roles: [], disabled: true, email: 'a@example.org' })).json(), { ...unchanged, email: 'a@example.org', disabled: true })
  t.match((await ask(`PATCH /admin/users/${id}`, { disabled: false })).json(), { disabled: false })
  for (const body of [{ username: 'x' }, { roles: null }, { disabled: null }, { disabled: 'true' }, { password: null }, { id }, { roles: Array(17).fill('x') }, { roles: [''] }, { email: 'nobody' }, { created_at: 'x' }]) {
    t.match((await ask(`PATCH /admin/users/${id}`, body)).json(), { statusCode: 400, code: 'invalid_request' }, JSON.stringify(body))
  }
  t.match((await ask(`PATCH /admin/users/${id}`, { password: 'alice123' })).json(), { statusCode: 400, code: 'weak_password' })
})

t.test('ends every session with a new password, with being disabled, and when asked to', async (t) => {
  const { server, ask } = await setUp(t)
  const { id } = await person(server)
  let password = alice.password
  const ends = async (what: string, payload?: object) => {
    const pair = await signIn(server, { ...alice, password })
    t.equal(await worth(server, pair), 200)
    t.match((await ask(what, payload)).statusCode, /20[04]/)
    t.strictSame([await worth(server, pair), (await refresh(server, pair.refresh_token)).statusCode], [401, 401], JSON.stringify(payload))
  }
  await ends(`PATCH /admin/users/${id}`, { password: 'another good password' })
  password = 'another good password'
  await ends(`DELETE /admin/users/${id}/sessions`)
  await ends(`PATCH /admin/users/${id}`, { disabled: true })
  const refused = await server.inject({ method: 'POST', url: '/login', payload: { username: 'alice', password } })
  t.equal(refused.statusCode, 401)
  await ask(`PATCH /admin/users/${id}`, { disabled: false })
  await ends(`DELETE /admin/users/${id}`)
  for (const what of ['GET', 'DELETE', 'PATCH']) t.match((await ask(`${what} /admin/users/${id}`)).json(), { statusCode: 404, code: 'not_found' }, what)
})

t.test('lists the sessions of a user', async (t) => {
  const { server, user, ask } = await setUp(t)
  const { id } = await person(server)
  await signIn(server, alice, 'phone')
  const { sessions } = (await ask(`GET /admin/users/${id}/sessions`)).json()
  t.match(sessions, [{ current: false, user_agent: 'phone' }])
  t.strictSame(Object.keys(sessions[0]).sort(), ['created_at', 'current', 'expires_at', 'id', 'ip', 'last_used_at', 'user_agent'])
  t.match((await ask(`GET /admin/users/${user.id}/sessions`)).json(), { sessions: [{ current: true }] })
})

t.test('a role that is taken ends the access tokens that name it, and no session', async (t) => {
  const { server, ask } = await setUp(t, { ROLE_SCOPES: 'editor=write' })
  const { id } = await person(server)
  const before = await signIn(server)
  await ask(`PATCH /admin/users/${id}`, { roles: ['editor', 'viewer'] })
  t.equal(await worth(server, before), 200, 'what was given takes nothing away')
  const both = await refreshed(server, before.refresh_token)
  t.match(claimsOf(both.access_token), { roles: ['editor', 'viewer'], scope: 'write' })
  await ask(`PATCH /admin/users/${id}`, { roles: ['viewer'] })
  t.strictSame([await worth(server, before), await worth(server, both)], [200, 401])
  const one = await refreshed(server, both.refresh_token)
  t.match(claimsOf(one.access_token), { roles: ['viewer'], scope: '' })
  t.equal(await worth(server, one), 200)
  await ask(`PATCH /admin/users/${id}`, { roles: ['viewer', 'editor'] })
  t.equal(await worth(server, await refreshed(server, one.refresh_token)), 200, 'given back')
})

t.test('keeps the last enabled administrator', async (t) => {
  const { server, user, ask } = await setUp(t)
  const lost = { statusCode: 409, code: 'last_admin' }
  const self = `/admin/users/${user.id}`
  for (const body of [{ roles: [] }, { roles: ['editor'] }, { disabled: true }, { disabled: true, roles: ['admin'] }]) t.match((await ask(`PATCH ${self}`, body)).json(), lost, JSON.stringify(body))
  t.match((await ask(`DELETE ${self}`)).json(), lost)
  t.match((await ask('DELETE /me', { password: root.password })).json(), lost)
  const { id } = await person(server)
  await ask(`PATCH /admin/users/${id}`, { roles: ['admin'], disabled: true })
  t.match((await ask(`PATCH ${self}`, { roles: [] })).json(), lost, 'one who is disabled does not count')
  t.equal((await ask(`PATCH ${self}`, { roles: ['admin', 'editor'] })).statusCode, 200)
  await ask(`PATCH /admin/users/${id}`, { disabled: false })
  t.equal((await ask('DELETE /me', { password: root.password })).statusCode, 204)
})

t.test('knows nobody by an id that is none', async (t) => {
  const { ask } = await setUp(t)
  for (const id of nobody) {
    for (const what of ['GET', 'PATCH', 'DELETE']) t.match((await ask(`${what} /admin/users/${id}`)).json(), { statusCode: 404, code: 'not_found' }, `${what} ${id}`)
    for (const what of ['GET', 'DELETE']) t.match((await ask(`${what} /admin/users/${id}/sessions`)).json(), { statusCode: 404, code: 'not_found' }, `${what} ${id}`)
  }
})
