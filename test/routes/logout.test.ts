import { once } from 'node:events'
import t from 'tap'
import { build, withAlice } from '../support/build.ts'
import { call, clientToken, refresh, registerClient, signIn, worth } from '../support/calls.ts'
import { dial, listen } from '../support/wire.ts'

t.test('ends this session by default, or the others, or all, with 204 and no body', async (t) => {
  for (const [query, expected] of [['', [401, 200]], ['?scope=local', [401, 200]], ['?scope=others', [200, 401]], ['?scope=global', [401, 401]]] as const) {
    const server = await build(t)
    await withAlice(server)
    const [here, there] = [await signIn(server), await signIn(server)]
    const reply = await call(server, `POST /logout${query}`, here.access_token)
    t.equal(reply.statusCode, 204, query)
    t.equal(reply.body, '')
    t.equal(reply.headers['content-type'], undefined)
    t.strictSame(await Promise.all([here, there].map((pair) => worth(server, pair))), expected, query)
    t.strictSame((await Promise.all([here, there].map((pair) => refresh(server, pair.refresh_token)))).map(({ statusCode }) => statusCode), expected, query)
  }
})

t.test('refuses scopes that it does not know', async (t) => {
  const server = await build(t)
  await withAlice(server)
  const pair = await signIn(server)
  for (const query of ['?scope=', '?scope=all', '?scope=LOCAL', '?scope=local&scope=global', '?scope[]=local', '?scope=global&x=1']) {
    const reply = await call(server, `POST /logout${query}`, pair.access_token)
    t.equal(reply.statusCode, 400, query)
    t.equal(reply.json().code, 'invalid_request')
  }
  t.equal(await worth(server, pair), 200)
})

t.test('takes a call without a body, whatever type it says that has', async (t) => {
  const server = await build(t)
  await withAlice(server)
  for (const headers of [{}, { 'content-type': 'application/json' }, { 'content-type': 'application/json', 'content-length': '0' }]) {
    const { access_token: token } = await signIn(server)
    const reply = await server.inject({ method: 'POST', url: '/logout', headers: { authorization: `Bearer ${token}`, ...headers } })
    t.equal(reply.statusCode, 204, JSON.stringify(headers))
  }
})

t.test('takes an empty body in chunks', async (t) => {
  const server = await build(t)
  await withAlice(server)
  const { access_token: token } = await signIn(server)
  const { socket, received } = await dial(t, await listen(server))
  socket.write(`POST /logout HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`)
  await once(socket, 'close')
  t.match(received(), /^HTTP\/1.1 204 /)
})

t.test('wants an access token of a user\'s session', async (t) => {
  const server = await build(t)
  await withAlice(server)
  const pair = await signIn(server)
  t.equal((await server.inject({ method: 'POST', url: '/logout' })).json().code, 'missing_token')
  t.equal((await call(server, 'POST /logout', pair.refresh_token)).json().code, 'invalid_token', 'a refresh token is none')
  await call(server, 'POST /logout', pair.access_token)
  const again = await call(server, 'POST /logout', pair.access_token)
  t.equal(again.statusCode, 401)
  t.match(again.json(), { code: 'invalid_token' })
  t.equal(again.headers['www-authenticate'], 'Bearer realm="gatehouse", error="invalid_token"')
  const own = await call(server, 'POST /logout', await clientToken(server, await registerClient(server)))
  t.equal(own.statusCode, 403)
  t.equal(own.json().code, 'forbidden')
  t.equal((await server.inject({ method: 'GET', url: '/logout' })).statusCode, 405)
})
