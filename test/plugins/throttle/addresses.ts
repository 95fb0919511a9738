import type { Test } from 'tap'
import { alice, aliceSignedIn, withAlice } from '../../support/build.ts'
import { login, minute, throttled, times, usual, wrong } from './world.ts'

/** What an address may do at the door, at whatever names. */
export async function limitsOfAddresses (t: Test): Promise<void> {
  t.test('may fail 30 times a minute, at whatever names, and the next is 429 with its reason', async (t) => {
    const { app, turn } = await throttled(t, usual)
    await withAlice(app)
    for (let i = 0; i < 30; i++) await login(app, { username: `name-${i}`, password: wrong })
    const refused = await login(app)
    t.equal(refused.statusCode, 429)
    t.match(refused.headers, { 'retry-after': '60', 'ratelimit-policy': '"login";q=30;w=60', ratelimit: '"login";r=0;t=60' })
    t.equal((await login(app, { from: '192.0.2.2' })).statusCode, 200)
    turn(minute)
    t.equal((await login(app)).statusCode, 200)
  })

  t.test('may register 20 times an hour, whatever becomes of it', async (t) => {
    const { app, turn } = await throttled(t, usual)
    const register = (payload: object) => app.inject({ method: 'POST', url: '/register', payload }).then(({ statusCode }) => statusCode)
    t.equal(await register(alice), 201)
    for (let i = 0; i < 19; i++) t.equal(await register({ username: 'x' }), 400)
    t.equal(await register({ ...alice, username: 'bob' }), 429)
    turn(60 * minute)
    t.equal(await register({ ...alice, username: 'bob' }), 201)
  })

  t.test('may fail to refresh 60 times a minute, and succeed as often as it likes', async (t) => {
    const { app, turn } = await throttled(t, usual)
    let { refresh_token: token } = await aliceSignedIn(app)
    const refresh = (token: string) => app.inject({ method: 'POST', url: '/refresh', payload: { refresh_token: token } })
    for (let i = 0; i < 70; i++) token = (await refresh(token)).json().refresh_token
    for (let i = 0; i < 60; i++) t.equal((await refresh('gr1_nothing')).statusCode, 401)
    const refused = await refresh(token)
    t.equal(refused.statusCode, 429)
    t.match(refused.headers, { 'retry-after': '60', ratelimit: '"refresh";r=0;t=60' })
    turn(minute - 1)
    t.equal((await refresh(token)).headers['retry-after'], '1')
    turn(1)
    t.equal((await refresh(token)).statusCode, 200)
  })

  t.test('is not given back what was never counted', async (t) => {
    const { app } = await throttled(t, usual)
    const refresh = (payload: object) => app.inject({ method: 'POST', url: '/refresh', payload }).then(({ statusCode }) => statusCode)
    const statuses: number[] = []
    for (let i = 0; i < 70; i++) {
      t.equal(await refresh({}), 400)
      statuses.push(await refresh({ refresh_token: 'gr1_nothing' }))
    }
    t.same(statuses, [...times(60, 401), ...times(10, 429)])
  })

  t.test('cannot burst through: of twenty guesses at once, at whatever names, five are looked at', async (t) => {
    const { app } = await throttled(t, { LOGIN_LIMIT: '5/1m' })
    const { done } = app.hashing.statistics()
    const replies = await Promise.all(Array.from({ length: 20 }, (_, i) => login(app, { username: `name-${i}`, password: wrong })))
    t.same(replies.map(({ statusCode }) => statusCode).sort(), [...times(5, 401), ...times(15, 429)])
    t.equal(app.hashing.statistics().done - done, 5)
  })

  t.test('cannot burst through: of a hundred refreshes at once 60 are looked at', async (t) => {
    const { app } = await throttled(t, usual)
    const replies = await Promise.all(Array.from({ length: 100 }, () => app.inject({ method: 'POST', url: '/refresh', payload: { refresh_token: 'gr1_nothing' } })))
    t.same(replies.map(({ statusCode }) => statusCode).sort(), [...times(60, 401), ...times(40, 429)])
  })

  t.test('has no limit where it is off, and the account keeps its own', async (t) => {
    const { app } = await throttled(t)
    t.same((await Promise.all(Array.from({ length: 100 }, () => app.inject({ method: 'POST', url: '/register', payload: {} })))).map(({ statusCode }) => statusCode), times(100, 400))
  })
}
