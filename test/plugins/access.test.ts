import { createPrivateKey } from 'node:crypto'
import t from 'tap'
import { aliceSignedIn, build } from '../support/build.ts'
import { clientToken, registerClient } from '../support/calls.ts'
import { segment, signSegments } from '../support/forge.ts'
import { createClient, type HeaderLine } from '../support/http.ts'
import { listen } from '../support/wire.ts'

const log: Array<Record<string, unknown>> = []
const seen: string[] = []
const server = await build(t, {
  log,
  environment: { ROLE_SCOPES: 'viewer=read' },
  extend: (app) => {
    app.get('/whoami', { config: { access: 'user' } }, (request) => request.identity)
    app.get('/by', { config: { access: 'user' } }, (request) => ({ actor: request.by.actor, ip: request.by.origin.ip }))
    app.get('/anyone', { config: { access: 'public' } }, (request) => request.identity)
    app.get('/which', { config: { access: 'client' } }, (request) => request.client)
    app.get('/nobody', { config: { access: 'user' } }, (request) => request.client)
    app.get('/editors', { config: { access: { role: 'editor' } } }, () => ({ ok: true }))
    app.get('/readers', { config: { access: { scope: 'read' } } }, () => ({ ok: true }))
    app.get('/own', { config: { access: 'user' }, onRequest: async () => { seen.push('ran') } }, () => ({ ok: true }))
  }
})
const { access_token: token, user } = await aliceSignedIn(server)

t.test('lets in who shows a token, in every legal spelling of the header', async (t) => {
  for (const authorization of [`Bearer ${token}`, `bearer ${token}`, `BEARER ${token}`, `Bearer   ${token}`]) {
    const reply = await server.inject({ url: '/protected', headers: { authorization } })
    t.equal(reply.statusCode, 200, authorization.slice(0, 10))
  }
})

t.test('hands the verified caller to the route', async (t) => {
  const { sid, jti, exp, iat } = JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString())
  const reply = await server.inject({ url: '/whoami', headers: { authorization: `Bearer ${token}` } })
  t.same(reply.json(), { userId: user.id, username: 'alice', sessionId: sid, clientId: 'gatehouse', tokenId: jti, roles: [], scopes: [], expiresAt: exp, issuedAt: iat })
  t.same((await server.inject({ url: '/by', headers: { authorization: `Bearer ${token}` } })).json(), { actor: user.id, ip: '127.0.0.1' }, 'and to the audit')
})

t.test('answers no credentials with a challenge that names no error', async (t) => {
  for (const authorization of [undefined, '', 'Basic dTpw', 'Digest x', 'DPoP abc', 'Bearers abc', 'Bearer_ abc', 'xBearer abc', 'abc.def.ghi']) {
    const reply = await server.inject({ url: '/protected', headers: authorization === undefined ? {} : { authorization } })
    t.equal(reply.statusCode, 401, String(authorization))
    t.equal(reply.headers['www-authenticate'], 'Bearer realm="gatehouse"')
    t.equal(reply.json().code, 'missing_token')
  }
})

t.test('answers a bad token alike for every cause, and tells the log which', async (t) => {
  const [header, payload, signature = ''] = token.split('.')
  const bad = ['x', 'a.b.c', `${header}.${payload}.`, `${header}.${payload}.${signature.slice(0, -2)}AA`, `${token}=`]
  const replies = await Promise.all(bad.map((text) => server.inject({ url: '/protected', headers: { authorization: `Bearer ${text}` } })))
  for (const reply of replies) {
    t.equal(reply.statusCode, 401)
    t.equal(reply.headers['www-authenticate'], 'Bearer realm="gatehouse", error="invalid_token"')
    t.equal(reply.body, replies[0]?.body)
  }
  t.same(log.filter(({ code }) => code === 'invalid_token').length, bad.length)
  t.ok(log.some(({ code, cause }) => code === 'invalid_token' && cause === 'signature'))
})

