import t from 'tap'
import type { Queries } from '../../plugins/database.ts'
import { beganAt, sessionId } from '../../plugins/sessions/session-id.ts'
import type { PresentedToken } from '../../plugins/sessions.ts'
import { alice, aliceSignedIn, build, withAlice } from '../support/build.ts'
import { call, createClock, origin, type Pair, refresh, refreshed, sidOf, signIn, worth } from '../support/calls.ts'
import { countPrepared, countStatements } from '../support/statements.ts'

const start = Date.parse('2026-03-01T12:00:00Z')

t.test('begins a session at sign-in, with both of its lifetimes and where it came from', async (t) => {
  const server = await build(t, { now: () => start, environment: { CLIENT_ID: 'web', REFRESH_IDLE_TTL: '1h', REFRESH_ABSOLUTE_TTL: '2h' } })
  await withAlice(server)
  const reply = await server.inject({ method: 'POST', url: '/login', payload: alice, remoteAddress: '192.0.2.7', headers: { 'user-agent': 'curl/8' } })
  const rows = await server.database.queries.selectFrom('sessions').selectAll().execute()
  t.match(rows, [{
    id: /^[0-9a-f]{8}-[0-9a-f]{4}-7/, user_id: reply.json().user.id, client_id: 'web', counter: 0, created_at: start, rotated_at: start, last_used_at: start,
    idle_expires_at: start + 3_600_000, expires_at: start + 7_200_000, ip: '192.0.2.7', user_agent: 'curl/8'
  }])
  t.equal(reply.json().refresh_expires_in, 3600)
})

t.test('begins another at each sign-in', async (t) => {
  const server = await build(t)
  await withAlice(server)
  const replies = await Promise.all([1, 2, 3].map(() => server.inject({ method: 'POST', url: '/login', payload: alice })))
  t.equal(new Set(replies.map((reply) => reply.json().refresh_token)).size, 3)
  const rows = await server.database.queries.selectFrom('sessions').select('id').distinct().execute()
  t.equal(rows.length, 3)
})

t.test('keeps nothing from which a token could be made', async (t) => {
  const server = await build(t)
  const { refresh_token: token } = await aliceSignedIn(server)
  const proof = Buffer.from(token.slice(4), 'base64url').subarray(0, 32)
  const stored = JSON.stringify(await server.database.queries.selectFrom('sessions').selectAll().execute())
  for (const form of [token, token.slice(4, 30), proof.toString('hex'), proof.toString('base64')]) t.notOk(stored.includes(form))
})

t.test('begins no session where the transaction it belongs to goes back', async (t) => {
  const server = await build(t)
  await withAlice(server)
  const user = await server.users.findByLogin('alice')
  await t.rejects(server.database.transaction(async (queries) => {
    const session = await server.sessions.open(user as NonNullable<typeof user>, origin, queries)
    t.match(session, { clientId: 'gatehouse', refreshToken: /^gr1_/, refreshExpiresIn: 604_800 })
    throw new Error('no')
  }), { message: 'no' })
  t.same(await server.database.queries.selectFrom('sessions').selectAll().execute(), [])
})

t.test('carries the moment it began in its id', async (t) => {
  const server = await build(t, { now: () => start })
  await withAlice(server)
  t.equal(beganAt(sidOf(await signIn(server))), start)
})

t.test('rotates at each use, on one row', async (t) => {
  const clock = createClock(start)
  const server = await build(t, { now: clock.now, environment: { REFRESH_IDLE_TTL: '1h', REFRESH_ABSOLUTE_TTL: '90m' } })
  await withAlice(server)
  const first = await signIn(server)
  clock.turn(1800)
  const second = await refreshed(server, first.refresh_token)
  t.equal(second.refresh_expires_in, 3600)
  clock.turn(1800)
  const third = await refreshed(server, second.refresh_token)
  t.equal(third.refresh_expires_in, 1800, 'never beyond the absolute end')
  t.equal(new Set([first, second, third].map(({ refresh_token: token }) => token)).size, 3)
  t.equal(new Set([first, second, third].map(sidOf)).size, 1)
  t.match(await server.database.queries.selectFrom('sessions').selectAll().execute(), [{ counter: 2, created_at: start, rotated_at: start + 3_600_000, last_used_at: start + 3_600_000, idle_expires_at: start + 5_400_000, expires_at: start + 5_400_000, ip: '127.0.0.1' }])
})

