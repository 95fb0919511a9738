import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { TokenReply } from '../../schemas/login.ts'
import { createApi } from '../support/api.ts'
import { startAttacked } from '../support/attacked.ts'
import { concludes, createAttacker, takesLessThan } from '../support/attacker.ts'
import { alice, build, withAlice } from '../support/build.ts'
import { readClaims } from '../support/claims.ts'
import { beside } from '../support/cli.ts'
import { command } from '../support/command.ts'
import { temporaryFolder } from '../support/service.ts'
import { countOf } from '../support/stored.ts'
import { until } from '../support/until.ts'

const attacker = createAttacker(await startAttacked(t))
const { service, post, get, send } = attacker
await post('/register', alice)

const signIn = async () => (await post('/login', alice)).json<TokenReply>()
const refresh = (token: unknown) => post('/refresh', { refresh_token: token })
const refused = '401 invalid_refresh_token'

/** A service whose clock can be turned, and what a client does there. */
async function turnable (t: Test, environment: Record<string, string> = {}) {
  const file = join(temporaryFolder(t), 'clock')
  let ahead = 0
  const turn = (seconds: number) => {
    ahead += seconds * 1000
    writeFileSync(file, `${ahead}`)
  }
  turn(0)
  const service = await startAttacked(t, { entry: 'test/support/turned-service.ts', environment: { CLOCK_FILE: file, ...environment } })
  const api = createApi(service)
  await api.register(alice)
  return { ...api, turn, signIn: () => api.signedIn(alice), reuses: () => service.output().match(/"event":"authn_token_reuse"/g)?.length ?? 0 }
}

/** As many seconds as were meant, or a few that have gone by since. */
function isSoon (lifetime: number, meant: number): boolean {
  return lifetime <= meant && lifetime > meant - 20
}

t.test('K202 answers a new pair, and the old access token lives on', async (t) => {
  const first = await signIn()
  const answer = await refresh(first.refresh_token)
  const second = answer.json<TokenReply>()
  t.equal(answer.status, 200)
  t.equal(answer.headers['cache-control'], 'no-store')
  t.not(second.refresh_token, first.refresh_token)
  t.not(readClaims(second.access_token).jti, readClaims(first.access_token).jti)
  t.equal(readClaims(second.access_token).sid, readClaims(first.access_token).sid)
  t.same(Object.keys(second).sort(), Object.keys(first).sort())
  for (const { access_token: token } of [first, second]) t.equal((await get('/protected', token)).status, 200)
})

t.test('K203 K211 a used token that returns ends its own session and no other', async (t) => {
  const other = await signIn()
  const first = await signIn()
  const second = (await refresh(first.refresh_token)).json<TokenReply>()
  const third = (await refresh(second.refresh_token)).json<TokenReply>()
  t.equal((await refresh(first.refresh_token)).outcome, refused)
  t.equal((await refresh(third.refresh_token)).outcome, refused)
  for (const { access_token: token } of [first, second, third]) t.equal((await get('/protected', token)).outcome, '401 invalid_token')
  t.match(service.output(), /"event":"authn_token_reuse"/)
  t.equal((await get('/protected', other.access_token)).status, 200)
  t.equal((await refresh(other.refresh_token)).status, 200)
})

t.test('K206 a client that lost the reply gets the same successor', async (t) => {
  const { refresh_token: token } = await signIn()
  const [lost, kept] = [(await refresh(token)).json<TokenReply>(), (await refresh(token)).json<TokenReply>()]
  t.equal(kept.refresh_token, lost.refresh_token)
  t.equal((await refresh(kept.refresh_token)).status, 200)
})

t.test('K208 a used token that returns a second after the grace ends the session', async (t) => {
  const { turn, reuses, signIn, refresh, visit } = await turnable(t)
  const first = await signIn()
  const second = await refresh(first.refresh_token)
  turn(20)
  t.equal((await refresh(first.refresh_token)).body.refresh_token, second.body.refresh_token, 'in its last seconds')
  turn(11)
  t.equal((await refresh(first.refresh_token)).status, 401)
  t.equal((await refresh(second.body.refresh_token)).status, 401)
  t.same([await visit(first.access_token), await visit(second.body.access_token)], [401, 401])
  t.equal(reuses(), 1)
})

