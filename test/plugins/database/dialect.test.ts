import { renameSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { Kysely } from 'kysely'
import t, { type Test } from 'tap'
import { demandWritable, isLostRace, isOutdatedPlan, orderByBytes, sequence, sqlState, takeTurn } from '../../../plugins/database/dialect.ts'
import { openSqlite } from '../../../plugins/database/sqlite.ts'
import { openDatabase, unavailable } from '../../support/database.ts'
import { open, openPostgresDatabase, startPostgres } from '../../support/postgres.ts'
import { makeReadOnly } from '../../support/read-only.ts'
import { mountRefusingDisk } from '../../support/refusing-disk.ts'
import { temporaryFolder } from '../../support/service.ts'

const server = await startPostgres(t)

interface Log { log: { id: number, text: string } }

async function growsForEver (t: Test, db: Kysely<Log>): Promise<void> {
  await db.schema.createTable('log').addColumn('id', ...sequence(db)).addColumn('text', 'text').execute()
  const add = async () => (await db.insertInto('log').values({ text: 'x' } as never).returning('id').executeTakeFirstOrThrow()).id
  t.strictSame([await add(), await add(), await add()], [1, 2, 3])
  await db.deleteFrom('log').execute()
  t.equal(await add(), 4)
  await db.insertInto('log').values({ id: 3_000_000_000, text: 'brought along' }).execute()
  await db.destroy()
}

t.test('makes a key that grows with every row and never returns', async (t) => {
  await growsForEver(t, new Kysely<Log>({ dialect: openSqlite({ file: null, timeout: 1, synchronous: 'full', unavailable: (cause) => new Error('unavailable', { cause }) }) }))
  await growsForEver(t, open(await server.createDatabase({ empty: true })) as unknown as Kysely<Log>)
})

t.test('puts a column in the order of its bytes, whatever language the database was set up for', async (t) => {
  await server.run('create database spoken template template0 locale_provider icu icu_locale \'en-US\'')
  const spoken = open(`postgres://postgres@127.0.0.1:${server.port}/spoken`)
  t.teardown(() => spoken.destroy())
  for (const queries of [await openDatabase(t), spoken]) {
    const db = queries as unknown as Kysely<{ words: { word: string } }>
    const words = async () => (await db.selectFrom('words').select('word').orderBy('word').execute()).map(({ word }) => word)
    await db.schema.createTable('words').addColumn('word', 'text', (column) => column.notNull().unique()).execute()
    await db.insertInto('words').values([...'-._aBb'].map((word) => ({ word }))).execute()
    if (queries === spoken) t.not((await words()).join(''), '-.B_ab')
    await orderByBytes('words', 'word', db)
    t.equal((await words()).join(''), '-.B_ab')
  }
})

t.test('gives one transaction a turn at a time, each kind for itself, until it ends', async (t) => {
  for (const [queries, beside] of [[await openDatabase(t), false], [await openPostgresDatabase(t, server), true]] as const) {
    const { promise: finished, resolve: finish } = Promise.withResolvers<void>()
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
    const order: string[] = []
    const work = (name: string, kind: 'keys' | 'revocations', wait: () => Promise<unknown>) => queries.transaction().execute(async (inside) => {
      await takeTurn(kind, inside)
      await wait()
      order.push(name)
    })
    const first = work('first', 'keys', () => { begin(); return finished })
    await begun
    const second = work('second', 'keys', turn)
    if (beside) await work('another', 'revocations', turn)
    finish()
    await Promise.all([first, second])
    t.same(order, beside ? ['another', 'first', 'second'] : ['first', 'second'])
  }
})

const fault = (cause: unknown) => new Error(unavailable.message, { cause })

t.test('knows of a SQLite file whether it is there to be written to', async (t) => {
  await demandWritable(await openDatabase(t), fault)
  const file = join(temporaryFolder(t), 'auth.db')
  const queries = await openDatabase(t, { file })
  await demandWritable(queries, fault)
  renameSync(file, `${file}.away`)
  await t.rejects(demandWritable(queries, fault), { message: 'unavailable', cause: { code: 'ENOENT' } })
  renameSync(`${file}.away`, file)
  await demandWritable(queries, fault)
  renameSync(`${file}-wal`, `${file}.away`)
  await t.rejects(demandWritable(queries, fault), { message: 'unavailable', cause: { code: 'ENOENT' } }, 'its log')
  renameSync(`${file}.away`, `${file}-wal`)
  await demandWritable(queries, fault)
  const undo = makeReadOnly(t, file)
  if (undo === null) return t.comment('a file system that is read-only was not tried: whoever runs the tests may not mount one')
  await t.rejects(demandWritable(queries, fault), { message: 'unavailable', cause: { code: /^(?:EROFS|EACCES)$/ } })
  undo()
  await demandWritable(queries, fault)
})

t.test('knows of SQLite\'s file system whether an error of the disk has made it read-only', async (t) => {
  const disk = mountRefusingDisk(t, 16)
  if (disk === null) return t.comment('not tried: whoever runs the tests may not mount a file system of ext4 here')
  const queries = await openDatabase(t, { file: join(disk.folder, 'auth.db') })
  await demandWritable(queries, fault)
  disk.fail()
  await t.rejects(demandWritable(queries, fault), { message: 'unavailable', cause: { code: 'EROFS' } })
})

t.test('knows of PostgreSQL whether it writes, on a connection that is given up where it does not', async (t) => {
  const url = await server.createDatabase()
  const readOnly = (value: 'on' | 'off') => server.run(`alter database ${new URL(url).pathname.slice(1)} set default_transaction_read_only = ${value}`)
  await readOnly('on')
  const queries = open(url)
  t.teardown(() => queries.destroy())
  await t.rejects(demandWritable(queries, fault), { message: 'unavailable', cause: { code: '25006' } })
  await readOnly('off')
  await demandWritable(queries, fault)
})

t.test('knows what PostgreSQL says', async (t) => {
  t.same([{ code: '23505' }, { code: 'ECONNRESET' }, { code: 5 }, new Error('no'), null, undefined, 'text'].map(sqlState), ['23505', '', '', '', '', '', ''])
  const outdated = { code: '0A000', routine: 'RevalidateCachedQuery' }
  t.same([outdated, { ...outdated, routine: 'another' }, { ...outdated, code: '0A001' }].map(isOutdatedPlan), [true, false, false])
  t.same([{ code: '40001' }, { code: '40P01' }, { code: '23505' }, outdated, { code: '23503' }, { code: '57014' }, undefined].map(isLostRace), [true, true, true, true, false, false, false])
})
