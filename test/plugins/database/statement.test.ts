import t from 'tap'
import { run } from '../../../plugins/database/statement.ts'
import type { Queries } from '../../../plugins/database.ts'
import { add, openDatabase } from '../../support/database.ts'
import { openPostgresDatabase, startPostgres } from '../../support/postgres.ts'

const server = await startPostgres(t)

t.test('binds the values of each run, whatever their order and however often, on either database and in its transactions', async (t) => {
  let built = 0
  const between = (queries: Queries, { from, to, besides }: { from: string, to: string, besides: string }) => {
    built++
    return queries.selectFrom('users').select('username').where('username', '>=', from).where('username', '<=', to)
      .where('username', '!=', besides).where('id', '!=', besides).where('created_at', '=', 0).orderBy('username')
  }
  for (const queries of [await openDatabase(t), await openPostgresDatabase(t, server)]) {
    for (const name of ['alice', 'bob', 'carol', 'dave']) await add(queries, name)
    const found = async (from: string, to: string, besides: string, on = queries) => (await run(between, { besides, from, to }, on)).rows.map(({ username }) => username)
    t.strictSame(await found('a', 'z', 'bob'), ['alice', 'carol', 'dave'])
    t.strictSame(await found('b', 'cz', ''), ['bob', 'carol'])
    await queries.transaction().execute(async (inside) => {
      await add(inside, 'carla')
      t.strictSame(await found('b', 'cz', '', inside), ['bob', 'carla', 'carol'], 'what the transaction alone sees')
    })
  }
  t.equal(built, 2, 'once for each database')
})

t.test('says what a statement that changes something did, and gives back what it was asked for', async (t) => {
  const renamed = (queries: Queries, { id, email }: { id: string, email: string | null }) => queries.updateTable('users').set({ email }).where('id', '=', id)
  const removed = (queries: Queries, { id }: { id: string }) => queries.deleteFrom('users').where('id', '=', id).returning('email')
  for (const queries of [await openDatabase(t), await openPostgresDatabase(t, server)]) {
    await add(queries, 'alice', '1')
    t.equal((await run(renamed, { id: '1', email: 'a@example.test' }, queries)).numAffectedRows, 1n)
    t.equal((await run(renamed, { id: '2', email: 'b@example.test' }, queries)).numAffectedRows, 0n)
    t.equal((await run(renamed, { id: '1', email: null }, queries)).numAffectedRows, 1n)
    t.strictSame((await run(removed, { id: '1' }, queries)).rows.map(({ email }) => email), [null])
  }
})

t.test('does not let a statement depend on what a value is', async (t) => {
  const queries = await openDatabase(t)
  const next = (queries: Queries, { counter }: { counter: number }) => queries.selectFrom('sessions').selectAll().where('counter', '=', counter + 1)
  t.throws(() => run(next, { counter: 1 }, queries), new TypeError('counter is bound by each run and cannot be looked at'))
})
