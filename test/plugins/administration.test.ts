import t, { type Test } from 'tap'
import { alice, build } from '../support/build.ts'
import { claimsOf, createClock, origin, refreshed, signIn, worth } from '../support/calls.ts'

const by = { actor: 'an operator', origin }
const editor = { ...alice, email: 'alice@example.org', roles: ['editor'] }

async function setUp (t: Test) {
  const log: Array<Record<string, unknown>> = []
  const clock = createClock()
  const server = await build(t, { log, now: clock.now, environment: { REGISTRATION: 'closed' } })
  return { server, clock, users: server.administration, events: () => log.filter(({ msg }) => msg === 'audit').map(({ event, user_id: user, actor }) => ({ event, user, actor })) }
}

t.test('makes, finds, changes and deletes accounts, and says who did', async (t) => {
  const { users, events } = await setUp(t)
  const made = await users.createUser(editor, by)
  t.strictSame(made, { id: made.id, username: 'alice', email: 'alice@example.org', roles: ['editor'], created_at: '2026-03-01T12:00:00.000Z', disabled: false, last_login_at: null })
  for (const login of ['alice', 'ALICE', 'Alice@example.org']) t.strictSame(await users.findUserByLogin(login), made)
  t.strictSame(await users.findUser(made.id), made)
  t.strictSame(await users.updateUser(made.id, { disabled: true }, by), { ...made, disabled: true })
  t.equal(await users.endSessions(made.id, by), 0)
  await users.deleteUser(made.id, by)
  await t.rejects(users.findUserByLogin('alice'), { code: 'not_found' })
  await t.rejects(users.deleteUser(made.id, by), { code: 'not_found' })
  t.strictSame(events(), ['user_created', 'user_updated', 'authn_token_revoked', 'user_deleted'].map((event) => ({ event, user: made.id, actor: 'an operator' })))
})

t.test('keeps nothing of a change that is refused in part', async (t) => {
  const { server, users } = await setUp(t)
  const { id } = await users.createUser(editor, by)
  await users.createUser({ ...alice, username: 'bob', email: 'bob@example.org' }, by)
  const pair = await signIn(server)
  const before = await users.findUser(id)
  for (const [change, code] of [[{ email: 'bob@example.org' }, 'email_taken'], [{ password: 'short' }, 'weak_password'], [{ password: 'new.name1', email: 'new.name@example.org' }, 'weak_password'], [{ roles: ['x'.repeat(64), 'y'.repeat(64)] }, 'invalid_request']] as const) {
    await t.rejects(users.updateUser(id, { roles: [], disabled: true, ...change } as never, by), { code }, code)
    t.strictSame(await users.findUser(id), before)
    t.equal(await worth(server, pair), 200)
  }
  await t.rejects(users.createUser({ ...alice, username: 'carol', roles: ['no name'] }, by), { code: 'invalid_request' })
  await t.rejects(users.createUser({ ...alice, username: 'carol', email: 'BOB@example.org' }, by), { code: 'email_taken' })
  await t.rejects(users.findUserByLogin('carol'), { code: 'not_found' })
})

t.test('a token is refused for a role that was taken, however it came to name it, until it is given back', async (t) => {
  const { server, users } = await setUp(t)
  const { id } = await users.createUser({ ...alice, roles: ['a', 'b'] }, by)
  const pair = await signIn(server)
  const session = { ...claimsOf(pair.access_token), id: claimsOf(pair.access_token).sid, clientId: 'gatehouse', expiresAt: server.clock.now() + 600_000 }
  await users.updateUser(id, { roles: ['b', 'c'] }, by)
  t.equal(await worth(server, pair), 401)
  const late = server.tokens.issue({ user: { id, username: 'alice', roles: ['a', 'b'] }, session })
  t.equal(await worth(server, { access_token: late.token }), 401, 'one that was signed after, from what was read before')
  const next = await refreshed(server, pair.refresh_token)
  t.equal(await worth(server, next), 200)
  await users.updateUser(id, { roles: ['a'] }, by)
  t.strictSame([await worth(server, next), await worth(server, pair)], [401, 401])
  await users.updateUser(id, { roles: ['a', 'b', 'c'] }, by)
  t.strictSame([await worth(server, next), await worth(server, pair)], [200, 200], 'the session never ended')
})

t.test('another process refuses within a second what was taken', async (t) => {
  const { server, users } = await setUp(t)
  const { id } = await users.createUser(editor, by)
  const { access_token: token } = await signIn(server)
  const bearer = server.tokens.verify(token)
  await server.database.transaction((queries) => server.revocations.addHolder(id, [], queries))
  t.equal(server.revocations.isRevoked(bearer), false, 'not heard yet')
  await server.jobs.run('revocations')
  t.equal(server.revocations.isRevoked(bearer), true)
})

t.test('an account that is made or changed is what signs in', async (t) => {
  const { server, clock, users } = await setUp(t)
  const { id } = await users.createUser(alice, by)
  clock.turn(5)
  await signIn(server)
  t.match(await users.findUser(id), { last_login_at: '2026-03-01T12:00:05.000Z' })
  await users.updateUser(id, { password: 'another good password' }, by)
  const refused = await server.inject({ method: 'POST', url: '/login', payload: alice })
  t.equal(refused.statusCode, 401)
  t.match(await users.findUser(id), { last_login_at: '2026-03-01T12:00:05.000Z' }, 'a failed sign-in is none')
  await t.resolves(signIn(server, { ...alice, password: 'another good password' }))
})

t.test('says which roles one user may hold together', async (t) => {
  const { users } = await setUp(t)
  t.strictSame([['admin', 'admin'], [], ['a b'], ['x'.repeat(64), 'y'.repeat(64)]].map(users.areRoles), [true, true, false, false])
})
