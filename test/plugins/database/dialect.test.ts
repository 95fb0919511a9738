import { Kysely } from 'kysely'
import t from 'tap'
import { sequence } from '../../../plugins/database/dialect.ts'
import { openSqlite } from '../../../plugins/database/sqlite.ts'

t.test('makes a key that grows with every row and never returns', async (t) => {
  const db = new Kysely<{ log: { id: number, text: string } }>({ dialect: openSqlite({ file: null, timeout: 1, synchronous: 'full', unavailable: (cause) => new Error('unavailable', { cause }) }) })
  t.teardown(() => db.destroy())
  await db.schema.createTable('log').addColumn('id', sequence.type, sequence.build).addColumn('text', 'text').execute()
  const add = async () => (await db.insertInto('log').values({ text: 'x' } as never).returning('id').executeTakeFirstOrThrow()).id
  t.strictSame([await add(), await add(), await add()], [1, 2, 3])
  await db.deleteFrom('log').execute()
  t.equal(await add(), 4)
})
