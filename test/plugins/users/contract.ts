import { randomUUIDv7 } from 'node:crypto'
import type { Test } from 'tap'
import { run } from '../../../plugins/database/statement.ts'
import type { Queries } from '../../../plugins/database.ts'
import { createUserRepository, type NewUser } from '../../../plugins/users/repository.ts'

const createdAt = Date.parse('2026-03-01T12:00:00.123Z')

function newUser (members: Partial<NewUser> = {}): NewUser {
  return { id: randomUUIDv7(), username: 'alice', email: null, passwordHash: '$argon2id$first', createdAt, ...members }
}

/** What the user repository promises, whatever database it is on. `open` gives a new empty one. */
export function usersContract (t: Test, open: (t: Test) => Promise<Queries>): void {
  t.test('finds who was added, by id, by name and by address in any case', async (t) => {
    const users = createUserRepository(await open(t), { run })
    const alice = newUser({ username: 'Alice.B-1', email: 'Alice@Example.org' })
    t.equal(await users.add(alice), 'added')
    const record = { id: alice.id, username: 'alice.b-1', email: 'Alice@Example.org', passwordHash: '$argon2id$first', disabled: false, roles: [], createdAt, sessionsNotBefore: 0, lastLoginAt: null }
    t.strictSame(await users.findById(alice.id), record)
    for (const login of ['alice.b-1', 'ALICE.B-1', 'Alice@Example.org', 'alice@example.ORG']) t.strictSame(await users.findByLogin(login), record, login)
  })

  t.test('finds nobody by anything else', async (t) => {
    const users = createUserRepository(await open(t), { run })
    await users.add(newUser({ username: 'kelvin', email: 'kelvin@example.org' }))
    for (const login of ['', 'bob', 'kelvi', 'kelvin ', '\u212aelvin', 'ｋelvin', 'kelvin\0', 'KELV\u0130N', 'kelvin@example.or', '@', 'kelvin@', '\u212aelvin@example.org', '%', 'k%', '_elvin', '\' or 1=1 --']) t.equal(await users.findByLogin(login), null, login)
    t.equal(await users.findById('kelvin'), null)
    t.equal(await users.findById(''), null)
  })

  t.test('never updates: a name that is held stays as it is', async (t) => {
    const users = createUserRepository(await open(t), { run })
    const first = newUser({ email: 'first@example.org' })
    await users.add(first)
    for (const username of ['alice', 'Alice', 'ALICE']) {
      t.equal(await users.add(newUser({ username, passwordHash: '$argon2id$second', email: 'second@example.org' })), 'username_taken', username)
    }
    t.match(await users.findByLogin('alice'), { id: first.id, passwordHash: '$argon2id$first', email: 'first@example.org' })
    t.equal(await users.findByLogin('second@example.org'), null)
  })

  t.test('holds an address for one user, in any case', async (t) => {
    const users = createUserRepository(await open(t), { run })
    await users.add(newUser({ email: 'alice@example.org' }))
    t.equal(await users.add(newUser({ username: 'bob', email: 'ALICE@example.org' })), 'email_taken')
    t.equal(await users.add(newUser({ username: 'alice', email: 'alice@example.org' })), 'username_taken', 'the name is named first')
    t.equal(await users.findByLogin('bob'), null)
    t.equal(await users.add(newUser({ username: 'bob' })), 'added')
    t.equal(await users.add(newUser({ username: 'carol' })), 'added', 'any number may have none')
  })

  t.test('gives a name to one of fifty who ask at once', async (t) => {
    const users = createUserRepository(await open(t), { run })
    const askers = Array.from({ length: 50 }, (_, index) => newUser({ username: index % 2 === 0 ? 'alice' : 'ALICE', passwordHash: `$argon2id$${index}` }))
    const outcomes = await Promise.all(askers.map((asker) => users.add(asker)))
    t.equal(outcomes.filter((outcome) => outcome === 'added').length, 1)
    t.equal(outcomes.filter((outcome) => outcome === 'username_taken').length, 49)
    const winner = askers[outcomes.indexOf('added')] as NewUser
    t.match(await users.findByLogin('alice'), { id: winner.id, passwordHash: winner.passwordHash ?? '' })
  })

  t.test('replaces a digest where it is still the one that was read', async (t) => {
    const users = createUserRepository(await open(t), { run })
    const alice = newUser()
    await users.add(alice)
    await users.add(newUser({ username: 'bob' }))
    t.equal(await users.replacePasswordHash(alice.id, '$argon2id$other', '$argon2id$wrong'), false)
    t.equal(await users.replacePasswordHash(alice.id, '$argon2id$first', '$argon2id$second'), true)
    t.equal(await users.replacePasswordHash(alice.id, '$argon2id$first', '$argon2id$third'), false, 'it is that no more')
    t.equal(await users.replacePasswordHash(randomUUIDv7(), '$argon2id$first', '$argon2id$x'), false)
    t.equal((await users.findById(alice.id))?.passwordHash, '$argon2id$second')
    t.equal((await users.findByLogin('bob'))?.passwordHash, '$argon2id$first', 'another\'s stays')
    const wins = await Promise.all(Array.from({ length: 10 }, (_, index) => users.replacePasswordHash(alice.id, '$argon2id$second', `$argon2id$${index}`)))
    t.equal(wins.filter(Boolean).length, 1, 'one of ten at once')
  })

  t.test('finds a user again whose password is still the one that was checked, and no other', async (t) => {
    const queries = await open(t)
    const users = createUserRepository(queries, { run })
    const alice = newUser()
    await users.add(alice)
    t.strictSame(await users.findUnchanged(alice), await users.findById(alice.id))
    t.equal(await users.findUnchanged({ ...alice, passwordHash: '$argon2id$other' }), null, 'another password')
    t.equal(await users.findUnchanged({ ...alice, id: randomUUIDv7() }), null, 'gone')
    await queries.updateTable('users').set({ disabled_at: createdAt }).where('id', '=', alice.id).execute()
    t.equal(await users.findUnchanged(alice), null, 'disabled')
  })

  t.test('tells roles in order, who is disabled, and who has no password', async (t) => {
    const queries = await open(t)
    const users = createUserRepository(queries, { run })
    const alice = newUser({ passwordHash: null })
    await users.add(alice)
    await queries.insertInto('user_roles').values(['editor', 'admin', 'viewer'].map((role) => ({ user_id: alice.id, role }))).execute()
    t.match(await users.findById(alice.id), { roles: ['admin', 'editor', 'viewer'], disabled: false, passwordHash: null })
    await queries.updateTable('users').set({ disabled_at: createdAt }).where('id', '=', alice.id).execute()
    t.match(await users.findById(alice.id), { disabled: true })
    await queries.deleteFrom('users').where('id', '=', alice.id).execute()
    t.same(await queries.selectFrom('user_roles').selectAll().execute(), [], 'roles go with their user')
    t.equal(await users.add(newUser()), 'added', 'and the name is free again')
  })

  t.test('sets, changes and clears an address, which is one user\'s in any case', async (t) => {
    const users = createUserRepository(await open(t), { run })
    const [alice, bob] = [newUser({ email: 'alice@example.org' }), newUser({ username: 'bob' })]
    for (const user of [alice, bob]) await users.add(user)
    t.equal(await users.setEmail(bob.id, 'ALICE@example.org'), 'email_taken')
    t.match(await users.findById(bob.id), { email: null })
    t.equal(await users.setEmail(alice.id, 'Alice@Example.org'), 'set', 'her own in another case')
    t.match(await users.findByLogin('alice@example.org'), { id: alice.id, email: 'Alice@Example.org' })
    t.equal(await users.setEmail(alice.id, null), 'set')
    t.equal(await users.setEmail(bob.id, 'alice@example.org'), 'set', 'it is free again')
    t.match(await users.findByLogin('ALICE@EXAMPLE.ORG'), { id: bob.id })
    t.equal(await users.setEmail(alice.id, '\u212aelvin@example.org'), 'set')
    t.equal(await users.findByLogin('kelvin@example.org'), null, 'nothing is folded into another\'s')
    t.match(await users.findByLogin('\u212aELVIN@example.org'), { id: alice.id })
  })

  t.test('signs in who is still what was checked, and remembers when', async (t) => {
    const users = createUserRepository(await open(t), { run })
    const alice = newUser()
    await users.add(alice)
    await users.setRoles(alice.id, ['editor'])
    t.strictSame(await users.signIn(alice, 7), { ...await users.findById(alice.id), lastLoginAt: 7, roles: ['editor'] })
    t.equal(await users.signIn({ ...alice, passwordHash: '$argon2id$other' }, 8), null)
    await users.setDisabled(alice.id, 1)
    t.equal(await users.signIn(alice, 8), null)
    t.match(await users.findById(alice.id), { lastLoginAt: 7, disabled: true })
    await users.setDisabled(alice.id, null)
    await users.setPasswordHash(alice.id, '$argon2id$set')
    t.match(await users.findById(alice.id), { disabled: false, passwordHash: '$argon2id$set' })
  })

  t.test('sets roles, and knows whether anybody holds one, and who is enabled', async (t) => {
    const users = createUserRepository(await open(t), { run })
    const [alice, bob] = [newUser(), newUser({ username: 'bob' })]
    for (const user of [alice, bob]) await users.add(user)
    t.equal(await users.isHeld('admin'), false)
    await users.setRoles(alice.id, ['viewer', 'admin'])
    t.match(await users.findById(alice.id), { roles: ['admin', 'viewer'] })
    t.strictSame([await users.isHeld('admin'), await users.isHeldBeside(alice.id, 'admin'), await users.isHeldBeside(bob.id, 'admin')], [true, false, true])
    const ghost = newUser({ username: 'ghost', passwordHash: null })
    await users.add(ghost)
    await users.setRoles(ghost.id, ['admin'])
    t.equal(await users.isHeldBeside(alice.id, 'admin'), false, 'without a password nobody signs in')
    await users.remove(ghost.id)
    await users.setDisabled(alice.id, 1)
    t.strictSame([await users.isHeld('admin'), await users.isHeldBeside(bob.id, 'admin')], [true, false])
    await users.setRoles(alice.id, [])
    t.strictSame([await users.isHeld('admin'), (await users.findById(alice.id))?.roles], [false, []])
  })

  t.test('remembers until when sessions have ended, and deletes a user with all that is theirs', async (t) => {
    const queries = await open(t)
    const users = createUserRepository(queries, { run })
    const [alice, bob] = [newUser(), newUser({ username: 'bob' })]
    for (const user of [alice, bob]) await users.add(user)
    await users.endSessionsUntil(alice.id, createdAt)
    t.match(await users.findById(alice.id), { sessionsNotBefore: createdAt })
    t.match(await users.findById(bob.id), { sessionsNotBefore: 0 })
    await queries.insertInto('user_roles').values({ user_id: alice.id, role: 'admin' }).execute()
    await users.remove(alice.id)
    t.equal(await users.findById(alice.id), null)
    t.match(await users.findById(bob.id), { username: 'bob' })
    t.same(await queries.selectFrom('user_roles').selectAll().execute(), [])
    await t.resolves(users.remove(alice.id))
  })

  t.test('takes part in a transaction, and goes back with it', async (t) => {
    const queries = await open(t)
    const users = createUserRepository(queries, { run })
    await t.rejects(queries.transaction().execute(async (inside) => {
      await users.within(inside).add(newUser())
      t.ok(await users.within(inside).findByLogin('alice'), 'seen inside')
      throw new Error('no')
    }), { message: 'no' })
    t.equal(await users.findByLogin('alice'), null)
    await queries.transaction().execute((inside) => users.within(inside).add(newUser()))
    t.ok(await users.findByLogin('alice'))
  })

  t.test('stores text as text, whatever is in it', async (t) => {
    const users = createUserRepository(await open(t), { run })
    for (const text of ['\'; drop table users; --', '" or ""="', '$1', '?1', ':name', '\u{1F434}', '漢字', '\\', '{}', '[object object]']) {
      const user = newUser({ username: text, email: `${text}@example.org`, passwordHash: text })
      t.equal(await users.add(user), 'added')
      t.strictSame(await users.findById(user.id), { ...user, disabled: false, roles: [], sessionsNotBefore: 0, lastLoginAt: null }, text)
    }
  })
}
