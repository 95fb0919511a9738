import t, { type Test } from 'tap'
import { administrator, person, root } from '../support/administrator.ts'
import { alice, build } from '../support/build.ts'
import { call, clientToken, refreshed, registerClient, signIn, worth } from '../support/calls.ts'

const known = '019aaf3e-7c1c-7c3e-9a53-0d2f6c1b2a3d'
const calls: ReadonlyArray<readonly [string, object?]> = [
  ['GET /admin/users'], ['POST /admin/users', { username: 'eve', password: alice.password, roles: ['admin'] }], [`GET /admin/users/${known}`], [`PATCH /admin/users/${known}`, { roles: ['admin'] }], [`DELETE /admin/users/${known}`],
  [`GET /admin/users/${known}/sessions`], [`DELETE /admin/users/${known}/sessions`], ['POST /admin/clients', { name: 'mine' }], ['GET /admin/clients'], [`POST /admin/clients/${known}/secret`], [`DELETE /admin/clients/${known}`],
  ['GET /admin/keys'], ['POST /admin/keys/rotate', { now: true }], [`POST /admin/keys/${known}/revoke`]
]

async function setUp (t: Test) {
  const server = await build(t)
  const admin = await administrator(server)
  const { id } = await person(server)
  return { server, admin, id, ask: (what: string, payload?: object) => call(server, what, admin.access_token, payload) }
}

t.test('nobody but an administrator passes, whatever is asked for', async (t) => {
  const { server } = await setUp(t)
  const { access_token: user } = await signIn(server)
  const client = await clientToken(server, await registerClient(server, ['admin', 'role:admin']))
  const covered = new Set(calls.map(([what]) => what.replaceAll(known, ':id').replace('keys/:id', 'keys/:kid')))
  t.same(server.routeTable.entries.filter(({ url, operation }) => url.startsWith('/admin/') && !url.startsWith('/admin/audit') && operation !== '-').map(({ method, url }) => `${method} ${url}`).filter((route) => !covered.has(route)), [], 'every route is tried')
  for (const [what, payload] of calls) {
    for (const token of [user, client]) {
      const reply = await call(server, what, token, payload)
      t.match(reply, { statusCode: 403, headers: { 'www-authenticate': /error="insufficient_scope"/ } }, what)
      t.equal(reply.json().code, 'forbidden')
    }
    const [method, url] = what.split(' ') as ['GET', string]
    t.match((await server.inject({ method, url, ...payload === undefined ? {} : { payload } })).json(), { statusCode: 401, code: 'missing_token' }, what)
  }
  t.equal((await server.administration.listUsers({ limit: 50 })).users.length, 2)
})

t.test('no spelling goes around the guard', async (t) => {
  const { server } = await setUp(t)
  const { access_token: token } = await signIn(server)
  for (const url of ['/admin//users', '/ADMIN/users', '/admin/users/', '/%61dmin/users', '/admin/users/..%2fusers', '/admin/./users', '/admin;x/users', '/admin%2fusers', '/admin/users%00']) {
    const { statusCode } = await server.inject({ url, headers: { authorization: `Bearer ${token}`, 'x-original-url': '/admin/users', 'x-http-method-override': 'GET' } })
    t.ok([400, 403, 404].includes(statusCode), `${url}: ${statusCode}`)
  }
})

t.test('nobody gives themselves a role', async (t) => {
  const { server, id } = await setUp(t)
  const { access_token: token } = await signIn(server)
  for (const more of [{ roles: ['admin'] }, { role: 'admin' }, { disabled: false }, { is_admin: true }]) {
    t.match((await server.inject({ method: 'POST', url: '/register', payload: { username: 'eve', password: alice.password, ...more } })).json(), { statusCode: 400, code: 'invalid_request' })
    t.match((await call(server, 'PATCH /me', token, { email: 'a@example.org', password: alice.password, ...more })).json(), { statusCode: 400, code: 'invalid_request' })
    t.match((await call(server, 'PUT /me/password', token, { current_password: alice.password, new_password: 'another good password', ...more })).json(), { statusCode: 400 })
  }
  t.match(await server.administration.findUser(id), { roles: [], email: null })
})

