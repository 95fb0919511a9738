import { createPrivateKey } from 'node:crypto'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { text as textOf } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { alice, build, withAlice } from '../support/build.ts'
import { basic, call, claimsOf, clientToken, createClock, post, refresh, refreshed, registerClient, sidOf, signIn, worth } from '../support/calls.ts'
import { segment, signSegments } from '../support/forge.ts'

const issuer = 'https://auth.test'
const failures = {
  invalid_request: 'The request is malformed, lacks a parameter or repeats one',
  invalid_client: 'The client could not be authenticated: send its id and secret by HTTP Basic',
  invalid_grant: 'The refresh token is invalid or has expired',
  unauthorized_client: 'That token was issued to another client',
  unsupported_grant_type: 'Only client_credentials and refresh_token are granted here',
  invalid_scope: 'A scope was asked for that is not held'
}

async function setUp (t: Test, environment: Record<string, string> = {}) {
  const clock = createClock()
  const server = await build(t, { now: clock.now, environment })
  await withAlice(server)
  const client = await registerClient(server, ['orders:read', 'orders:write'])
  const send = (path: 'token' | 'introspect' | 'revoke', form: Record<string, string> | string, authorization: string | undefined = client.basic) => post(server, `/oauth/${path}`, authorization, form)
  const refused = (reply: Awaited<ReturnType<typeof send>>, error: keyof typeof failures, what: string, status = 400) => {
    t.equal(reply.statusCode, status, what)
    t.strictSame(reply.json(), { error, error_description: failures[error] }, what)
    t.match(reply.headers, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' })
  }
  return { clock, server, client, send, refused }
}

const uris = ['/oauth/token', '/oauth/introspect', '/oauth/revoke'] as const

t.test('authenticates clients by HTTP Basic alone, and asks for it otherwise', async (t) => {
  const { server, client, refused } = await setUp(t)
  const inBody = { client_id: client.id, client_secret: client.secret }
  for (const url of uris) {
    for (const authorization of [undefined, '', basic(client.id, 'wrong'), basic('nobody', client.secret), `Bearer ${client.secret}`, 'Basic', basic(client.id, '')]) {
      const reply = await post(server, url, authorization, { ...inBody, grant_type: 'client_credentials', token: 'x' })
      refused(reply, 'invalid_client', `${url} ${authorization}`, 401)
      t.equal(reply.headers['www-authenticate'], 'Basic realm="gatehouse", charset="UTF-8"')
    }
  }
})

t.test('gives a client a token of its own', async (t) => {
  const { server, client, send } = await setUp(t, { ACCESS_TOKEN_TTL: '5m' })
  const reply = await send('token', { grant_type: 'client_credentials' })
  t.equal(reply.statusCode, 200)
  t.match(reply.headers, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' })
  const { access_token: token, ...rest } = reply.json()
  t.strictSame(rest, { token_type: 'Bearer', expires_in: 300, scope: 'orders:read orders:write' })
  const { jti, iat, exp, ...claims } = claimsOf(token)
  t.strictSame(claims, { iss: issuer, aud: 'api', sub: client.id, client_id: client.id, scope: 'orders:read orders:write', roles: [] } as object)
  t.equal(exp - iat, 300)
  t.type(jti, 'string')
  t.equal((await call(server, 'GET /protected', token)).statusCode, 403)
})

t.test('gives the scopes that are asked for, and none that is not held', async (t) => {
  const { send, refused, server } = await setUp(t)
  for (const [scope, given] of [['orders:write', 'orders:write'], ['orders:write orders:read', 'orders:write orders:read'], ['orders:read orders:read', 'orders:read'], ['', 'orders:read orders:write']] as const) {
    const reply = await send('token', { grant_type: 'client_credentials', scope })
    t.equal(reply.json().scope, given, scope)
    t.equal(claimsOf(reply.json().access_token).scope, given)
  }
  for (const scope of ['orders', 'admin', 'orders:read admin', ' orders:read', 'orders:read  orders:write', 'ORDERS:READ']) refused(await send('token', { grant_type: 'client_credentials', scope }), 'invalid_scope', scope)
  const bare = await registerClient(server)
  t.equal((await send('token', { grant_type: 'client_credentials' }, bare.basic)).json().scope, '')
})

t.test('grants nothing else', async (t) => {
  const { send, refused } = await setUp(t)
  for (const type of ['password', 'authorization_code', 'implicit', 'urn:ietf:params:oauth:grant-type:device_code', 'CLIENT_CREDENTIALS', ' client_credentials']) {
    refused(await send('token', { grant_type: type, ...alice }), 'unsupported_grant_type', type)
  }
  refused(await send('token', {}), 'invalid_request', 'no grant type')
  refused(await send('token', { grant_type: '' }), 'invalid_request', 'no value')
  refused(await send('token', { grant_type: 'refresh_token' }), 'invalid_request', 'no refresh token')
  refused(await send('token', { grant_type: 'refresh_token', refresh_token: '' }), 'invalid_request', 'an empty refresh token')
  t.equal((await send('token', 'grant_type=client_credentials&refresh_token=&unknown=1')).statusCode, 200, 'what is empty or unknown is not there')
})

t.test('reads forms alone, each parameter once', async (t) => {
  const { server, client, send, refused } = await setUp(t)
  for (const text of ['grant_type=client_credentials&grant_type=client_credentials', 'grant_type=client_credentials&scope=a&scope=', 'grant_type=client_credentials&x=1&x=2', 'grant_type=%ff']) refused(await send('token', text), 'invalid_request', text)
  for (const path of ['introspect', 'revoke'] as const) for (const text of ['token=a&token=b', '', 'token=', 'hint=a', `token=${'x'.repeat(8193)}`]) refused(await send(path, text), 'invalid_request', `${path} ${text.slice(0, 20)}`)
  for (const url of uris) {
    const json = await server.inject({ method: 'POST', url, headers: { authorization: client.basic }, payload: { grant_type: 'client_credentials', token: 'x' } })
    refused(json, 'invalid_request', `${url} JSON`, 415)
    const bare = await server.inject({ method: 'POST', url, headers: { authorization: client.basic } })
    refused(bare, 'invalid_request', `${url} no body`)
    const charset = await server.inject({ method: 'POST', url, headers: { authorization: client.basic, 'content-type': 'application/x-www-form-urlencoded; charset=UTF-8' }, payload: 'grant_type=client_credentials&token=x' })
    t.equal(charset.statusCode, 200, url)
    const long = await send(url.slice(7) as 'token', `token=x&grant_type=client_credentials&y=${'x'.repeat(16_384)}`)
    refused(long, 'invalid_request', `${url} long`, 413)
    t.equal((await server.inject({ method: 'GET', url })).statusCode, 405)
  }
  t.equal((await server.inject({ method: 'POST', url: '/login', headers: { 'content-type': 'application/x-www-form-urlencoded' }, payload: 'username=alice' })).statusCode, 415, 'and no other route does')
})

t.test('speaks RFC 6749 also where nothing is, and not by that method', async (t) => {
  const { server } = await setUp(t)
  for (const [method, url, status, description] of [
    ['GET', '/oauth', 404, 'There is nothing here'], ['POST', '/oauth/', 404, 'There is nothing here'], ['GET', '/oauth/authorize?x=1', 404, 'There is nothing here'],
    ['POST', '/oauth/%74oken', 404, 'There is nothing here'], ['GET', '/oauth/token', 405, 'This resource does not know that method']
  ] as const) {
    const reply = await server.inject({ method, url })
    t.equal(reply.statusCode, status, url)
    t.strictSame(reply.json(), { error: 'invalid_request', error_description: description }, url)
    t.match(reply.headers, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' })
    t.equal(reply.headers['www-authenticate'], undefined)
  }
  t.equal((await server.inject({ method: 'GET', url: '/oauths' })).json().code, 'not_found', 'and nowhere else')
})

t.test('refuses several Authorization lines', async (t) => {
  const { server, client } = await setUp(t)
  const { port } = new URL(await server.listen({ port: 0, host: '127.0.0.1' }))
  const reply = await rawPost(Number(port), '/oauth/token', ['authorization', client.basic, 'Authorization', client.basic], 'grant_type=client_credentials')
  t.equal(reply.status, 400)
  t.strictSame(JSON.parse(reply.body), { error: 'invalid_request', error_description: failures.invalid_request })
  t.equal(reply.challenge, undefined, 'the challenge for bearers is none for clients')
})

t.test('refreshes a session of /login for any client, which stays what it was', async (t) => {
  const { server, send, refused } = await setUp(t)
  const first = await signIn(server)
  const reply = await send('token', { grant_type: 'refresh_token', refresh_token: first.refresh_token })
  t.equal(reply.statusCode, 200)
  const { access_token: token, refresh_token: next, ...rest } = reply.json()
  t.strictSame(rest, { token_type: 'Bearer', expires_in: 600, scope: '' })
  t.match(claimsOf(token), { sub: first.user.id, sid: sidOf(first), client_id: 'gatehouse' })
  t.equal(await worth(server, { access_token: token }), 200)
  t.equal((await refreshed(server, first.refresh_token)).refresh_token, next, 'one rule for both ways')
  refused(await send('token', { grant_type: 'refresh_token', refresh_token: next, scope: 'orders:read' }), 'invalid_scope', 'a scope')
  t.equal((await refresh(server, next)).statusCode, 200, 'which used nothing up')
  for (const text of ['x', token, first.refresh_token]) refused(await send('token', { grant_type: 'refresh_token', refresh_token: text }), 'invalid_grant', text.slice(0, 10))
  t.equal(await worth(server, { access_token: token }), 401, 'a used one returned: the session ended')
})

t.test('says which scopes a session gives, as its access tokens do', async (t) => {
  const { server, send, refused } = await setUp(t, { ROLE_SCOPES: 'editor=orders:write orders:read;viewer=stock:read' })
  await server.users.setRoles((await signIn(server)).user.id, ['editor', 'viewer'])
  const { refresh_token: token } = await signIn(server)
  t.equal((await send('introspect', { token })).json().scope, 'orders:read orders:write stock:read')
  const reply = (await send('token', { grant_type: 'refresh_token', refresh_token: token })).json()
  t.equal(reply.scope, 'orders:read orders:write stock:read')
  t.equal(claimsOf(reply.access_token).scope, reply.scope)
  const asked = (scope: string, text = reply.refresh_token) => send('token', { grant_type: 'refresh_token', refresh_token: text, scope })
  for (const scope of ['orders:read', `${reply.scope} admin`, ' ']) refused(await asked(scope), 'invalid_scope', 'no others, and no fewer')
  t.equal((await asked('stock:read orders:write orders:read')).json().scope, reply.scope, 'the same in any order')
  for (const text of ['x', `gr1_${'A'.repeat(70)}`]) refused(await asked('orders:read', text), 'invalid_grant', text)
})

t.test('says of a user\'s access token what it is worth', async (t) => {
  const { server, send } = await setUp(t)
  const pair = await signIn(server)
  const { jti, iat, exp } = claimsOf(pair.access_token)
  for (const hint of [{}, { token_type_hint: 'access_token' }, { token_type_hint: 'refresh_token' }, { token_type_hint: 'nonsense' }] as Array<Record<string, string>>) {
    const reply = await send('introspect', { token: pair.access_token, ...hint })
    t.equal(reply.statusCode, 200)
    t.match(reply.headers, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' })
    t.same(reply.json(), { active: true, scope: '', client_id: 'gatehouse', username: 'alice', token_type: 'Bearer', exp, iat, sub: pair.user.id, aud: 'api', iss: issuer, jti, sid: sidOf(pair), roles: [] })
  }
})

t.test('says of a client\'s own token what it is worth, to any client', async (t) => {
  const { server, client, send } = await setUp(t)
  const other = await registerClient(server)
  const token = await clientToken(server, client)
  const { jti, iat, exp } = claimsOf(token)
  t.same((await send('introspect', { token }, other.basic)).json(), { active: true, scope: 'orders:read orders:write', client_id: client.id, token_type: 'Bearer', exp, iat, sub: client.id, aud: 'api', iss: issuer, jti, roles: [] })
})

t.test('says of a refresh token what it is worth, and uses nothing up', async (t) => {
  const { clock, server, send } = await setUp(t, { REFRESH_GRACE: '30s' })
  const first = await signIn(server)
  const introspect = async (token: string) => (await send('introspect', { token })).json()
  const { time } = clock
  t.same(await introspect(first.refresh_token), { active: true, scope: '', client_id: 'gatehouse', username: 'alice', token_type: 'refresh_token', exp: time / 1000 + 604_800, iat: time / 1000, sub: first.user.id, sid: sidOf(first) })
  const second = await refreshed(server, first.refresh_token)
  t.match(await introspect(first.refresh_token), { active: true }, 'it still gets its successor')
  clock.turn(31)
  t.strictSame(await introspect(first.refresh_token), { active: false })
  t.match(await introspect(second.refresh_token), { active: true }, 'asking ends nothing')
  clock.turn(604_800)
  t.strictSame(await introspect(second.refresh_token), { active: false })
})

t.test('says of every other token that it is not active, and nothing else', async (t) => {
  const { clock, server, client, send } = await setUp(t)
  const [ended, disabled] = [await signIn(server), await signIn(server)]
  const own = await clientToken(server, client)
  const revoked = await clientToken(server, client)
  await send('revoke', { token: revoked })
  await call(server, 'POST /logout', ended.access_token)
  const { kid, alg, privatePem } = server.keys.active()
  const foreign = signSegments(segment({ alg, kid, typ: 'at+jwt' }), segment({ ...claimsOf(own), iss: 'https://other.test' }), { alg, privateKey: createPrivateKey(privatePem) })
  const inactive = async (token: string, what: string) => {
    const reply = await send('introspect', { token })
    t.equal(reply.statusCode, 200, what)
    t.equal(reply.body, '{"active":false}', what)
  }
  for (const [token, what] of [['x', 'nonsense'], ['a.b.c', 'no JWT'], [`${own}x`, 'changed'], [foreign, 'another issuer\'s'], [ended.access_token, 'logged out'], [ended.refresh_token, 'logged out'], [revoked, 'revoked'], [`gr1_${'A'.repeat(70)}`, 'forged'], ['\0', 'NUL'], ['é'.repeat(100), 'no ASCII']] as const) await inactive(token, what)
  await server.database.queries.updateTable('users').set({ disabled_at: 1 }).execute()
  await inactive(disabled.refresh_token, 'disabled')
  clock.turn(606)
  await inactive(own, 'expired')
})

t.test('revokes a token with 200 and an empty body, and its session with it', async (t) => {
  const { server, send } = await setUp(t)
  for (const kind of ['access_token', 'refresh_token'] as const) {
    for (const hint of [{}, { token_type_hint: 'access_token' }, { token_type_hint: 'refresh_token' }] as Array<Record<string, string>>) {
      const [pair, other] = [await signIn(server), await signIn(server)]
      const reply = await send('revoke', { token: pair[kind], ...hint })
      t.equal(reply.statusCode, 200, kind)
      t.equal(reply.body, '')
      t.equal(reply.headers['cache-control'], 'no-store')
      t.equal(await worth(server, pair), 401)
      t.equal((await refresh(server, pair.refresh_token)).statusCode, 401)
      t.equal(await worth(server, other), 200)
    }
  }
})

t.test('ends the session also at a refresh token that was replaced long ago', async (t) => {
  const { clock, server, send } = await setUp(t)
  const first = await signIn(server)
  const second = await refreshed(server, first.refresh_token)
  const third = await refreshed(server, second.refresh_token)
  clock.turn(60)
  t.equal((await send('revoke', { token: first.refresh_token })).statusCode, 200)
  t.equal(await worth(server, third), 401)
  t.equal((await refresh(server, third.refresh_token)).statusCode, 401)
})

t.test('answers 200 for a token that is none, and changes nothing', async (t) => {
  const { clock, server, client, send } = await setUp(t)
  const pair = await signIn(server)
  const expired = await clientToken(server, client)
  clock.turn(606)
  const kept = await refreshed(server, pair.refresh_token)
  for (const token of ['x', 'a.b.c', `gr1_${'A'.repeat(70)}`, `${kept.access_token}x`, expired, pair.access_token]) {
    const reply = await send('revoke', { token })
    t.equal(reply.statusCode, 200, token.slice(0, 20))
    t.equal(reply.body, '')
  }
  t.equal(await worth(server, kept), 200)
})

t.test('revokes a client\'s own token for that client alone, and that one alone', async (t) => {
  const { server, client, send, refused } = await setUp(t)
  const other = await registerClient(server)
  const [token, stays] = [await clientToken(server, client), await clientToken(server, client)]
  const active = async (text: string) => (await send('introspect', { token: text })).json().active
  refused(await send('revoke', { token }, other.basic), 'unauthorized_client', 'another\'s')
  t.equal(await active(token), true)
  t.equal((await send('revoke', { token })).statusCode, 200)
  t.strictSame([await active(token), await active(stays)], [false, true])
})

t.test('takes both secrets while they overlap, and the new one alone then', async (t) => {
  const { clock, server, client, send, refused } = await setUp(t)
  const { secret } = await server.clients.rotate(client.id, 3600)
  const form = { grant_type: 'client_credentials' }
  t.equal((await send('token', form)).statusCode, 200)
  t.equal((await send('token', form, basic(client.id, secret))).statusCode, 200)
  clock.turn(3600)
  refused(await send('token', form), 'invalid_client', 'the old one', 401)
  t.equal((await send('token', form, basic(client.id, secret))).statusCode, 200)
})

t.test('lets in neither a deleted client nor a token of its own', async (t) => {
  const { server, client, send, refused } = await setUp(t)
  const other = await registerClient(server)
  const token = await clientToken(server, client)
  await server.clients.remove(client.id)
  refused(await send('token', { grant_type: 'client_credentials' }), 'invalid_client', 'deleted', 401)
  t.equal((await call(server, 'GET /protected', token)).json().code, 'invalid_token')
  t.equal((await send('introspect', { token }, other.basic)).body, '{"active":false}')
})

/** A form over a real socket, with these header lines as they are. */
async function rawPost (port: number, path: string, lines: string[], body: string): Promise<{ status: number, body: string, challenge: string | undefined }> {
  const outgoing = request({ host: '127.0.0.1', port, path, method: 'POST', agent: false, headers: ['host', 'test', 'content-type', 'application/x-www-form-urlencoded', 'content-length', `${body.length}`, ...lines] })
  outgoing.end(body)
  const [response] = await once(outgoing, 'response') as [IncomingMessage]
  return { status: response.statusCode as number, body: await textOf(response), challenge: response.headers['www-authenticate'] }
}
