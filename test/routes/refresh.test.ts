import t from 'tap'
import { build, withAlice } from '../support/build.ts'
import { createClock, refresh, signIn } from '../support/calls.ts'

const refusal = { statusCode: 401, code: 'invalid_refresh_token', error: 'Unauthorized', message: 'The refresh token is invalid or has expired: sign in again' }

t.test('answers with a new pair, as a sign-in does', async (t) => {
  const clock = createClock()
  const server = await build(t, { now: clock.now, environment: { ACCESS_TOKEN_TTL: '5m' } })
  await withAlice(server)
  const first = await signIn(server)
  clock.turn(1)
  const reply = await refresh(server, first.refresh_token)
  t.equal(reply.statusCode, 200)
  t.match(reply.headers, { 'cache-control': 'no-store', 'content-type': 'application/json; charset=utf-8' })
  const { access_token: token, refresh_token: next, user, ...rest } = reply.json()
  t.not(token, first.access_token)
  t.not(next, first.refresh_token)
  t.strictSame(rest, { token_type: 'Bearer', expires_in: 300, refresh_expires_in: 604_800 })
  t.strictSame(user, first.user)
})

t.test('answers every cause of a failure alike', async (t) => {
  const clock = createClock()
  const server = await build(t, { now: clock.now, environment: { REFRESH_IDLE_TTL: '1h' } })
  await withAlice(server)
  const { access_token: access, refresh_token: token } = await signIn(server)
  const stranger = await build(t)
  await withAlice(stranger)
  const causes = new Map([['nonsense', 'x'], ['NUL', '\0'], ['an access token', access], ['another service\'s', (await signIn(stranger)).refresh_token], ['a long one', 'x'.repeat(8192)], ['changed', `${token.slice(0, -1)}_`]])
  const replies = await Promise.all([...causes.values()].map((text) => refresh(server, text)))
  clock.turn(3600)
  replies.push(await refresh(server, token))
  for (const [index, reply] of replies.entries()) {
    t.equal(reply.statusCode, 401)
    t.strictSame(reply.json(), refusal, [...causes.keys(), 'expired'][index] ?? '')
    t.equal(reply.headers['www-authenticate'], undefined)
  }
})

t.test('takes one member, a text of up to 8 KiB', async (t) => {
  const server = await build(t)
  for (const payload of [{}, { refresh_token: '' }, { refresh_token: 'x'.repeat(8193) }, { refresh_token: null }, { refresh_token: 1 }, { refresh_token: ['x'] }, { refresh_token: 'x', scope: '' }]) {
    const reply = await server.inject({ method: 'POST', url: '/refresh', payload })
    t.equal(reply.statusCode, 400, JSON.stringify(payload).slice(0, 40))
    t.equal(reply.json().code, 'invalid_request')
  }
  t.equal((await server.inject({ method: 'POST', url: '/refresh' })).statusCode, 400)
  t.equal((await server.inject({ method: 'GET', url: '/refresh' })).statusCode, 405)
  t.equal((await server.inject({ method: 'POST', url: '/refresh', headers: { 'content-type': 'application/x-www-form-urlencoded' }, payload: 'refresh_token=x' })).statusCode, 415)
})
