import { randomUUID } from 'node:crypto'
import t from 'tap'
import type { TokenReply } from '../../schemas/login.ts'
import { startAttacked } from '../support/attacked.ts'
import { concludes, createAttacker } from '../support/attacker.ts'
import { alice } from '../support/build.ts'
import { readClaims } from '../support/claims.ts'
import { beside } from '../support/cli.ts'
import { command } from '../support/command.ts'
import { liveKeys, segment, signSegments } from '../support/forge.ts'

const attacker = createAttacker(await startAttacked(t))
const { service, post, get, send, secrets } = attacker
const bob = { ...alice, username: 'bob' }
await post('/register', alice)
await post('/register', bob)

const signIn = async (account = alice) => (await post('/login', account)).json<TokenReply>()
const refresh = (token: string) => post('/refresh', { refresh_token: token })
const as = (token: string, method: string, path: string, body?: object) => send({ method, path, headers: [`Authorization: Bearer ${token}`], body })
const dead = ['401 invalid_token', '401 invalid_refresh_token']

async function outcomesOf ({ access_token: token, refresh_token: refreshToken }: TokenReply): Promise<string[]> {
  return [(await get('/protected', token)).outcome, (await refresh(refreshToken)).outcome]
}

t.test('L219 a logout is true at once', async (t) => {
  const reply = await signIn()
  t.equal((await get('/protected', reply.access_token)).status, 200, 'known to the cache')
  t.equal((await as(reply.access_token, 'POST', '/logout')).status, 204)
  t.same(await outcomesOf(reply), dead)
  for (const path of ['/me', '/me/sessions']) t.equal((await get(path, reply.access_token)).outcome, '401 invalid_token', path)
})

t.test('L220 a second logout is refused and nothing worse', async (t) => {
  const { access_token: token } = await signIn()
  t.equal((await as(token, 'POST', '/logout')).status, 204)
  t.equal((await as(token, 'POST', '/logout')).outcome, '401 invalid_token')
  t.match((await as((await signIn()).access_token, 'POST', '/logout', { refresh_token: 'gr1_unknown' })).status, /^(204|400)$/)
})

t.test('L223 a logout everywhere ends twenty sessions, and the next sign-in lives', async (t) => {
  const replies = await Promise.all(Array.from({ length: 20 }, () => signIn(bob)))
  const stranger = await signIn()
  t.equal((await as(replies[7]?.access_token ?? '', 'POST', '/logout?scope=global')).status, 204)
  t.same((await Promise.all(replies.map(outcomesOf))).filter((outcomes) => outcomes.join() !== dead.join()), [])
  t.same(await outcomesOf(stranger), ['200', '200'], 'of this user alone')
  t.same(await outcomesOf(await signIn(bob)), ['200', '200'], 'in the same moment')
})

t.test('a logout of the others keeps the one it is called with', async (t) => {
  const [kept, ...others] = [await signIn(bob), await signIn(bob), await signIn(bob)]
  t.equal((await as(kept.access_token, 'POST', '/logout?scope=others')).status, 204)
  for (const other of others) t.same(await outcomesOf(other), dead)
  t.same(await outcomesOf(kept), ['200', '200'])
  for (const scope of ['', 'all', 'LOCAL', 'local&scope=global', '__proto__']) t.equal((await as(kept.access_token, 'POST', `/logout?scope=${scope}`)).outcome, '400 invalid_request', scope)
  t.equal((await get('/protected', kept.access_token)).status, 200)
})

t.test('L224 nobody ends another\'s session', async (t) => {
  const [mine, theirs] = [await signIn(), await signIn(bob)]
  const { sid } = readClaims(theirs.access_token)
  const foreign = await as(mine.access_token, 'DELETE', `/me/sessions/${sid}`)
  const unknown = await as(mine.access_token, 'DELETE', `/me/sessions/${randomUUID()}`)
  t.equal(foreign.outcome, '404 not_found')
  t.equal(foreign.body, unknown.body, 'as if it were not there')
  for (const id of [sid.toUpperCase(), '*', '%25', 'x\'--', '..%2f..%2fme', '__proto__', 'x'.repeat(500)]) t.match((await as(mine.access_token, 'DELETE', `/me/sessions/${id}`)).status, /^4(00|04|14)$/, id)
  t.same(await outcomesOf(theirs), ['200', '200'])
  const own = await signIn()
  t.equal((await as(mine.access_token, 'DELETE', `/me/sessions/${readClaims(own.access_token).sid}`)).status, 204)
  t.same(await outcomesOf(own), dead)
})