t.test('K210 guesses end nobody\'s session', async (t) => {
  const { refresh_token: token, access_token: accessToken } = await signIn()
  const changed = Array.from(token, (letter, i) => token.slice(0, i) + (letter === 'A' ? 'B' : 'A') + token.slice(i + 1))
  const guesses = [
    ...changed, randomBytes(32).toString('base64url').slice(0, 43), `gr1_${randomBytes(52).toString('base64url')}`, `gr2_${token.slice(4)}`, token.toUpperCase(),
    token.slice(0, -1), `${token}A`, ` ${token}`, `${token}=`, `${token}\n`, 'x', '\0', '\u{1f511}', 'x'.repeat(8192), `gr1_${'_'.repeat(70)}`, 'null', 'gr1_'
  ]
  const outcomes = new Set<string>()
  for (const guess of guesses) outcomes.add((await refresh(guess)).outcome)
  t.same([...outcomes], [refused])
  t.equal((await get('/protected', accessToken)).status, 200)
  t.equal((await refresh(token)).status, 200)
})

t.test('K210 a guess costs no read of the database', async (t) => {
  const app = await build(t)
  await withAlice(app)
  const { refresh_token: token } = (await app.inject({ method: 'POST', url: '/login', payload: alice })).json<TokenReply>()
  const { transaction, queries } = app.database
  let uses = 0
  Object.defineProperty(app.database, 'queries', { get () { uses++; return queries } })
  app.database.transaction = (work) => { uses++; return transaction(work) }
  for (const guess of [`${token.slice(0, -1)}${token.endsWith('A') ? 'Q' : 'A'}`, `gr1_${randomBytes(52).toString('base64url')}`, 'x']) {
    t.equal((await app.inject({ method: 'POST', url: '/refresh', payload: { refresh_token: guess } })).statusCode, 401)
  }
  t.equal(uses, 0)
  t.equal((await app.inject({ method: 'POST', url: '/refresh', payload: { refresh_token: token } })).statusCode, 200)
  t.ok(uses > 0, 'a good one does')
})

t.test('K212 a session ends unused, and in the end however much it is used', async (t) => {
  const { turn, signIn, refresh, visit } = await turnable(t, { REFRESH_IDLE_TTL: '2h', REFRESH_ABSOLUTE_TTL: '5h' })
  const unused = await signIn()
  let used = await signIn()
  for (let hour = 1; hour <= 4; hour++) {
    turn(3600)
    if (hour === 2) t.equal((await refresh(unused.refresh_token)).status, 401, 'two hours unused')
    const { status, body } = await refresh(used.refresh_token)
    t.equal(status, 200)
    t.ok(isSoon(body.refresh_expires_in, Math.min(2, 5 - hour) * 3600), `${body.refresh_expires_in} s`)
    used = body
  }
  turn(3600 - 60)
  const last = await refresh(used.refresh_token)
  t.equal(last.status, 200)
  t.ok([last.body.expires_in, last.body.refresh_expires_in].every((lifetime) => isSoon(lifetime, 60)), 'no token outlives the session')
  turn(60)
  t.equal((await refresh(last.body.refresh_token)).status, 401)
  turn(5)
  t.equal(await visit(last.body.access_token), 401)
})

t.test('K213 C063 no token outlives a logout, a password change elsewhere or the account', async (t) => {
  const account = { username: 'carol', password: alice.password }
  await post('/register', account)
  const signIn = async () => (await post('/login', account)).json<TokenReply>()
  const call = (method: string, path: string, token: string, body?: object) => send({ method, path, headers: [`Authorization: Bearer ${token}`], body })
  const isOver = async ({ access_token: token, refresh_token: refreshToken }: TokenReply, what: string) => {
    t.same([(await get('/protected', token)).outcome, (await refresh(refreshToken)).outcome], ['401 invalid_token', refused], what)
  }
  const one = await signIn()
  t.equal((await call('POST', '/logout', one.access_token)).status, 204)
  await isOver(one, 'logout')

  const several = [await signIn(), await signIn()]
  t.equal((await call('POST', '/logout?scope=global', several[0]?.access_token ?? '')).status, 204)
  for (const each of several) await isOver(each, 'logout everywhere')

  const [changer, other] = [await signIn(), await signIn()]
  const password = 'another horse, another battery'
  attacker.secrets.add(password)
  t.equal((await call('PUT', '/me/password', changer.access_token, { current_password: account.password, new_password: password })).status, 204)
  await isOver(other, 'password change')
  const next = await refresh(changer.refresh_token)
  t.equal(next.status, 200, 'the one it was changed with goes on')

  t.equal((await call('DELETE', '/me', next.json<TokenReply>().access_token, { password })).status, 204)
  await isOver(changer, 'deletion')
  await isOver(next.json(), 'deletion')
  t.equal((await get('/me', changer.access_token)).outcome, '401 invalid_token')
})

