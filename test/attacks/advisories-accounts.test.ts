import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { TokenReply } from '../../schemas/login.ts'
import { startAttacked } from '../support/attacked.ts'
import { concludes, createAttacker } from '../support/attacker.ts'
import { alice } from '../support/build.ts'
import { readClaims } from '../support/claims.ts'
import { beside } from '../support/cli.ts'
import { command } from '../support/command.ts'
import { temporaryFolder } from '../support/service.ts'
import { countOf, usernames } from '../support/stored.ts'

// What went wrong in services that keep accounts and sessions, tried here. docs/attacks.md says of each advisory whose it is.

const attacker = createAttacker(await startAttacked(t, { environment: { LOGIN_LIMIT: '300/1h' } }))
const { service, post, get, send, secrets } = attacker
await post('/register', { ...alice, email: 'alice@example.com' })
const signIn = async (account: object = alice) => (await post('/login', account)).json<TokenReply>()
const as = (token: string, method: string, path: string, body?: unknown) => send({ method, path, headers: [`Authorization: Bearer ${token}`], ...body === undefined ? {} : { body } })
const refresh = (token: string) => post('/refresh', { refresh_token: token })

/** A registered client: its id, and what it authenticates with. */
async function client (name: string): Promise<{ id: string, basic: string }> {
  const { out } = await command(beside(service), 'clients', 'create', name, '--scope', 'read', '--json')
  const { client_id: id, client_secret: secret } = JSON.parse(out) as Record<'client_id' | 'client_secret', string>
  const encoded = Buffer.from(`${id}:${secret}`).toString('base64')
  secrets.add(secret).add(encoded)
  return { id, basic: `Authorization: Basic ${encoded}` }
}

const inspector = await client('inspector')
const leaving = await client('leaving')

const form = (path: string, fields: Record<string, string>, ...headers: string[]) =>
  send({ method: 'POST', path, headers: ['Content-Type: application/x-www-form-urlencoded', ...headers], body: new URLSearchParams(fields).toString() })

t.test('CVE-2026-31874 CVE-2026-129550 CVE-2026-42613 nobody gives themselves a role, when registering or later', async (t) => {
  const roles = [{ role: 'admin' }, { roles: ['admin'] }, { groups: ['admin'] }, { access: { admin: true } }, { is_admin: true }, { scope: 'admin' }, { user: { roles: ['admin'] } }]
  for (const more of roles) t.equal((await post('/register', { ...alice, username: 'mallory', ...more })).outcome, '400 invalid_request', JSON.stringify(more))
  t.notOk(usernames(service).includes('mallory'))
  const { access_token: token } = await signIn()
  for (const more of roles) t.equal((await as(token, 'PATCH', '/me', { email: 'alice@example.com', password: alice.password, ...more })).outcome, '400 invalid_request', JSON.stringify(more))
  t.same((await as(token, 'GET', '/me')).json()['roles'], [])
  t.equal(countOf(service, 'user_roles'), 0)
})

t.test('CVE-2025-61928 takes nobody for the user that a body names', async (t) => {
  const { user } = await signIn()
  for (const member of ['userId', 'user_id', 'id', 'sub']) {
    for (const [method, path] of [['PATCH', '/me'], ['DELETE', '/me'], ['PUT', '/me/password'], ['POST', '/logout']] as const) {
      t.equal((await send({ method, path, body: { [member]: user.id, password: alice.password } })).outcome, '401 missing_token', `${method} ${path} ${member}`)
    }
  }
})

t.test('CVE-2025-7365 an address is changed with the password alone, and never to somebody else\'s', async (t) => {
  await post('/register', { ...alice, username: 'bob', email: 'bob@example.com' })
  const { access_token: token } = await signIn({ ...alice, username: 'bob' })
  t.equal((await as(token, 'PATCH', '/me', { email: 'Alice@Example.com', password: alice.password })).outcome, '409 email_taken')
  t.equal((await as(token, 'PATCH', '/me', { email: 'new@example.com', password: 'not his password' })).outcome, '401 invalid_credentials')
  t.equal((await as(token, 'PATCH', '/me', { email: 'new@example.com' })).outcome, '400 invalid_request')
  t.equal((await as(token, 'GET', '/me')).json()['email'], 'bob@example.com')
})