t.test('answers a malformed header with invalid_request', async (t) => {
  for (const authorization of ['Bearer', 'Bearer ', 'Bearer   ', 'Bearer\ta.b.c', 'Bearer a.b.c d', 'Bearer a.b.c, Bearer a.b.c', 'Bearer "a"', 'Bearer a=b', 'Bearer é']) {
    const reply = await server.inject({ url: '/protected', headers: { authorization } })
    t.equal(reply.statusCode, 400, authorization)
    t.equal(reply.headers['www-authenticate'], 'Bearer realm="gatehouse", error="invalid_request"')
    t.same(reply.json(), { statusCode: 400, code: 'invalid_request', error: 'Bad Request', message: 'The Authorization header is malformed' })
  }
})

t.test('refuses several Authorization lines, whatever they say', async (t) => {
  const call = createClient(t, await listen(server))
  const visit = (...headers: HeaderLine[]) => call({ path: '/protected', headers })
  const good = `Bearer ${token}`
  t.equal((await visit(['Authorization', good], ['Authorisation', 'Bearer x'], ['proxy-authorization', good])).status, 200, 'one line is one')
  for (const [first, second] of [[good, 'Bearer x'], ['Bearer x', good], [good, good], ['Basic dTpw', good], [good, 'Basic dTpw'], ['', good], [`bearer ${token}`, good], [`Bearer  ${token}`, 'Bearer x']] as const) {
    const { status, body } = await visit(['Authorization', first], ['AUTHORIZATION', second])
    t.equal(status, 400, `${first.slice(0, 8)} and ${second.slice(0, 8)}`)
    t.equal(JSON.parse(body).code, 'invalid_request')
  }
  const { basic } = await registerClient(server, [], 'twice')
  const statuses = [[basic], [basic, basic], [basic, good], ['', basic]].map(async (lines) => (await call({ path: '/which', headers: lines.map((line): HeaderLine => ['Authorization', line]) })).status)
  t.same(await Promise.all(statuses), [200, 400, 400, 400], 'of a client too')
})

t.test('asks for the role of a user, or for a scope whoever holds it', async (t) => {
  const as = (roles: string[]) => server.tokens.issue({
    user: { id: user.id, username: 'alice', roles },
    session: { id: '019aaf3e-7c1c-7c3e-9a53-0d2f6c1b2a3f', clientId: 'gatehouse', expiresAt: Number.POSITIVE_INFINITY }
  }).token
  const client = (scopes: string[]) => server.tokens.issueToClient('billing', scopes).token
  const tried = [[as(['editor']), 200, 403], [as(['viewer']), 403, 200], [as(['editor', 'viewer']), 200, 200], [as([]), 403, 403], [as(['Editor', 'editors']), 403, 403], [client(['read']), 403, 200], [client(['editor', 'reading']), 403, 403]] as const
  for (const [who, [bearer, editors, readers]] of tried.entries()) {
    for (const [url, status] of [['/editors', editors], ['/readers', readers]] as const) {
      const reply = await server.inject({ url, headers: { authorization: `Bearer ${bearer}` } })
      t.equal(reply.statusCode, status, `${who} at ${url}`)
      if (status === 403) t.equal(reply.headers['www-authenticate'], 'Bearer realm="gatehouse", error="insufficient_scope"')
    }
  }
})