t.test('K213 C063 no token outlives the disabling of its user', async (t) => {
  const account = { username: 'dora', password: alice.password }
  await post('/register', account)
  const { access_token: token, refresh_token: refreshToken } = (await post('/login', account)).json<TokenReply>()
  t.equal((await get('/protected', token)).status, 200)
  t.equal((await command(beside(service), 'users', 'disable', 'dora')).code, 0)
  t.equal((await refresh(refreshToken)).outcome, refused)
  await until(async () => (await get('/protected', token)).outcome === '401 invalid_token')
  t.equal((await command(beside(service), 'users', 'enable', 'dora')).code, 0)
  t.same([(await get('/protected', token)).outcome, (await refresh(refreshToken)).outcome], ['401 invalid_token', refused], 'and none comes back to life with its user')
})

t.test('K217 takes a refresh token from the body alone', async (t) => {
  const { refresh_token: token } = await signIn()
  t.match((await send({ method: 'POST', path: `/refresh?refresh_token=${token}` })).outcome, /^4(00|04|15) /)
  t.match((await send({ method: 'POST', path: `/refresh?refresh_token=${token}`, body: {} })).outcome, /^400 /)
  t.equal((await send({ method: 'POST', path: `/refresh?refresh_token=${token}`, headers: [`Refresh-Token: ${token}`, `Cookie: refresh_token=${token}`], body: { refresh_token: 'gr1_none' } })).outcome, refused, 'nor beside another one')
  t.match((await send({ method: 'POST', path: `/refresh/${token}`, body: {} })).outcome, /^404 /)
  t.match((await send({ method: 'POST', path: '/refresh', headers: ['Content-Type: application/x-www-form-urlencoded'], body: `refresh_token=${token}` })).outcome, /^415 /)
  t.match((await send({ method: 'GET', path: '/refresh', headers: [`Authorization: Bearer ${token}`] })).outcome, /^405 /)
  t.equal((await refresh(token)).status, 200, 'it was not used by any')
})

t.test('K218 a clock that goes back and forth ends no session and lengthens no token', async (t) => {
  const { turn, reuses, signIn, refresh, visit } = await turnable(t)
  const first = await signIn()
  const second = await refresh(first.refresh_token)
  turn(-3600)
  t.equal(await visit(second.body.access_token), 401, 'from the future')
  const third = await refresh(second.body.refresh_token)
  t.same([third.status, await visit(third.body.access_token)], [200, 200])
  t.equal((await refresh(second.body.refresh_token)).body.refresh_token, third.body.refresh_token, 'a retry')
  turn(3600)
  t.equal(await visit(third.body.access_token), 401, 'past its end')
  const fourth = await refresh(third.body.refresh_token)
  t.same([fourth.status, await visit(fourth.body.access_token)], [200, 200])
  t.equal(reuses(), 0)
})

t.test('B040 refuses an access token as a refresh token', async (t) => {
  const { access_token: token } = await signIn()
  t.equal((await refresh(token)).outcome, refused)
  t.equal((await get('/protected', token)).status, 200)
})

t.test('H149 refuses what is no text, quickly', async (t) => {
  for (const value of [[], {}, null, true, 1, '', ['x'], { $ne: '' }]) t.equal((await refresh(value)).outcome, '400 invalid_request', JSON.stringify(value))
  t.equal((await post('/refresh', {})).outcome, '400 invalid_request')
  t.match((await refresh('x'.repeat(10_240))).outcome, /^4(00|01|13) /)
  for (const value of ['x'.repeat(10_240), 'x'.repeat(8192), []]) t.ok(await takesLessThan(20, () => refresh(value)))
})

t.test('H153 what looks like SQL takes no time', async (t) => {
  for (const text of ["' or randomblob(1000000000) --", "'; select pg_sleep(5); --"]) {
    t.equal((await refresh(text)).outcome, refused)
    t.ok(await takesLessThan(200, () => refresh(text)))
  }
})

t.test('K204 K205 keeps one row a session, however often it rotates', async (t) => {
  const before = countOf(service, 'sessions')
  let { refresh_token: token } = await signIn()
  for (let i = 0; i < 20; i++) token = (await refresh(token)).json<TokenReply>().refresh_token
  t.equal(countOf(service, 'sessions'), before + 1)
})

concludes(t, attacker)