t.test('is over when it was not used for long, and at its absolute end in any case', async (t) => {
  for (const [wait, rounds] of [[3600, 1], [3599, 2]] as const) {
    const clock = createClock(start)
    const server = await build(t, { now: clock.now, environment: { REFRESH_IDLE_TTL: '1h', REFRESH_ABSOLUTE_TTL: '90m' } })
    await withAlice(server)
    let pair = await signIn(server)
    for (let round = 1; round < rounds; round++) {
      clock.turn(wait)
      pair = await refreshed(server, pair.refresh_token)
    }
    clock.turn(wait)
    t.equal((await refresh(server, pair.refresh_token)).json().code, 'invalid_refresh_token', `after ${rounds} times ${wait} s`)
  }
})

t.test('issues no access token that outlives its session', async (t) => {
  const clock = createClock(start)
  const server = await build(t, { now: clock.now, environment: { REFRESH_IDLE_TTL: '1m', REFRESH_ABSOLUTE_TTL: '90s' } })
  await withAlice(server)
  const first = await signIn(server)
  t.equal(first.expires_in, 60)
  clock.turn(59)
  const second = await refreshed(server, first.refresh_token)
  t.equal(second.expires_in, 31)
  clock.turn(30.5)
  t.equal((await refreshed(server, second.refresh_token)).expires_in, 1)
})

t.test('gives the token before the same successor until that is used, within the grace', async (t) => {
  const clock = createClock(start)
  const server = await build(t, { now: clock.now, environment: { REFRESH_GRACE: '10s' } })
  await withAlice(server)
  const first = await signIn(server)
  const second = await refreshed(server, first.refresh_token)
  clock.turn(10)
  const again = await Promise.all(Array.from({ length: 50 }, () => refreshed(server, first.refresh_token)))
  t.strictSame([...new Set(again.map(({ refresh_token: token }) => token))], [second.refresh_token])
  t.equal((await server.database.queries.selectFrom('sessions').select('counter').executeTakeFirstOrThrow()).counter, 1)
  const third = await refreshed(server, second.refresh_token)
  t.equal(await worth(server, third), 200)
  t.equal((await refresh(server, first.refresh_token)).statusCode, 401, 'the successor was used')
  t.equal((await refresh(server, third.refresh_token)).statusCode, 401, 'which ended the session')
  t.equal(await worth(server, third), 401)
})

t.test('says whether it gave the same successor before', async (t) => {
  const server = await build(t)
  const { refresh_token: token } = await aliceSignedIn(server)
  const present = () => server.database.transaction((queries) => server.sessions.refresh(server.sessions.read(token) as PresentedToken, origin, queries))
  t.match([await present(), await present()], [{ outcome: 'granted', repeated: false }, { outcome: 'granted', repeated: true }])
})

t.test('ends the session at a token that returns after the grace, with its access tokens, and tells the audit', async (t) => {
  const clock = createClock(start)
  const log: Array<Record<string, unknown>> = []
  const server = await build(t, { log, now: clock.now, environment: { REFRESH_GRACE: '10s' } })
  await withAlice(server)
  const [first, elsewhere] = [await signIn(server), await signIn(server)]
  const second = await refreshed(server, first.refresh_token)
  clock.turn(10.001)
  t.equal((await refresh(server, first.refresh_token)).json().code, 'invalid_refresh_token')
  for (const pair of [first, second]) t.equal(await worth(server, pair), 401)
  t.equal((await refresh(server, second.refresh_token)).json().code, 'invalid_refresh_token')
  t.equal(await worth(server, elsewhere), 200, 'another session goes on')
  t.strictSame(log.filter(({ event }) => event === 'authn_token_reuse').map(({ user_id: user }) => user), [first.user.id], 'once')
})

