import t, { type Test } from 'tap'
import { alice, aliceSignedIn, type BuildOptions, build } from '../support/build.ts'
import { createClient, type HeaderLine } from '../support/http.ts'
import { listen } from '../support/wire.ts'

const names = ['x-auth-user-id', 'x-auth-username', 'x-auth-session-id', 'x-auth-client-id', 'x-auth-roles', 'x-auth-scopes']
const roleScopes = 'editor=read write;viewer=read'

/** alice holds two roles. */
async function withEditor (t: Test, options: BuildOptions = {}) {
  const server = await build(t, { ...options, environment: { ROLE_SCOPES: roleScopes, ...options.environment } })
  const { user } = await aliceSignedIn(server)
  for (const role of ['editor', 'viewer']) await server.database.queries.insertInto('user_roles').values({ user_id: user.id, role }).execute()
  const { access_token: token } = (await server.inject({ method: 'POST', url: '/login', payload: alice })).json()
  const ask = (url = '/verify', method = 'GET', headers: Record<string, string> = {}) => server.inject({ method: method as 'GET', url, headers: { authorization: `Bearer ${token}`, ...headers } })
  return { server, user, token: token as string, ask }
}

t.test('says in headers who a token speaks for', async (t) => {
  const { user, token, ask } = await withEditor(t)
  const { sid } = JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString())
  const { statusCode, body, headers } = await ask()
  t.equal(statusCode, 200)
  t.equal(body, '')
  t.same(names.map((name) => headers[name]), [user.id, 'alice', sid, 'gatehouse', 'editor viewer', 'read write'])
  t.equal(headers['cache-control'], 'no-store')
})

t.test('says so of a client\'s own token too, with nothing where there is nothing', async (t) => {
  const { server, ask } = await withEditor(t)
  const { client, secret } = await server.clients.create('billing', ['orders:read'])
  const basic = `Basic ${Buffer.from(`${client.id}:${secret}`).toString('base64')}`
  const { access_token: own } = (await server.inject({ method: 'POST', url: '/oauth/token', payload: 'grant_type=client_credentials', headers: { authorization: basic, 'content-type': 'application/x-www-form-urlencoded' } })).json()
  const { statusCode, headers } = await ask('/verify?scope=orders:read', 'GET', { authorization: `Bearer ${own}` })
  t.equal(statusCode, 200)
  t.same(names.map((name) => headers[name]), ['', '', '', client.id, '', 'orders:read'])
  t.equal((await ask('/verify?role=editor', 'GET', { authorization: `Bearer ${own}` })).statusCode, 403)
})

t.test('answers every method, at every path below, whatever the query', async (t) => {
  const { server, ask } = await withEditor(t)
  for (const method of server.supportedMethods) {
    for (const url of ['/verify', '/verify/', '/verify/api/orders/1', '/verify/a%2fb/%2e%2e/;c//d?x=1&x=2&__proto__=y', '/verify?uri=%ff&access_token=x']) {
      const { statusCode, headers } = await ask(url, method)
      t.equal(statusCode, 200, `${method} ${url}`)
      t.equal(headers['x-auth-username'], 'alice')
    }
  }
  t.equal((await ask('/verifying')).statusCode, 404)
  t.equal((await ask('/VERIFY')).statusCode, 404)
})

t.test('asks for each role and each scope that is named', async (t) => {
  const { ask } = await withEditor(t)
  for (const query of ['role=editor', 'role=editor&role=viewer', 'scope=read', 'scope=read&scope=write', 'scope=read%20write', 'scope=read+write', 'role=viewer&scope=write', '']) t.equal((await ask(`/verify?${query}`)).statusCode, 200, query)
  for (const query of ['role=admin', 'role=editor&role=admin', 'scope=delete', 'scope=read&scope=delete', 'scope=read%20delete', 'role=', 'scope=', 'role=Editor', 'role=editor&scope=delete', 'role=editor%00']) {
    const { statusCode, headers, body } = await ask(`/verify/x?${query}`)
    t.equal(statusCode, 403, query)
    t.equal(headers['www-authenticate'], 'Bearer realm="gatehouse", error="insufficient_scope"')
    t.equal(JSON.parse(body).code, 'forbidden')
    t.notOk(names.some((name) => name in headers), 'says nobody\'s name')
  }
})

