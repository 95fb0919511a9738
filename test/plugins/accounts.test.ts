import t from 'tap'
import { alice, build, withAlice } from '../support/build.ts'

const start = Date.parse('2026-03-01T12:00:00Z')
const origin = { ip: '192.0.2.1', userAgent: null, requestId: 'r' }

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