t.test('reads nothing for a token that was never made here', async (t) => {
  const server = await build(t)
  await withAlice(server)
  const { refresh_token: token, access_token: access } = await signIn(server)
  const stranger = await build(t)
  await withAlice(stranger)
  const { refresh_token: foreign } = await signIn(stranger)
  const statements = countStatements(t)
  const forged = ['x', 'gr1_', access, foreign, `gr1_${'A'.repeat(70)}`, `${token}x`, token.slice(0, -1), `gr2_${token.slice(4)}`, `gr1_${token.slice(4).split('').toReversed().join('')}`, '\0', 'é'.repeat(74), 'x'.repeat(8192)]
  for (const text of forged) t.equal((await refresh(server, text)).json().code, 'invalid_refresh_token', text.slice(0, 40))
  t.equal(await server.sessions.find('x', server.database.queries), null)
  t.equal(await server.sessions.sessionOf('x', server.database.queries), null)
  t.equal(server.sessions.read('x'), null)
  t.equal(statements.count, 0)
  await refresh(server, token)
  t.ok(statements.count > 0, 'a real one is counted')
})

t.test('prepares its statements once, whatever the time', async (t) => {
  const clock = createClock(start)
  const server = await build(t, { now: clock.now })
  await withAlice(server)
  const first = await refreshed(server, (await signIn(server)).refresh_token)
  const prepared = countPrepared(t)
  clock.turn(1.234)
  await refreshed(server, first.refresh_token)
  t.equal(prepared.count, 0)
})

t.test('finds the session of a current or just replaced token, and of no other', async (t) => {
  const clock = createClock(start)
  const server = await build(t, { now: clock.now, environment: { REFRESH_GRACE: '10s' } })
  await withAlice(server)
  const first = await signIn(server)
  const find = async (token: string) => (await server.sessions.find(token, server.database.queries))?.id ?? null
  const second = await refreshed(server, first.refresh_token)
  t.strictSame([await find(first.refresh_token), await find(second.refresh_token), await find('gr1_nothing')], [sidOf(first), sidOf(first), null])
  clock.turn(10.001)
  t.strictSame([await find(first.refresh_token), await find(second.refresh_token)], [null, sidOf(first)])
  await call(server, 'POST /logout', second.access_token)
  t.equal(await find(second.refresh_token), null, 'there is none any more')
})

t.test('refuses a token whose rotation another one won', async (t) => {
  const server = await build(t)
  const { refresh_token: token } = await aliceSignedIn(server)
  const outcome = await server.database.transaction((queries) => server.sessions.refresh(server.sessions.read(token) as PresentedToken, origin, overtaken(queries)))
  t.same(outcome, { outcome: 'refused' })
})

t.test('ends the session used least recently where there are too many', async (t) => {
  const clock = createClock(start)
  const server = await build(t, { now: clock.now, environment: { MAX_SESSIONS: '3' } })
  await withAlice(server)
  const pairs = []
  for (let count = 0; count < 3; count++) {
    pairs.push(await signIn(server))
    clock.turn(1)
  }
  const [first, second, third] = pairs as [Pair, Pair, Pair]
  const used = await refreshed(server, first.refresh_token)
  clock.turn(1)
  const fourth = await signIn(server)
  t.strictSame(await Promise.all([used, second, third, fourth].map((pair) => worth(server, pair))), [200, 401, 200, 200])
  t.equal((await refresh(server, second.refresh_token)).statusCode, 401)
  t.equal((await call(server, 'GET /me/sessions', fourth.access_token)).json().sessions.length, 3)
})

t.test('lets a user have one session, where one is the most', async (t) => {
  const server = await build(t, { environment: { MAX_SESSIONS: '1' } })
  await withAlice(server)
  const [first, second] = [await signIn(server), await signIn(server)]
  t.strictSame([await worth(server, first), await worth(server, second)], [401, 200])
})

