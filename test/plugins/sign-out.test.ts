import t, { type Test } from 'tap'
import { sessionId } from '../../plugins/sessions/session-id.ts'
import { alice, build, withAlice } from '../support/build.ts'
import { createClock, origin, refresh, sidOf, signIn, start, worth } from '../support/calls.ts'

/** Alice with three sessions, and bob with one. */
async function setUp (t: Test) {
  const log: Array<Record<string, unknown>> = []
  const clock = createClock()
  const server = await build(t, { log, now: clock.now })
  await withAlice(server)
  const bob = { ...alice, username: 'bob' }
  await server.inject({ method: 'POST', url: '/register', payload: bob })
  const sessions = []
  for (const agent of ['phone', 'laptop', 'tablet']) {
    sessions.push(await signIn(server, alice, agent))
    clock.turn(1)
  }
  const [phone, laptop, tablet] = sessions as [typeof sessions[number], typeof sessions[number], typeof sessions[number]]
  const his = await signIn(server, bob)
  const all = [phone, laptop, tablet, his]
  return {
    server, clock, phone, laptop, his,
    identity: server.tokens.verify(phone.access_token),
    /** What each access and each refresh token is worth. */
    async worths () {
      const statuses = await Promise.all(all.map((pair) => worth(server, pair)))
      for (const [index, pair] of all.entries()) t.equal((await refresh(server, pair.refresh_token)).statusCode, statuses[index], 'a refresh token goes with its access token')
      return statuses
    },
    events: () => log.filter(({ msg }) => msg === 'audit').map(({ event, user_id: user }) => [event, user])
  }
}

t.test('ends the session it is called with, the others, or all, and nobody else\'s', async (t) => {
  for (const [scope, expected] of [['local', [401, 200, 200, 200]], ['others', [200, 401, 401, 200]], ['global', [401, 401, 401, 200]]] as const) {
    const { server, identity, worths, events } = await setUp(t)
    await server.signOut.logout(identity, scope, origin)
    t.strictSame(await worths(), expected, scope)
    t.strictSame(events().filter(([event]) => event === 'authn_token_revoked'), [['authn_token_revoked', identity.userId]])
  }
})

t.test('logs out twice as it does once', async (t) => {
  const { server, identity, worths } = await setUp(t)
  for (const scope of ['local', 'local', 'others', 'others'] as const) await server.signOut.logout(identity, scope, origin)
  t.strictSame(await worths(), [401, 401, 401, 200])
})

t.test('lists the sessions that live, the one used last first, without what a token could be made of', async (t) => {
  const { server, identity, phone, laptop } = await setUp(t)
  const { sessions } = await server.signOut.list(identity)
  t.strictSame(sessions.map(({ current, user_agent: agent }) => [agent, current]), [['tablet', false], ['laptop', false], ['phone', true]])
  t.strictSame(sessions[2], {
    id: sidOf(phone), current: true, created_at: new Date(start).toISOString(), last_used_at: new Date(start).toISOString(),
    expires_at: new Date(start + 604_800_000).toISOString(), ip: '127.0.0.1', user_agent: 'phone'
  })
  await server.signOut.end(identity, sidOf(laptop), origin)
  t.strictSame((await server.signOut.list(identity)).sessions.map(({ user_agent: agent }) => agent), ['tablet', 'phone'])
})

t.test('ends one session of the caller\'s, and finds no other', async (t) => {
  const { server, identity, laptop, his, worths, events } = await setUp(t)
  for (const id of [sidOf(his), 'nothing', '', sidOf(laptop).toUpperCase()]) await t.rejects(server.signOut.end(identity, id, origin), { code: 'not_found' }, id)
  t.notOk(events().some(([event]) => event === 'authn_token_revoked'))
  await server.signOut.end(identity, sidOf(laptop), origin)
  await t.rejects(server.signOut.end(identity, sidOf(laptop), origin), { code: 'not_found' }, 'once')
  t.strictSame(await worths(), [200, 401, 200, 200])
})

t.test('ends every session of one user for an operator, who may write the name in any case', async (t) => {
  const { server, worths } = await setUp(t)
  t.equal(await server.signOut.endAllOf('Alice'), 3)
  t.strictSame(await worths(), [401, 401, 401, 200])
  t.equal(await server.signOut.endAllOf('alice'), 0)
  await t.rejects(server.signOut.endAllOf('nobody'), { code: 'not_found', message: 'There is no user of that name' })
})

t.test('ends what anybody began before a moment, and nothing that is later', async (t) => {
  const { server, clock, worths, events } = await setUp(t)
  t.equal(await server.signOut.endBefore(start), 0)
  t.equal(await server.signOut.endBefore(start + 1001), 2)
  t.strictSame(await worths(), [401, 401, 200, 200])
  await t.rejects(server.signOut.endBefore(clock.now() + 1), RangeError)
  t.equal(await server.signOut.endBefore(clock.now()), 1, 'what begins in that very millisecond lives')
  t.strictSame(await worths(), [401, 401, 401, 200])
  t.strictSame(events().filter(([event]) => event === 'authn_token_revoked'), Array.from({ length: 3 }, () => ['authn_token_revoked', null]))
})

t.test('ends any number of sessions, some hundreds at a time', async (t) => {
  const { server, clock } = await setUp(t)
  const user = await server.users.findByLogin('alice')
  await server.database.transaction(async (queries) => {
    for (let count = 0; count < 1200; count++) {
      const id = sessionId(start - 1 - count)
      await queries.insertInto('sessions').values({ id, user_id: user?.id ?? '', client_id: '', counter: 0, created_at: 0, rotated_at: 0, last_used_at: 0, idle_expires_at: 0, expires_at: 0, ip: '', user_agent: null }).execute()
    }
  })
  t.equal(await server.signOut.endBefore(start), 1200)
  t.equal(await server.signOut.endBefore(clock.now()), 3)
})