t.test('L225 lists one\'s own sessions and nothing of their tokens', async (t) => {
  const [mine, theirs] = [await signIn(), await signIn(bob)]
  const { body, json, headers } = await get('/me/sessions', mine.access_token)
  const { sessions } = json<{ sessions: Array<Record<string, unknown>> }>()
  for (const session of sessions) t.same(Object.keys(session).sort(), ['created_at', 'current', 'expires_at', 'id', 'ip', 'last_used_at', 'user_agent'])
  t.same(sessions.filter(({ current }) => current).map(({ id }) => id), [readClaims(mine.access_token).sid])
  t.notOk(body.includes(readClaims(theirs.access_token).sid))
  t.notOk(/gr1_|eyJ/.test(body))
  t.equal(headers['cache-control'], 'no-store')
})

t.test('L226 changes no password without the present one', async (t) => {
  const { access_token: token } = await signIn()
  const password = 'a password for later, if at all'
  for (const body of [{ new_password: password }, { current_password: null, new_password: password }, { current_password: alice.password }, {}]) {
    t.equal((await as(token, 'PUT', '/me/password', body)).outcome, '400 invalid_request', Object.keys(body).join())
  }
  for (const wrong of ['', 'not her password at all', alice.password.toUpperCase(), `${alice.password} `]) {
    t.equal((await as(token, 'PUT', '/me/password', { current_password: wrong, new_password: password })).outcome, '401 invalid_credentials')
  }
  for (const [method, path] of [['DELETE', '/me'], ['PATCH', '/me']] as const) {
    t.equal((await as(token, method, path, { password: 'not her password at all', ...method === 'PATCH' ? { email: 'x@example.com' } : {} })).outcome, '401 invalid_credentials', path)
  }
  t.same((await get('/me', token)).json().email, null)
  t.equal((await post('/login', alice)).status, 200)
  secrets.add(password)
})

t.test('L226 lets nobody who has a token guess the password without an end', async (t) => {
  const dora = { ...alice, username: 'dora' }
  await post('/register', dora)
  const { access_token: token } = await signIn(dora)
  const change = (current: string) => as(token, 'PUT', '/me/password', { current_password: current, new_password: 'a password for later, if at all' })
  const outcomes: string[] = []
  for (let i = 0; i < 20; i++) outcomes.push((await change('not her password at all')).outcome)
  t.same(outcomes, [...Array(10).fill('401 invalid_credentials'), ...Array(10).fill('429 too_many_attempts')])
  t.equal((await change(dora.password)).outcome, '429 too_many_attempts', 'nor does the right one get through meanwhile')
  t.equal((await post('/login', dora)).outcome, '429 too_many_attempts', 'and a sign-in waits with it')
})

t.test('D086 a token that ended has no other spelling', async (t) => {
  const { access_token: token } = await signIn()
  await as(token, 'POST', '/logout')
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const flipped = token.split('.').map((part, i, parts) => {
    const last = alphabet[alphabet.indexOf(part.at(-1) as string) ^ 1]
    return parts.with(i, part.slice(0, -1) + last).join('.')
  })
  for (const text of [...flipped, `${token}=`, `${token}==`]) t.match((await get('/protected', text)).outcome, /^401 invalid_token$/)
})

t.test('C064 a new signature over what ended opens nothing', async (t) => {
  const [key] = liveKeys(service)
  if (key === undefined) throw new Error('no key')
  const { access_token: token } = await signIn()
  const claims = readClaims(token)
  const header = token.split('.')[0] as string
  const now = Math.floor(Date.now() / 1000)
  const renewed = (others: object) => signSegments(header, segment({ ...claims, iat: now, exp: now + 600, ...others }), key)
  t.equal((await get('/protected', renewed({}))).status, 200, 'while the session lives')
  await as(token, 'POST', '/logout')
  t.equal((await get('/protected', renewed({ exp: now + 599 }))).outcome, '401 invalid_token', 'the same id, a later end')
  t.equal((await get('/protected', renewed({ jti: randomUUID() }))).outcome, '401 invalid_token', 'another id, the same session')
})