t.test('lets a sign-in in the very millisecond of a global logout live', async (t) => {
  const server = await build(t, { now: () => start })
  await withAlice(server)
  const before = await signIn(server)
  const [, after] = [await call(server, 'POST /logout?scope=global', before.access_token), await signIn(server)]
  t.strictSame([await worth(server, before), await worth(server, after)], [401, 200])
  t.equal(beganAt(sidOf(after)), start + 1, 'as the first after what ended')
  await call(server, 'POST /logout?scope=global', after.access_token)
  const last = await signIn(server)
  t.strictSame([await worth(server, after), await worth(server, last)], [401, 200], 'again')
})

t.test('keeps what ended together ended, and lets live what began later, where the clock goes back', async (t) => {
  const clock = createClock(start)
  const server = await build(t, { now: clock.now })
  await withAlice(server)
  const before = await signIn(server)
  await call(server, 'POST /logout?scope=global', before.access_token)
  clock.turn(-60)
  const late = await signIn(server)
  t.equal(await worth(server, late), 200)
  await call(server, 'POST /logout', late.access_token)
  const user = await server.users.findByLogin('alice')
  await server.database.transaction((queries) => server.sessions.endAll(user?.id ?? '', queries))
  await server.revocations.hear()
  const last = await signIn(server)
  t.strictSame([await worth(server, late), await worth(server, last)], [401, 200])
})

t.test('counts and ends ten thousand sessions together', async (t) => {
  const server = await build(t, { environment: { MAX_SESSIONS: '10000' } })
  await withAlice(server)
  const pair = await signIn(server)
  const row = await server.database.queries.selectFrom('sessions').selectAll().executeTakeFirstOrThrow()
  const ids = Array.from({ length: 10_000 }, (_, index) => sessionId(start + index))
  for (let from = 0; from < ids.length; from += 1000) await server.database.queries.insertInto('sessions').values(ids.slice(from, from + 1000).map((id) => ({ ...row, id }))).execute()
  t.equal(await server.sessions.count(), 10_001)
  t.equal((await call(server, 'POST /logout?scope=others', pair.access_token)).statusCode, 204)
  t.ok(ids.every((id) => server.revocations.isRevoked({ userId: pair.user.id, sessionId: id, clientId: 'gatehouse', tokenId: 'j', roles: [] })))
  t.equal(await worth(server, pair), 200)
})

t.test('ends only what is the user\'s own', async (t) => {
  const server = await build(t)
  await withAlice(server)
  const pair = await signIn(server)
  await server.database.transaction(async (queries) => {
    t.equal(await server.sessions.end('somebody else', sidOf(pair), queries), false)
    t.equal(await server.sessions.end(pair.user.id, 'nothing', queries), false)
    await server.sessions.endAll('nobody', queries)
  })
  await server.revocations.hear()
  t.equal(await worth(server, pair), 200)
})

t.test('sweeps what is over, once its last token is dead', async (t) => {
  const clock = createClock(start)
  const server = await build(t, { now: clock.now, environment: { REFRESH_IDLE_TTL: '1h' } })
  await withAlice(server)
  await signIn(server)
  const rows = async () => (await server.database.queries.selectFrom('sessions').selectAll().execute()).length
  clock.turn(3600)
  await server.jobs.run('sessions')
  t.equal(await rows(), 1)
  clock.turn(120)
  await server.jobs.run('sessions')
  t.equal(await rows(), 0)
})

t.test('ends every session of everybody, says how many there were, and tells the audit', async (t) => {
  const log: Array<Record<string, unknown>> = []
  const server = await build(t, { log })
  await withAlice(server)
  for (let count = 0; count < 2; count++) await signIn(server)
  t.equal(await server.sessions.reset(), 2)
  t.equal(await server.sessions.reset(), 0)
  t.match(log.filter(({ event }) => event === 'authn_token_revoked'), [{ detail: { scope: 'everybody', sessions: 2 } }, { detail: { scope: 'everybody', sessions: 0 } }])
})

/** Queries whose updates change nothing, as where another one was first. */
function overtaken (queries: Queries): Queries {
  const updateTable = (table: 'sessions') => queries.updateTable(table).where('id', '=', 'nothing')
  const bound = (member: string | symbol) => (Reflect.get(queries, member) as () => unknown).bind(queries)
  return new Proxy(queries, { get: (_, member) => member === 'updateTable' ? updateTable : bound(member) })
}