t.test('answers whatever is wrong with the credentials with 401', async (t) => {
  const { server, token } = await withEditor(t)
  const call = createClient(t, await listen(server))
  const cases: [HeaderLine[], string][] = [
    [[], 'missing_token'], [[['Authorization', 'Basic dTpw']], 'missing_token'], [[['Authorization', 'Bearer x.y.z']], 'invalid_token'],
    [[['Authorization', 'Bearer']], 'invalid_token'], [[['Authorization', 'Bearer a b']], 'invalid_token'], [[['Authorization', `Bearer ${token}`], ['Authorization', `Bearer ${token}`]], 'invalid_token']
  ]
  for (const [headers, code] of cases) {
    const reply = await call({ path: '/verify/x', headers })
    t.equal(reply.status, 401, JSON.stringify(headers).slice(0, 40))
    t.equal(JSON.parse(reply.body).code, code)
  }
})

t.test('reads no body, of whatever size and type, and leaves the connection in order', async (t) => {
  const { server, token } = await withEditor(t)
  const call = createClient(t, await listen(server))
  for (const type of ['application/json', 'multipart/form-data; boundary=x', 'nonsense']) {
    const reply = await call({ method: 'POST', path: '/verify', headers: [['Authorization', `Bearer ${token}`], ['Content-Type', type]], body: 'x'.repeat(1_048_576) })
    t.equal(reply.status, 200, type)
  }
})

t.test('takes no rate limit, and no identity from a header', async (t) => {
  const { ask } = await withEditor(t, { environment: { LOGIN_LIMIT: '1/1h', REFRESH_LIMIT: '1/1h' } })
  for (let asked = 0; asked < 50; asked++) await ask('/verify', 'GET', { authorization: 'Bearer x.y.z' })
  const { headers } = await ask('/verify', 'GET', { 'x-auth-user-id': 'root', x_auth_username: 'root', 'x-auth-roles': 'admin' })
  t.equal(headers['x-auth-username'], 'alice')
  t.equal((await ask('/verify?role=admin', 'GET', { 'x-auth-roles': 'admin' })).statusCode, 403)
})

t.test('tells the log alone what a gateway was asked for', async (t) => {
  const log: Array<Record<string, unknown>> = []
  const { ask } = await withEditor(t, { log })
  await ask('/verify', 'GET', { 'x-forwarded-method': 'DELETE', 'x-forwarded-host': 'api.example.org', 'x-forwarded-uri': '/orders/1?token=secret#x' })
  await ask('/verify', 'GET', { 'x-original-method': 'PUT', 'x-original-host': 'b', 'x-original-url': `https://b/${'y'.repeat(300)}` })
  await ask()
  t.strictSame(log.filter(({ msg }) => msg === 'verified').map(({ original }) => original), [
    { method: 'DELETE', host: 'api.example.org', path: '/orders/1' }, { method: 'PUT', host: 'b', path: `/${'y'.repeat(246)}` }, { method: null, host: null, path: null }
  ])
})

t.test('takes a preflight for a request like any other', async (t) => {
  const { ask } = await withEditor(t, { environment: { CORS_ORIGINS: 'https://app.example.org' } })
  const preflight = { origin: 'https://app.example.org', 'access-control-request-method': 'POST' }
  const { statusCode, headers } = await ask('/verify/x', 'OPTIONS', preflight)
  t.equal(statusCode, 200)
  t.notOk('access-control-allow-origin' in headers)
  t.equal((await ask('/verify', 'OPTIONS', { ...preflight, authorization: '' })).statusCode, 401)
})