t.test('counts for the audit who asked for what they have no right to, wherever that is found', async (t) => {
  const server = await build(t, {
    extend: (app) => {
      app.get('/closed', { config: { access: 'public', errors: ['forbidden'] } }, () => { throw app.errors.create('forbidden') })
      app.get('/away', { config: { access: 'user' } }, () => { throw app.errors.create('unavailable') })
    }
  })
  const { access_token: token, user } = await aliceSignedIn(server)
  const [client, other] = [await registerClient(server), await registerClient(server, [], 'other')]
  const own = await clientToken(server, client)
  const ask = async (url: string, token: string) => (await server.inject({ url, headers: { authorization: `Bearer ${token}` } })).statusCode
  for (const _ of Array(3)) t.equal(await ask('/admin/keys', token), 403)
  for (const url of ['/verify?role=admin', '/verify/below?scope=read']) t.equal(await ask(url, token), 403)
  for (const who of [own, await clientToken(server, other)]) t.equal(await ask('/me', who), 403)
  t.strictSame([await ask('/verify', token), await ask('/admin/keys', 'no.token.atall'), (await server.inject('/admin/keys')).statusCode, await ask('/closed', token), await ask('/away', token)], [200, 401, 401, 403, 503], 'these are none')
  const { events } = await server.audit.list({ event: 'authz_fail', limit: 50 })
  const told = events.map(({ user_id: userId, actor, ip, detail }) => ({ userId, actor, ip, ...detail }))
  t.strictSame(told.toReversed(), [
    { userId: user.id, actor: user.id, ip: '127.0.0.1', operation: 'listKeys', count: 3 },
    { userId: user.id, actor: user.id, ip: '127.0.0.1', operation: 'verify', count: 2 },
    { userId: null, actor: client.id, ip: '127.0.0.1', operation: 'me', count: 1 },
    { userId: null, actor: other.id, ip: '127.0.0.1', operation: 'me', count: 1 }
  ])
})

t.test('asks nothing of a public route, and has no caller to give there', async (t) => {
  const reply = await server.inject({ url: '/anyone', headers: { authorization: 'Bearer nonsense' } })
  t.equal(reply.statusCode, 500)
  t.match(log.find(({ level }) => level === 50), { err: { message: 'the caller was read on a route that is not for a user' } })
})

t.test('hands the calling client to a route for clients, and to no other', async (t) => {
  const { client, secret } = await server.clients.create('billing', ['a'])
  const authorization = `Basic ${Buffer.from(`${client.id}:${secret}`).toString('base64')}`
  t.same((await server.inject({ url: '/which', headers: { authorization } })).json(), client)
  for (const other of [undefined, `Bearer ${token}`, `${authorization}x`]) t.not((await server.inject({ url: '/which', headers: other === undefined ? {} : { authorization: other } })).statusCode, 200, String(other))
  t.equal((await server.inject({ url: '/nobody', headers: { authorization: `Bearer ${token}` } })).statusCode, 500)
  t.match(log.findLast(({ level }) => level === 50), { err: { message: 'the caller was read on a route that is not for a client' } })
})

t.test('guards a route before the hooks of its own', async (t) => {
  t.equal((await server.inject('/own')).statusCode, 401)
  t.same(seen, [])
  t.equal((await server.inject({ url: '/own', headers: { authorization: `Bearer ${token}` } })).statusCode, 200)
  t.same(seen, ['ran'])
})

t.test('lets no client in for itself where a route is about a user', async (t) => {
  const { kid, alg, privatePem } = server.keys.active()
  const claims = JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString())
  const { sid, preferred_username: username, ...own } = { ...claims, sub: 'billing', client_id: 'billing' }
  const forged = signSegments(segment({ alg, kid, typ: 'at+jwt' }), segment(own), { alg, privateKey: createPrivateKey(privatePem) })
  const reply = await server.inject({ url: '/protected', headers: { authorization: `Bearer ${forged}` } })
  t.equal(reply.statusCode, 403)
  t.equal(reply.headers['www-authenticate'], 'Bearer realm="gatehouse", error="insufficient_scope"')
  t.equal(reply.json().code, 'forbidden')
})

t.test('waits for news of the keys where there may be some, and asks once more', async (t) => {
  const { verify, news } = server.tokens
  t.teardown(() => Object.assign(server.tokens, { verify, news }))
  const visit = (text: string) => server.inject({ url: '/protected', headers: { authorization: `Bearer ${text}` } })
  let known = false
  Object.assign(server.tokens, {
    verify: (text: string) => known ? verify(text) : verify('not yet'),
    news: async () => { known = true }
  })
  t.equal((await visit(token)).statusCode, 200, 'a key that has come')
  t.equal((await visit(`${token}x`)).json().code, 'invalid_token', 'a token that no key can mend')
})

t.test('does not start with a route that does not say who may call it', async (t) => {
  await t.rejects(build(t, { extend: (app) => app.get('/open', () => 'x') }), { message: 'GET /open does not say who may call it' })
})