t.test('CVE-2026-103526 CVE-2026-58272 CVE-2026-25050 answers an unknown name as it answers a wrong password, to the byte', async (t) => {
  const shape = ({ status, headers: { date: _date, 'x-request-id': _id, ratelimit: _ratelimit, ...headers }, body }: Awaited<ReturnType<typeof post>>) => JSON.stringify([status, headers, body])
  const wrong = await post('/login', { ...alice, password: 'not the password at all' })
  t.equal(shape(await post('/login', { ...alice, username: 'nobody', password: 'not the password at all' })), shape(wrong))
  t.equal(shape(await post('/login', { username: 'nobody@example.com', password: 'not the password at all' })), shape(wrong))
})

t.test('CVE-2026-80199 asks for no name in a header, and tells nothing by one', async (t) => {
  for (const name of ['alice', 'nobody']) {
    const answer = await send({ method: 'GET', path: '/protected', headers: [`X-Auth-User: ${name}`, 'X-Auth-Token: not the password'] })
    t.equal(answer.outcome, '401 missing_token', name)
  }
})

t.test('GHSA-m2w5-7xhv-w6fh a refresh token that is sent many times at once has one successor', async (t) => {
  const { refresh_token: token } = await signIn()
  const answers = await Promise.all(Array.from({ length: 20 }, () => refresh(token)))
  t.same([...new Set(answers.map(({ status }) => status))], [200])
  t.equal(new Set(answers.map((answer) => answer.json<TokenReply>().refresh_token)).size, 1)
})

t.test('CVE-2026-8922 CVE-2026-18218 says of a token that was revoked that it is not active, however it was revoked', async (t) => {
  const { basic } = inspector
  const endings: Record<string, (pair: TokenReply) => Promise<unknown>> = {
    'a logout': ({ access_token: token }) => as(token, 'POST', '/logout'),
    'a logout everywhere': ({ access_token: token }) => as(token, 'POST', '/logout?scope=global'),
    'a revocation of its refresh token': ({ refresh_token: token }) => form('/oauth/revoke', { token }, basic),
    'a revocation of itself': ({ access_token: token }) => form('/oauth/revoke', { token }, basic)
  }
  for (const [what, end] of Object.entries(endings)) {
    const pair = await signIn()
    t.equal((await form('/oauth/introspect', { token: pair.access_token }, basic)).json()['active'], true, what)
    await end(pair)
    for (const token of [pair.access_token, pair.refresh_token]) t.equal((await form('/oauth/introspect', { token }, basic)).body, '{"active":false}', what)
    t.equal((await get('/verify', pair.access_token)).outcome, '401 invalid_token', what)
  }
})

t.test('CVE-2026-9792 has no grant for a user\'s password, whatever comes with it', async (t) => {
  const { basic } = inspector
  for (const more of [{}, { scope: 'read' }, { client_id: 'gatehouse' }, { grant_type: 'PASSWORD' }, { grant_type: ' password' }]) {
    const answer = await form('/oauth/token', { grant_type: 'password', username: 'alice', password: alice.password, ...more }, basic)
    t.equal(answer.status, 400, JSON.stringify(more))
    t.match(answer.json()['error'], /^unsupported_grant_type$|^invalid_request$/)
  }
})

t.test('CVE-2026-58425 a client cannot end what is another client\'s own', async (t) => {
  const { access_token: token } = (await form('/oauth/token', { grant_type: 'client_credentials' }, inspector.basic)).json<TokenReply>()
  secrets.add(token)
  t.equal((await form('/oauth/revoke', { token }, leaving.basic)).json()['error'], 'unauthorized_client')
  t.equal((await get('/verify', token)).status, 200)
})

