import t, { type Test } from 'tap'
import { alice, build, withAlice } from '../support/build.ts'
import { origin, refresh, sidOf, signIn, start, worth } from '../support/calls.ts'

t.test('makes an account of what was asked for, and of nothing else', async (t) => {
  const server = await build(t, { now: () => start })
  const user = await server.accounts.register({ username: 'Alice', password: alice.password, email: 'Alice@Example.org' }, origin)
  t.match(user.id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  t.strictSame(user, { id: user.id, username: 'alice', email: 'Alice@Example.org', roles: [], created_at: '2026-03-01T12:00:00.000Z' })
  t.strictSame(await server.accounts.profile(user.id), user)
  const [row] = await server.database.queries.selectFrom('users').selectAll().execute()
  t.match(row?.password_hash, /^\$argon2id\$/)
  t.notMatch(JSON.stringify(row), alice.password)
})

t.test('refuses names, addresses and passwords by their errors', async (t) => {
  const server = await build(t)
  await server.accounts.register({ ...alice, email: 'alice@example.org' }, origin)
  const refused = [
    [{ ...alice, password: 'another good password' }, 'username_taken'], [{ username: 'ALICE', password: alice.password }, 'username_taken'],
    [{ username: 'bob', password: alice.password, email: 'ALICE@example.org' }, 'email_taken'], [{ username: 'bob', password: 'short' }, 'weak_password'],
    [{ username: 'bobby', password: 'bobby123' }, 'weak_password'], [{ username: 'bob', password: 'jane.doe1', email: 'jane.doe@example.org' }, 'weak_password'], [{ username: 'bob', password: 'jane.doe@home', email: null }, null]
  ] as const
  for (const [body, code] of refused) {
    if (code === null) await t.resolves(server.accounts.register(body, origin))
    else await t.rejects(server.accounts.register(body, origin), { code }, JSON.stringify(body))
  }
})

t.test('makes none where registration is closed', async (t) => {
  const server = await build(t, { environment: { REGISTRATION: 'closed' } })
  await t.rejects(server.accounts.register(alice, origin), { code: 'registration_closed' })
  t.same(await server.database.queries.selectFrom('users').selectAll().execute(), [])
})

t.test('shows no account that is gone or disabled', async (t) => {
  const server = await build(t)
  await withAlice(server)
  const { id = '' } = await server.users.findByLogin('alice') ?? {}
  await server.database.queries.updateTable('users').set({ disabled_at: 1 }).execute()
  await t.rejects(server.accounts.profile(id), { code: 'invalid_token' })
  await server.database.queries.deleteFrom('users').execute()
  await t.rejects(server.accounts.profile(id), { code: 'invalid_token' })
})

/** Alice, signed in twice. */
async function setUp (t: Test) {
  const log: Array<Record<string, unknown>> = []
  const server = await build(t, { log, now: () => start })
  await withAlice(server)
  const [here, there] = [await signIn(server), await signIn(server)]
  const confirm = () => server.signIn.confirm(here.user.id, alice.password, origin)
  return { server, here, there, confirm, events: () => log.filter(({ msg }) => msg === 'audit').map(({ event }) => event).slice(3) }
}

t.test('sets another password, and ends every other session with it', async (t) => {
  const { server, here, there, confirm, events } = await setUp(t)
  await server.accounts.changePassword(await confirm(), sidOf(here), 'another good password', origin)
  t.strictSame([await worth(server, here), await worth(server, there)], [200, 401])
  t.equal((await refresh(server, there.refresh_token)).statusCode, 401)
  await t.rejects(confirm(), { code: 'invalid_credentials' })
  await t.resolves(signIn(server, { ...alice, password: 'another good password' }))
  t.strictSame(events().slice(0, 1), ['authn_password_change'])
})

t.test('sets no password that is weak for this account, and ends nothing then', async (t) => {
  const { server, here, there, confirm, events } = await setUp(t)
  await server.accounts.changeEmail(await confirm(), 'jane.doe@example.org', origin)
  for (const password of ['short', 'password', 'alice123', 'jane.doe1']) await t.rejects(server.accounts.changePassword(await confirm(), sidOf(here), password, origin), { code: 'weak_password' }, password)
  t.equal(await worth(server, there), 200)
  t.strictSame(events(), ['user_updated'])
})

t.test('changes nothing where the account changed since the password was shown', async (t) => {
  const { server, here, there, confirm } = await setUp(t)
  const [stale, same] = [await confirm(), await confirm()]
  await server.accounts.changePassword(same, sidOf(here), 'another good password', origin)
  const another = await signIn(server, { ...alice, password: 'another good password' })
  for (const change of [
    () => server.accounts.changePassword(stale, sidOf(there), 'a third good password', origin),
    () => server.accounts.changeEmail(stale, 'alice@example.org', origin),
    () => server.accounts.remove(stale, origin)
  ]) await t.rejects(async () => { await change() }, { code: 'invalid_credentials' })
  t.strictSame([await worth(server, here), await worth(server, another)], [200, 200])
  t.match(await server.accounts.profile(here.user.id), { email: null })
})

t.test('sets, changes and clears the address, which is one user\'s in any case', async (t) => {
  const { server, confirm } = await setUp(t)
  await server.accounts.register({ username: 'bob', password: alice.password, email: 'bob@example.org' }, origin)
  const set = async (email: string | null) => server.accounts.changeEmail(await confirm(), email, origin)
  t.match(await set('Alice@Example.org'), { email: 'Alice@Example.org' })
  t.match(await set('ALICE@example.org'), { email: 'ALICE@example.org' }, 'her own in another case')
  t.match(await server.users.findByLogin('alice@EXAMPLE.org'), { username: 'alice' })
  await t.rejects(set('BOB@example.org'), { code: 'email_taken' })
  t.match(await server.users.findByLogin('alice@example.org'), { username: 'alice' }, 'which changes nothing')
  t.match(await set(null), { email: null })
  t.equal(await server.users.findByLogin('alice@example.org'), null)
  await t.resolves(server.accounts.register({ username: 'carol', password: alice.password, email: 'alice@example.org' }, origin), 'it is free again')
})

t.test('deletes the account with all its sessions; the name is free, the id never returns', async (t) => {
  const { server, here, there, confirm, events } = await setUp(t)
  await server.accounts.remove(await confirm(), origin)
  t.strictSame([await worth(server, here), await worth(server, there)], [401, 401])
  for (const pair of [here, there]) t.equal((await refresh(server, pair.refresh_token)).statusCode, 401)
  t.strictSame(events(), ['user_deleted'])
  t.same(await server.database.queries.selectFrom('sessions').selectAll().execute(), [])
  await withAlice(server)
  const again = await signIn(server)
  t.not(again.user.id, here.user.id)
  t.strictSame([await worth(server, here), await worth(server, again)], [401, 200])
})
