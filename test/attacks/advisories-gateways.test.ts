import { createServer, request, type Server } from 'node:http'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { takesLessThan } from '../support/attacker.ts'
import { exchange, type HeaderLine, headerOf } from '../support/http.ts'
import { shapeOf, startTarget } from '../support/target.ts'

// What gateways got wrong when they asked an authentication service, or got wrong with its answer, tried at /verify and at what guards
// the service itself. docs/attacks.md says of each advisory whose it is.

const gateway = '127.0.0.2'
const target = await startTarget(t, { environment: { TRUST_PROXY: gateway } })
const { service, call } = target
const good: HeaderLine = ['authorization', `Bearer ${target.alice.access_token}`]
const identity = ['x-auth-user-id', 'x-auth-username', 'x-auth-session-id', 'x-auth-client-id', 'x-auth-roles', 'x-auth-scopes']
const verify = (path: string, headers: HeaderLine[] = [], method = 'GET') => call({ path, method, headers, from: gateway })

/** Asserts that nothing but the token decides: with these headers a good token is taken for its user, and no token is none. */
async function decideNothing (t: Test, headers: HeaderLine[]): Promise<void> {
  for (const from of [gateway, '127.0.0.1']) {
    const ask = (more: HeaderLine[]) => call({ path: '/verify/orders/1', headers: [...headers, ...more], from })
    const what = `${headers[0]?.join(': ')} from ${from}`
    target.isRefusal(t, await ask([]), 'missing_token', what)
    t.equal(shapeOf(await ask([good])), shapeOf(await call({ path: '/verify/orders/1', headers: [good], from })), what)
  }
}

t.test('CVE-2026-40575 CVE-2026-76835 lets nobody pass for the address that a header names', async (t) => {
  for (const path of ['/health/live', '/.well-known/jwks.json', '/login', '/documentation']) await decideNothing(t, [['x-forwarded-uri', path], ['x-original-uri', path], ['x-original-url', path], ['x-rewrite-url', path]])
})

t.test('CVE-2026-94197 takes prefix, address and method of a request from nobody', async (t) => {
  await decideNothing(t, [['x-forwarded-prefix', '/public'], ['x-forwarded-uri', '/public'], ['x-original-uri', '/public'], ['x-forwarded-method', 'OPTIONS'], ['x-original-method', 'OPTIONS'], ['x-http-method-override', 'OPTIONS']])
})

t.test('CVE-2025-64484 CVE-2026-39858 CVE-2026-54763 believes an identity under no spelling of its header', async (t) => {
  const spellings = ['X_Auth_User_Id', 'X-Auth_User-Id', 'x_auth_user_id', 'X-AUTH-USER-ID', 'X.Auth.User.Id', 'X_Forwarded_User', 'X_Forwarded_Proto', 'HTTP_X_AUTH_USER_ID']
  await decideNothing(t, spellings.map((name): HeaderLine => [name, 'admin']))
})

t.test('CVE-2026-30851 CVE-2026-124679 answers every identity header each time, so that none of a client\'s is left standing', async (t) => {
  const { status, headers } = await verify('/verify', [good, ...identity.map((name): HeaderLine => [name, 'admin'])])
  t.equal(status, 200)
  for (const name of identity) t.equal(headers.filter(([key]) => key === name).length, 1, name)
  t.same([headerOf(headers, 'x-auth-username'), headerOf(headers, 'x-auth-roles'), headerOf(headers, 'x-auth-scopes')], ['alice', '', ''])
})

t.test('CVE-2025-48865 keeps its answer when a client calls its headers hop-by-hop', async (t) => {
  const plain = await verify('/verify', [good])
  for (const names of ['X-Auth-User-Id, X-Auth-Roles', 'Authorization', 'close, Authorization, X-Forwarded-For']) {
    const { status, headers } = await verify('/verify', [['connection', names], good])
    t.equal(status, 200, names)
    t.same(identity.map((name) => headerOf(headers, name)), identity.map((name) => headerOf(plain.headers, name)), names)
  }
  t.equal((await verify('/verify', [['connection', 'Authorization']])).status, 401)
})