t.test('an administrator who is none any more is one nowhere, with old tokens and new ones', async (t) => {
  const { server, id, ask } = await setUp(t)
  for (const [taking, giving] of [[{ roles: [] }, { roles: ['admin'] }], [{ disabled: true }, { disabled: false }], [{ password: alice.password }, {}]]) {
    await ask(`PATCH /admin/users/${id}`, { roles: ['admin'] })
    const pair = await signIn(server)
    t.equal((await call(server, 'GET /admin/users', pair.access_token)).statusCode, 200)
    await ask(`PATCH /admin/users/${id}`, taking)
    for (const [what, payload] of calls) t.equal((await call(server, what, pair.access_token, payload)).statusCode, 401, what)
    t.match((await call(server, `PATCH /admin/users/${id}`, pair.access_token, { roles: ['admin'] })).statusCode, 401)
    if ('roles' in (taking as object)) t.equal((await call(server, 'GET /admin/users', (await refreshed(server, pair.refresh_token)).access_token)).statusCode, 403)
    await ask(`PATCH /admin/users/${id}`, giving)
  }
})

t.test('a disabled account is answered as a wrong password is, to the byte', async (t) => {
  const { server, id, ask } = await setUp(t)
  const login = async (payload: object) => {
    const { statusCode, headers, body } = await server.inject({ method: 'POST', url: '/login', payload })
    return { statusCode, headers: { ...headers, date: '', 'x-request-id': '' }, body }
  }
  const wrong = await login({ ...alice, password: 'not the password at all' })
  await ask(`PATCH /admin/users/${id}`, { disabled: true })
  t.strictSame(await login(alice), wrong)
  t.strictSame(await login({ ...alice, username: 'nobody' }), wrong)
})

t.test('the interface tells no digest and no secret, not even to an administrator', async (t) => {
  const { id, ask } = await setUp(t)
  const { client_id: clientId, client_secret: secret } = (await ask('POST /admin/clients', { name: 'billing' })).json()
  const replies = await Promise.all([
    ask('GET /admin/users'), ask(`GET /admin/users/${id}`), ask(`PATCH /admin/users/${id}`, { password: 'another good password' }), ask(`GET /admin/users/${id}/sessions`), ask('GET /admin/clients'), ask('GET /admin/keys'),
    ask('POST /admin/users', { username: 'bob', password: alice.password })
  ])
  for (const { body, statusCode } of replies) {
    t.ok(statusCode < 300)
    for (const hidden of ['argon2', 'password', 'digest', 'secret', 'private', secret, alice.password, 'gr1_']) t.notOk(body.includes(hidden), hidden)
  }
  t.notOk((await ask(`POST /admin/clients/${clientId}/secret`)).body.includes(secret))
})

t.test('ids and filters are values, not words of SQL', async (t) => {
  const { server, id, ask } = await setUp(t)
  for (const text of ['\' or 1=1 --', '%', '_', '*', 'x\' union select password_hash from users --', '"; drop table users', '$1', '\\']) {
    const url = encodeURIComponent(text)
    t.same((await ask(`GET /admin/users?q=${url}`)).json(), { users: [], next_cursor: null }, text)
    t.same((await ask(`GET /admin/users?role=${url}`)).json(), { users: [], next_cursor: null }, text)
    t.equal((await ask(`DELETE /admin/users/${url}`)).statusCode, 404, text)
    t.same((await ask(`GET /admin/users?cursor=${Buffer.from(`${text}\u{10ffff}`).toString('base64url')}&q=alice`)).json().users.map((user: { id: string }) => user.id).filter((found: string) => found !== id), [], text)
  }
  t.equal(await worth(server, await signIn(server, root)), 200)
})
