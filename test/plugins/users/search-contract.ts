import { randomUUIDv7 } from 'node:crypto'
import type { Test } from 'tap'
import { run } from '../../../plugins/database/statement.ts'
import type { Queries } from '../../../plugins/database.ts'
import { createUserRepository } from '../../../plugins/users/repository.ts'

const any = { prefix: '', role: null, disabled: null }

/** What a search for users promises, whatever database it is on. `open` gives a new empty one. */
export function searchContract (t: Test, open: (t: Test) => Promise<Queries>): void {
  async function setUp (t: Test, names: ReadonlyArray<readonly [string, string | null]>) {
    const users = createUserRepository(await open(t), { run })
    const ids = new Map<string, string>()
    for (const [username, email] of names) {
      const id = randomUUIDv7()
      ids.set(username, id)
      await users.add({ id, username, email, passwordHash: 'x', createdAt: 1 })
    }
    const names_ = async (filter: object, after = '', limit = 100) => (await users.search({ ...any, ...filter }, after, limit)).map(({ user }) => user.username)
    return { users, id: (name: string) => ids.get(name) as string, names: names_ }
  }

  const four = [['dave', null], ['carol', 'alice.carol@example.org'], ['alice', 'Alice@example.org'], ['bob', 'zz@example.org']] as const

  t.test('goes by name, and by what was searched for', async (t) => {
    const { names } = await setUp(t, four)
    t.strictSame(await names({}), ['alice', 'bob', 'carol', 'dave'])
    t.strictSame(await names({ prefix: 'ALICE' }), ['alice', 'carol'], 'each once')
    t.strictSame(await names({ prefix: 'alice@' }), ['alice'])
    t.strictSame(await names({ prefix: 'z' }), ['bob'])
    for (const prefix of ['%', '_', 'a%', 'al_ce', '*', 'a*', '\\', '\'', 'alicf', 'lice', 'é', '\u{10ffff}']) t.strictSame(await names({ prefix }), [], prefix)
  })

  t.test('is in the order of bytes, whatever language the database was set up for', async (t) => {
    const { names } = await setUp(t, [['a-b', null], ['a.b', null], ['a0b', null], ['a_b', null], ['aab', null], ['ab', null]])
    t.strictSame(await names({ prefix: 'a' }), ['a-b', 'a.b', 'a0b', 'a_b', 'aab', 'ab'])
    t.strictSame(await names({ prefix: 'a' }, 'a0b'), ['a_b', 'aab', 'ab'])
  })

  t.test('takes roles and states into account, and shows them', async (t) => {
    const { users, id, names } = await setUp(t, four)
    await users.setRoles(id('bob'), ['editor', 'admin'])
    await users.setRoles(id('alice'), ['editor'])
    await users.setDisabled(id('alice'), 1)
    const editors = await names({ role: 'editor' })
    t.strictSame(editors.toSorted(), ['alice', 'bob'])
    t.strictSame(await names({ role: 'editor' }, id(editors[0] as string)), [editors[1]])
    t.strictSame(await names({ role: 'editor', prefix: 'b' }), ['bob'])
    t.strictSame(await names({ role: 'editor', disabled: false }), ['bob'])
    t.strictSame(await names({ disabled: true }), ['alice'])
    t.strictSame(await names({ disabled: false }), ['bob', 'carol', 'dave'])
    t.strictSame(await names({ role: 'editor', prefix: 'a', disabled: true }), ['alice'])
    t.strictSame(await names({ role: 'nobody' }), [])
    t.match(await users.search({ ...any, prefix: 'b' }, '', 1), [{ key: 'bob', user: { roles: ['admin', 'editor'], disabled: false } }])
  })

  t.test('goes on where it ended, page by page, while users come and go', async (t) => {
    const many = Array.from({ length: 60 }, (_, index) => [`u${String(index).padStart(2, '0')}x`, `u${String(index).padStart(2, '0')}x@example.org`] as const)
    const { users, id } = await setUp(t, [...many, ['other', 'u30@example.org'], ['last', 'uz@example.org']])
    for (const [prefix, limit] of [['', 7], ['u', 7], ['u', 1], ['u', 200], ['u0', 3], ['u3', 5]] as const) {
      const seen: string[] = []
      for (let after = '', full = true; full;) {
        const page = await users.search({ ...any, prefix }, after, limit)
        seen.push(...page.map(({ user }) => user.username))
        after = page.at(-1)?.key ?? after
        full = page.length === limit
      }
      const expected = [...many.map(([name]) => name), 'other', 'last'].filter((name) => prefix === '' || name.startsWith(prefix) || (name === 'other' && 'u30'.startsWith(prefix)) || (name === 'last' && prefix === 'u'))
      t.strictSame(seen.toSorted(), expected.toSorted(), `${prefix} by ${limit}`)
      t.equal(new Set(seen).size, seen.length)
    }
    const first = await users.search(any, '', 10)
    const after = first.at(-1)?.key as string
    await users.remove(id(after))
    await users.add({ id: randomUUIDv7(), username: 'aaa', email: null, passwordHash: 'x', createdAt: 1 })
    t.not((await users.search(any, after, 1))[0]?.key, after)
    t.equal((await users.search(any, after, 100)).length, 62 - 10, 'who came before is not shown, nobody is left out or shown twice')
  })

  t.test('finds the holders of a role that many have, and of one that few have, among those who begin alike', async (t) => {
    const queries = await open(t)
    const users = createUserRepository(queries, { run })
    const many = Array.from({ length: 2100 }, (_, index) => ({ id: randomUUIDv7(), username: `u${String(index).padStart(4, '0')}` }))
    const blank = { email: null, email_key: null, password_hash: null, disabled_at: null, sessions_not_before: null, last_login_at: null, created_at: 1 }
    for (let at = 0; at < many.length; at += 700) {
      const part = many.slice(at, at + 700)
      await queries.insertInto('users').values(part.map((user) => ({ ...user, ...blank }))).execute()
      await queries.insertInto('user_roles').values(part.filter((_, index) => at + index < 2090).map(({ id }) => ({ user_id: id, role: 'many' }))).execute()
    }
    await users.setRoles(many[2095]?.id as string, ['few'])
    const names = async (role: string, prefix: string, after = '') => (await users.search({ ...any, role, prefix }, after, 3)).map(({ user }) => user.username)
    t.strictSame(await names('many', 'u'), ['u0000', 'u0001', 'u0002'])
    t.strictSame(await names('many', 'u208', 'u2087'), ['u2088', 'u2089'])
    t.strictSame(await names('many', 'u209'), [])
    t.strictSame(await names('few', 'u'), ['u2095'])
    t.equal((await users.search({ ...any, role: 'many' }, '', 3000)).length, 2090)
  })
}
