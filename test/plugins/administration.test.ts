import { join } from 'node:path'
import t, { type Test } from 'tap'
import { administrator, person, root } from '../support/administrator.ts'
import { alice, build } from '../support/build.ts'
import { claimsOf, createClock, origin, refreshed, signIn, worth } from '../support/calls.ts'
import { launch, temporaryFolder } from '../support/service.ts'

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

t.test('writes down what was changed and what was not, and an operator\'s command as cli', async (t) => {
  const { server, users } = await setUp(t)
  const { id } = await users.createUser(editor)
  await users.updateUser(id, { roles: ['editor'], disabled: false, email: 'alice@example.org' })
  await users.updateUser(id, { roles: ['viewer'], email: null, password: 'another good password', disabled: true })
  await t.rejects(users.updateUser(id, { roles: ['a'], email: 'no', password: 'weak' }), { code: 'weak_password' })
  await users.updateUser(id, { disabled: false })
  const rows = await server.database.queries.selectFrom('audit_events').selectAll().where('user_id', '=', id).orderBy('id').execute()
  t.strictSame(rows.map(({ event, actor, detail }) => [event, actor, detail === null ? null : JSON.parse(detail)]), [
    ['user_created', 'cli', { roles: ['editor'] }],
    ['privilege_permissions_changed', 'cli', { from: ['editor'], to: ['viewer'] }],
    ['user_updated', 'cli', { attributes: ['email'] }],
    ['user_updated', 'cli', { attributes: ['disabled'], disabled: true }],
    ['authn_password_change', 'cli', null],
    ['user_updated', 'cli', { attributes: ['disabled'], disabled: false }]
  ])
  t.notMatch(JSON.stringify(rows), /example\.org|password"|argon2/)
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

const first = { BOOTSTRAP_ADMIN_USERNAME: root.username, BOOTSTRAP_ADMIN_PASSWORD: root.password }

t.test('makes the first administrator at the start, once', async (t) => {
  const file = join(temporaryFolder(t), 'auth.db')
  const log: Array<Record<string, unknown>> = []
  const start = (environment: Record<string, string>) => build(t, { log, environment: { DATABASE_URL: `sqlite:${file}`, REGISTRATION: 'closed', ...environment } })
  const server = await start(first)
  const made = await server.administration.findUserByLogin('root')
  t.match(made, { username: 'root', email: null, roles: ['admin'], disabled: false, last_login_at: null })
  t.match(log.filter(({ msg }) => msg === 'audit'), [{ event: 'user_created', user_id: made.id, actor: 'bootstrap' }])
  t.notOk(JSON.stringify(log).includes(root.password))
  await t.resolves(signIn(server, root))

  const again = await start({ BOOTSTRAP_ADMIN_USERNAME: 'second', BOOTSTRAP_ADMIN_PASSWORD: 'weak' })
  t.match(await again.administration.listUsers({ limit: 50 }), { users: [{ id: made.id }], next_cursor: null }, 'there is one: nothing of the variables is looked at')
  await t.resolves(signIn(again, root))
  const { id } = await again.administration.createUser({ ...alice, roles: ['admin'] }, by)
  await again.administration.deleteUser(made.id, by)
  const later = await start(first)
  await t.rejects(later.administration.findUserByLogin('root'), { code: 'not_found' }, 'who was deleted does not come back')
  t.match(await later.administration.findUser(id), { roles: ['admin'] })
})

t.test('makes no administrator of an account that is there', async (t) => {
  const file = join(temporaryFolder(t), 'auth.db')
  const environment = { DATABASE_URL: `sqlite:${file}` }
  const server = await build(t, { environment })
  const { id } = await person(server, root)
  await t.rejects(build(t, { environment: { ...environment, ...first } }), { message: /^BOOTSTRAP_ADMIN_USERNAME is the name of an account that is there/ })
  t.match(await server.administration.findUser(id), { roles: [] })
  await t.resolves(build(t, { environment: { ...environment, ...first, BOOTSTRAP_ADMIN_USERNAME: 'another' } }))
})

t.test('does not start with a first password that is weak, and says so in one line without it', async (t) => {
  for (const password of ['root1234', 'password1', '12345']) {
    const failure = await build(t, { environment: { ...first, BOOTSTRAP_ADMIN_PASSWORD: password } }).then(() => 'it started', ({ message }: Error) => message)
    t.match(failure, /^BOOTSTRAP_ADMIN_PASSWORD cannot be used: .+$/)
    t.notOk(failure.includes(password))
  }
  const service = launch(t, { environment: { ...first, BOOTSTRAP_ADMIN_PASSWORD: 'hunter2hunter2' } })
  t.equal(await service.ended, 1)
  t.match(service.output(), /^gatehouse: BOOTSTRAP_ADMIN_PASSWORD cannot be used: [^\n]+\n$/)
  t.notOk(service.output().includes('hunter2'))
})

t.test('a token with the most roles, and all scopes, has at most 1.5 KiB', async (t) => {
  const names = (count: number, length: number) => Array.from({ length: count }, (_, index) => String.fromCharCode(97 + index).repeat(length))
  for (const roles of [[...names(15, 7), '12345678'], ['x'.repeat(64), 'y'.repeat(63)]]) {
    const scopes = [...names(7, 64), '0'.repeat(57)].join(' ')
    const server = await build(t, { environment: { ROLE_SCOPES: `${roles[0]}=${scopes}`, PUBLIC_URL: 'https://auth.example.com' } })
    const { access_token: token } = await administrator(server, { ...root, username: 'u'.repeat(32) })
    const { sub: id, sid } = claimsOf(token)
    await server.administration.createUser({ ...alice, roles: ['admin'] }, by)
    await server.administration.updateUser(id, { roles }, by)
    const issued = server.tokens.issue({ user: await server.users.findById(id) as { id: string, username: string, roles: string[] }, session: { id: sid, clientId: 'gatehouse', expiresAt: Date.now() + 1e7 } })
    t.strictSame([roles.join(' ').length, server.tokens.verify(issued.token).scopes.join(' ').length], [128, 512])
    t.ok(issued.token.length <= 1536, `${issued.token.length}`)
  }
})