t.test('CVE-2026-2733 gives a client that was deleted nothing, and its tokens end', async (t) => {
  const { id, basic } = leaving
  const grant = () => form('/oauth/token', { grant_type: 'client_credentials' }, basic)
  const { access_token: token } = (await grant()).json<TokenReply>()
  secrets.add(token)
  t.equal((await get('/verify', token)).status, 200)
  t.equal((await command(beside(service), 'clients', 'delete', id)).code, 0)
  t.equal((await grant()).json()['error'], 'invalid_client')
  for (let i = 0; i < 40 && (await get('/verify', token)).status === 200; i++) await sleep(50)
  t.equal((await get('/verify', token)).outcome, '401 invalid_token', 'within two seconds')
})

t.test('CVE-2025-48370 takes an id for an id, whatever path it pretends to be', async (t) => {
  const pair = await signIn()
  const others = ['..', '../..', '..%2f..%2fme', '%2e%2e', '', '*', 'me', `${readClaims(pair.access_token).sid}%00`, `${readClaims(pair.access_token).sid}/..`, randomUUID()]
  for (const id of others) t.equal((await as(pair.access_token, 'DELETE', `/me/sessions/${id}`)).status, 404, id)
  t.equal((await get('/protected', pair.access_token)).status, 200)
})

t.test('CVE-2026-9802 a used refresh token that returns after a restart ends its session, as before it; CVE-2026-96460 no refresh moves the end that a session was given', async (t) => {
  const folder = temporaryFolder(t)
  const before = createAttacker(await startAttacked(t, { folder, environment: { REFRESH_GRACE: '0' } }))
  await before.post('/register', alice)
  const first = (await before.post('/login', alice)).json<TokenReply>()
  const second = (await before.post('/refresh', { refresh_token: first.refresh_token })).json<TokenReply>()
  const third = (await before.post('/refresh', { refresh_token: second.refresh_token })).json<TokenReply>()
  t.equal(await before.service.stop(), 0)
  const environment = { REFRESH_GRACE: '0', REFRESH_ABSOLUTE_TTL: '4s', REFRESH_IDLE_TTL: '4s', ACCESS_TOKEN_TTL: '1s' }
  const after = createAttacker(await startAttacked(t, { folder, environment, secretKey: before.service.secretKey }))
  t.equal((await after.post('/refresh', { refresh_token: first.refresh_token })).outcome, '401 invalid_refresh_token')
  t.equal((await after.post('/refresh', { refresh_token: third.refresh_token })).outcome, '401 invalid_refresh_token', 'the session is over')
  t.equal((await after.get('/protected', third.access_token)).outcome, '401 invalid_token', 'with its access tokens')

  let pair = (await after.post('/login', alice)).json<TokenReply>()
  const begun = performance.now()
  let last = 200
  while (last === 200 && performance.now() - begun < 20_000) {
    await sleep(250)
    const answer = await after.post('/refresh', { refresh_token: pair.refresh_token })
    last = answer.status
    if (last === 200) pair = answer.json<TokenReply>()
  }
  t.equal(last, 401)
  t.ok(performance.now() - begun >= 3000, 'not before its time')
})

const closed = createAttacker(await startAttacked(t, { environment: { REGISTRATION: 'closed', DOCUMENTATION: 'off', LOGIN_LIMIT: '10/1h' } }))

t.test('CVE-2026-7500 what is turned off is off by every address', async (t) => {
  for (const path of ['/register', '/register?invite=x']) t.equal((await closed.post(path, alice)).outcome, '403 registration_closed', path)
  for (const path of ['/register/', '/v1/register', '/users', '/signup', '/documentation', '/documentation/json', '/documentation/static/index.html']) t.equal((await closed.post(path, alice)).status, 404, path)
  t.equal(countOf(closed.service, 'users'), 0)
})

t.test('CVE-2026-69193 CVE-2025-69246 a rotation of names and passwords gets no more guesses than the limit', async (t) => {
  const statuses: number[] = []
  for (let i = 0; i < 15; i++) statuses.push((await closed.post('/login', { username: `name-${i}`, password: `password number ${i}` })).status)
  t.same(statuses, [...Array(10).fill(401), ...Array(5).fill(429)])
})

concludes(t, attacker)