t.test('E099 takes an access token from no form', async (t) => {
  const { access_token: token } = await signIn()
  const answer = await send({ method: 'POST', path: '/logout', headers: ['Content-Type: application/x-www-form-urlencoded'], body: `access_token=${token}` })
  t.equal(answer.outcome, '401 missing_token')
  t.equal((await get('/protected', token)).status, 200)
})

t.test('L227 J201 asks who asks, and says of a dead token that it is dead and nothing else', async (t) => {
  const { out } = await command(beside(service), 'clients', 'create', 'inspector', '--scope', 'read', '--json')
  const { client_id: id, client_secret: secret } = JSON.parse(out) as { client_id: string, client_secret: string }
  const basic = `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
  secrets.add(secret).add(basic.slice(6))
  const form = (path: string, fields: Record<string, string>, ...headers: string[]) =>
    send({ method: 'POST', path, headers: ['Content-Type: application/x-www-form-urlencoded', ...headers], body: new URLSearchParams(fields).toString() })
  const authentic = `Authorization: ${basic}`

  const { access_token: live, refresh_token: liveRefresh } = await signIn()
  const over = await signIn()
  await as(over.access_token, 'POST', '/logout')
  for (const headers of [[], ['Authorization: Basic eA=='], [`Authorization: Basic ${Buffer.from(`${id}:x`).toString('base64')}`], [`Authorization: Bearer ${live}`], [`Authorization: Basic ${Buffer.from(`${randomUUID()}:${secret}`).toString('base64')}`]]) {
    const answer = await form('/oauth/introspect', { token: live }, ...headers)
    t.equal(answer.status, 401)
    t.equal(answer.json().error, 'invalid_client')
    t.match(answer.headers['www-authenticate'], /^Basic /)
  }
  t.equal((await form('/oauth/introspect', { token: live, client_id: id, client_secret: secret })).status, 401, 'a secret in the body')

  for (const token of [over.access_token, over.refresh_token, 'unknown', `${live}x`, `${liveRefresh}A`, 'gr1_x']) {
    const answer = await form('/oauth/introspect', { token }, authentic)
    t.same([answer.status, answer.body], [200, '{"active":false}'])
  }
  const [access, refreshing] = [await form('/oauth/introspect', { token: live }, authentic), await form('/oauth/introspect', { token: liveRefresh }, authentic)]
  t.match(access.json(), { active: true, username: 'alice', sid: readClaims(live).sid, token_type: 'Bearer' })
  t.match(refreshing.json(), { active: true, username: 'alice', sid: readClaims(live).sid })
  t.equal(access.headers['cache-control'], 'no-store')

  for (const grant of ['password', 'implicit', 'authorization_code', 'urn:ietf:params:oauth:grant-type:jwt-bearer']) {
    const answer = await form('/oauth/token', { grant_type: grant, username: 'alice', password: alice.password }, authentic)
    t.same([answer.status, answer.json().error], [400, 'unsupported_grant_type'], grant)
  }

  for (const token of ['unknown', `${live}x`, over.access_token]) t.equal((await form('/oauth/revoke', { token }, authentic)).status, 200, 'nothing to end is no fault')
  t.equal((await get('/protected', live)).status, 200)
  t.equal((await form('/oauth/revoke', { token: liveRefresh }, authentic)).status, 200)
  t.equal((await get('/protected', live)).outcome, '401 invalid_token', 'its session has ended')
  t.equal((await refresh(liveRefresh)).outcome, '401 invalid_refresh_token')

  const own = (await form('/oauth/token', { grant_type: 'client_credentials' }, authentic)).json<TokenReply>().access_token
  secrets.add(own)
  t.equal((await get('/protected', own)).outcome, '403 forbidden', 'a client is no user')
  t.equal((await as(own, 'POST', '/logout?scope=global')).outcome, '403 forbidden')
})

concludes(t, attacker)
