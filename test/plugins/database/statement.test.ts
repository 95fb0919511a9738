import t, { type Test } from 'tap'
import { run } from '../../../plugins/database/statement.ts'
import type { Queries } from '../../../plugins/database.ts'
import { add, newFile, openDatabase } from '../../support/database.ts'
import { openPostgresDatabase, startPostgres } from '../../support/postgres.ts'

const server = await startPostgres(t)

const both = async (t: Test) => [await openDatabase(t), await openPostgresDatabase(t, server)]
const later = (queries: Queries, { name }: { name: string }) => queries.selectFrom('users').select('username').where('username', '>', name).orderBy('username')

t.test('binds the values of each run, whatever their order and however often, on either database and in its transactions', async (t) => {
  const between = (queries: Queries, { from, to, besides }: { from: string, to: string, besides: string }) => queries.selectFrom('users').select('username')
    .where('username', '>=', from).where('username', '<=', to).where('username', '!=', besides).where('id', '!=', besides).where('created_at', '=', 0).orderBy('username')
  for (const queries of await both(t)) {
    for (const name of ['alice', 'bob', 'carol', 'dave']) await add(queries, name)
    const found = async (from: string, to: string, besides: string, on = queries) => (await run(between, { besides, from, to }, on)).rows.map(({ username }) => username)
    t.strictSame(await found('a', 'z', 'bob'), ['alice', 'carol', 'dave'])
    t.strictSame(await found('b', 'cz', ''), ['bob', 'carol'])
    await queries.transaction().execute(async (inside) => {
      await add(inside, 'carla')
      t.strictSame(await found('b', 'cz', '', inside), ['bob', 'carla', 'carol'], 'what the transaction alone sees')
    })
  }
})

t.test('builds each once for each database, beside others', async (t) => {
  let built = 0
  const counted = (queries: Queries, values: { name: string }) => {
    built++
    return later(queries, values)
  }
  const another = (queries: Queries, values: { name: string }) => counted(queries, values)
  for (const queries of await both(t)) for (let i = 0; i < 3; i++) for (const one of [counted, another]) await run(one, { name: String(i) }, queries)
  t.equal(built, 2 * 2 * 2, 'and once more, to see that values change nothing')
})

t.test('says what a statement that changes something did, and gives back what it was asked for', async (t) => {
  const renamed = (queries: Queries, { id, email }: { id: string, email: string | null }) => queries.updateTable('users').set({ email }).where('id', '=', id)
  const removed = (queries: Queries, { id }: { id: string }) => queries.deleteFrom('users').where('id', '=', id).returning('email')
  for (const queries of await both(t)) {
    await add(queries, 'alice', '1')
    t.equal((await run(renamed, { id: '1', email: 'a@example.test' }, queries)).numAffectedRows, 1n)
    t.equal((await run(renamed, { id: '2', email: 'b@example.test' }, queries)).numAffectedRows, 0n)
    t.equal((await run(renamed, { id: '1', email: null }, queries)).numAffectedRows, 1n)
    t.same((await run(removed, { id: '1' }, queries)).rows, [{ email: null }])
  }
})

t.test('reads beside whoever writes', async (t) => {
  const queries = await openDatabase(t, { file: newFile(t), timeout: 0.1 })
  await queries.transaction().execute(async (inside) => {
    await add(inside, 'alice')
    t.same((await run(later, { name: '' }, queries)).rows, [])
  })
  t.same((await run(later, { name: '' }, queries)).rows, [{ username: 'alice' }])
})

t.test('does not let a statement depend on what a value is', async (t) => {
  const queries = await openDatabase(t)
  const sessions = () => queries.selectFrom('sessions').select('id')
  const values = { counter: 1, userAgent: null as string | null, name: 'a' }
  type Values = typeof values
  const wrong: Array<(queries: Queries, values: Values) => ReturnType<typeof sessions>> = [
    (_, { userAgent }) => userAgent === null ? sessions().where('user_agent', 'is', null) : sessions().where('user_agent', '=', userAgent),
    (_, { userAgent }) => sessions().where('user_agent', '=', userAgent ?? 'none'),
    (_, { name }) => sessions().where('id', '=', JSON.stringify(name)),
    (_, { name }) => sessions().where('id', '=', typeof name),
    (_, { name }) => sessions().$if(name === 'a', (query) => query.where('id', '=', name))
  ]
  for (const one of wrong) await t.rejects(run(one, values, queries), { name: 'TypeError', message: /^what is built depends on a value: select / })
  const next = (_: Queries, { counter }: Values) => sessions().where('counter', '=', counter + 1)
  await t.rejects(run(next, values, queries), new TypeError('counter is bound by each run and cannot be looked at'))
})