t.test('CVE-2026-31908 CVE-2026-9658 writes no line into an answer that a request brought', async (t) => {
  for (const path of ['/verify/%0d%0aX-Auth-Roles:%20admin', '/verify?role=%0d%0aX-Auth-Roles:%20admin', '/%0d%0aX-Injected:%20yes', '/.well-known/keys/%0d%0aX-Injected:%20yes']) {
    const { headers } = await verify(path, [good, ['x-request-id', 'a b']])
    t.equal(headerOf(headers, 'x-injected'), undefined, path)
    t.ok(['', undefined].includes(headerOf(headers, 'x-auth-roles')), path)
  }
  const named = await call({ path: '/register', method: 'POST', headers: [['content-type', 'application/json']], body: JSON.stringify({ username: 'a\r\nx-auth-roles: admin', password: 'correct horse battery staple' }) })
  t.equal(named.status, 400, 'nor by a name')
})

t.test('CVE-2026-33494 lets no path climb out of /verify, nor into it', async (t) => {
  for (const path of ['/verify/../protected', '/verify/../health/live', '/verify/..%2f..%2fhealth/live', '/verify/%2e%2e/health/live', '/verify/;/../health/live']) {
    const answer = await exchange(service.port, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    t.equal(answer.status, 401, path)
  }
  for (const path of ['/health/../protected', '/health/live/../../me', '/documentation/../me', '/./me', '/health/live%2f..%2f..%2fme']) {
    const answer = await exchange(service.port, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer x\r\n\r\n`)
    t.ok([401, 404].includes(answer.status), `${path} ${answer.status}`)
    t.notMatch(answer.body, /"username"/)
  }
})

t.test('CVE-2026-73553 CVE-2026-73511 knows no parameters in a path', async (t) => {
  for (const path of ['/protected;x=y', '/me;jsessionid=1', '/;/me', '/me;/', '/health;/live', '/login;a']) {
    const { status, body } = await call({ path, headers: [good] })
    t.equal(status, 404, path)
    t.equal(JSON.parse(body).code, 'not_found', path)
  }
})

t.test('CVE-2025-46821 asks for a token whatever characters a path holds', async (t) => {
  for (const path of ['/verify/*', '/verify/**', '/verify/a*b', '/verify/{x}', '/verify/|', '/verify/%2A', '/verify/~', '/verify/%00']) target.isRefusal(t, await verify(path), 'missing_token', path)
  for (const path of ['/verify/%ff', '/verify/%', '/verify/a%2', '/verify/%c3/orders?role=admin']) target.isRefusal(t, await verify(path, [good]), 'invalid_token', `${path}, which no server could decode`)
})

t.test('CVE-2026-73547 outlives a request for authorisation without a path', async (t) => {
  for (const line of ['CONNECT example.com:443 HTTP/1.1', 'OPTIONS * HTTP/1.1', 'GET * HTTP/1.1', 'GET ? HTTP/1.1', 'GET  HTTP/1.1']) {
    const { status } = await exchange(service.port, `${line}\r\nHost: x\r\nConnection: close\r\n\r\n`)
    t.ok(status >= 400 && status < 500, `${line} ${status}`)
  }
  t.equal((await verify('/verify', [good])).status, 200)
})

t.test('CVE-2026-68548 guards a path in one case alone', async (t) => {
  for (const path of ['/PROTECTED', '/Me', '/mE/sessions', '/Verify', '/OAUTH/token', '/.Well-Known/jwks.json', '/ADMIN/users']) t.equal((await call({ path, headers: [good] })).status, 404, path)
})

t.test('CVE-2025-71399 takes two slashes for no path of its own, at guards and limits alike', async (t) => {
  for (const path of ['//login', '///login', '/login//', '//me', '/me//sessions', '/oauth//token', '//verify']) {
    for (const method of ['GET', 'POST']) {
      const { status } = await call({ path, method, headers: [good, ['content-type', 'application/json']], body: method === 'POST' ? '{}' : '' })
      t.equal(status, 404, `${method} ${path}`)
    }
  }
})

t.test('CVE-2025-71401 CVE-2026-135175 takes its own address from configuration, whoever asks first', async (t) => {
  const fresh = await startTarget(t)
  const first = await fresh.call({ path: '/.well-known/openid-configuration', headers: [['host', 'evil.example/base'], ['x-forwarded-host', 'evil.example'], ['x-zitadel-public-host', 'evil.example'], ['x-forwarded-prefix', '/evil']] })
  t.equal(JSON.parse(first.body).issuer, 'https://auth.test')
  t.equal((await fresh.present(fresh.alice.access_token)).status, 200, 'its routes are where they were')
})

t.test('CVE-2026-3635 takes neither scheme nor host from a stranger', async (t) => {
  const plain = await call({ path: '/.well-known/openid-configuration' })
  for (const headers of [[['x-forwarded-proto', 'http'], ['x-forwarded-host', 'evil.example']], [['forwarded', 'for=1.2.3.4;host=evil.example;proto=http']]] as HeaderLine[][]) {
    t.equal(shapeOf(await call({ path: '/.well-known/openid-configuration', headers })), shapeOf(plain))
  }
})

t.test('CVE-2026-6414 CVE-2026-15074 serves no file whose path is spelt otherwise', async (t) => {
  const paths = [
    '/documentation%2Fjson', '/documentation/static%2Fswagger-ui.css', '/documentation/static%5Cswagger-ui.css', '/documentation/static/swagger-ui%2Ecss', '/documentation/static/x%2F..%2Fswagger-ui.css',
    '/documentation/static/..%2F..%2F..%2Fpackage.json', '/documentation/static/..%5C..%5Cpackage.json', '/documentation/static/%2e%2e%2fpackage.json', '/documentation/static/....//package.json', '/documentation/static/%252e%252e%252fpackage.json'
  ]
  for (const path of paths) t.equal((await call({ path })).status, 404, path)
  t.equal((await call({ path: '/documentation/static/swagger-ui.css' })).status, 200)
})

t.test('CVE-2026-45822 spends little on an address of escapes that nothing decodes', async (t) => {
  const escapes = '%ab'.repeat(3000)
  target.isRefusal(t, await call({ path: `/verify/${escapes}`, headers: [good] }), 'invalid_token', 'in the path')
  for (const query of ['x=%ab&'.repeat(1500), `x=${escapes}`, `${escapes}=x`]) t.equal((await call({ path: `/protected?${query}`, headers: [good] })).status, 200, query.slice(0, 8))
  for (const path of [`/verify/${escapes}`, `/protected?x=${escapes}`, `/protected?${'x=%ab&'.repeat(1500)}`]) t.ok(await takesLessThan(20, () => call({ path, headers: [good] })), path.slice(0, 16))
})

t.test('GHSA-w8gr-xwp4-r9f7 CVE-2026-29067 sends nobody elsewhere', async (t) => {
  for (const path of ['/login?callbackURL=https://evil.example', '/login?redirect_uri=//evil.example', '/logout?next=https://evil.example', '/verify?rd=https://evil.example', '//evil.example/%2f..', '/\\evil.example']) {
    for (const method of ['GET', 'POST']) {
      const answer = await call({ path, method })
      t.equal(headerOf(answer.headers, 'location'), undefined, `${method} ${path}`)
      t.notOk(answer.status >= 300 && answer.status < 400, `${method} ${path}`)
    }
  }
})

/** A gateway in small, as nginx's auth_request and Caddy's forward_auth work: asks, and passes on what the answer's headers say. */
async function startGateway (t: Test, copies: readonly string[]): Promise<{ port: number, seen: Array<Record<string, unknown>> }> {
  const seen: Array<Record<string, unknown>> = []
  const server: Server = createServer((incoming, response) => {
    const asking = request({ host: '127.0.0.1', port: service.port, path: `/verify${incoming.url}`, method: incoming.method, headers: incoming.headers, localAddress: gateway }, (answer) => {
      if (answer.statusCode === 200) seen.push({ ...incoming.headers, ...Object.fromEntries(copies.map((name) => [name, answer.headers[name]])) })
      response.writeHead(answer.statusCode ?? 502).end()
      answer.resume()
    })
    asking.on('error', () => response.writeHead(502).end()).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return { port: (server.address() as { port: number }).port, seen }
}

t.test('GO-2026-5346 behind a gateway that copies each header, an application sees the token\'s user and nobody else', async (t) => {
  const { port, seen } = await startGateway(t, identity)
  const through = async (headers: Record<string, string>, method = 'GET') => {
    const answer = await new Promise<number>((resolve) => {
      const outgoing = request({ host: '127.0.0.1', port, path: '/orders', method, headers }, (incoming) => { void text(incoming).then(() => resolve(incoming.statusCode as number)) })
      outgoing.end()
    })
    return answer
  }
  t.equal(await through({ 'x-auth-user-id': 'admin', 'x-auth-roles': 'admin' }), 401)
  t.equal(await through({ authorization: good[1], 'x-auth-user-id': 'admin', 'x-auth-roles': 'admin', 'x-auth-username': 'root' }), 200)
  t.equal(seen.length, 1)
  t.match(seen[0], { 'x-auth-username': 'alice', 'x-auth-user-id': target.alice.user.id, 'x-auth-roles': '' })
})

t.test('is unharmed', (t) => target.isUnharmed(t))
