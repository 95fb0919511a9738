import fs, { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import t from 'tap'
import type { Queries } from '../../../plugins/database.ts'
import { add, holdWriteLock, names, newFile, openDatabase, unavailable } from '../../support/database.ts'
import { makeReadOnly } from '../../support/read-only.ts'
import { temporaryFolder } from '../../support/service.ts'
import { until } from '../../support/until.ts'

/** Resolves when the loop has come round that often, a few milliseconds apart: it never does while something blocks it. */
function ticks (count: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  let left = count
  const timer = setInterval(() => {
    if (--left > 0) return
    clearInterval(timer)
    resolve()
  }, 5)
  return promise
}

/** What node:sqlite throws, by SQLite's extended result code. */
function sqliteError (errcode: number) {
  return { code: 'ERR_SQLITE_ERROR', errcode }
}

async function timed (work: Promise<unknown>): Promise<number> {
  const before = performance.now()
  await work
  return performance.now() - before
}

t.test('sets up both of its connections', async (t) => {
  for (const synchronous of ['full', 'normal'] as const) {
    const queries = await openDatabase(t, { file: newFile(t), synchronous })
    for (const [pragma, value] of [['synchronous', 1], ['foreign_keys', 1], ['journal_mode', 'wal']] as const) {
      const writer = await sql<Record<string, unknown>>`pragma ${sql.raw(pragma)}`.execute(queries)
      t.equal(writer.rows[0]?.[pragma], value, `${pragma} of the writer`)
      const reader = await queries.selectFrom(sql<Record<string, unknown>>`${sql.raw(`pragma_${pragma}`)}`.as('setting')).selectAll().executeTakeFirst() as Record<string, unknown>
      t.equal(reader[pragma], value, `${pragma} of the reader`)
    }
  }
})

t.test('answers a write when the disk has it, and not before', async (t) => {
  const { fdatasync } = fs
  const pending: Array<(error: Error | null) => void> = []
  const queries = await openDatabase(t, { file: newFile(t) })
  const careless = await openDatabase(t, { file: newFile(t), synchronous: 'normal' })
  fs.fdatasync = ((_descriptor: number, done: (error: Error | null) => void) => { pending.push(done) }) as typeof fs.fdatasync
  t.teardown(() => { fs.fdatasync = fdatasync })
  const done: string[] = []
  const writes = [
    add(queries, 'alice').then(() => done.push('single')),
    queries.transaction().execute((inside) => add(inside, 'bob')).then(() => done.push('transaction'))
  ]
  await until(async () => (await names(queries)).length === 2)
  t.same(done, [], 'both are committed, and neither is answered')
  for (let sync = 0; done.length < 2; sync++) {
    await until(() => pending.length > sync)
    pending[sync]?.(null)
    await new Promise((resolve) => { setImmediate(resolve) })
  }
  await Promise.all(writes)

  const lost = add(queries, 'carol')
  const before = pending.length
  await until(() => pending.length > before)
  pending.at(-1)?.(new Error('EIO'))
  await t.rejects(lost, unavailable)
  await add(careless, 'dave')
  t.equal(pending.length, before + 1, 'what may be lost at power loss does not wait')
})

t.test('binds parameters in order, and refuses what is no value', async (t) => {
  const queries = await openDatabase(t)
  const { rows } = await sql<Record<string, unknown>>`select ${'text'} as a, ${2} as b, ${null} as c, ${4n} as d, ${Buffer.from([5])} as e, ${6.5} as f`.execute(queries)
  t.same(rows, [{ a: 'text', b: 2, c: null, d: 4, e: new Uint8Array([5]), f: 6.5 }])
  for (const strange of [new Date(), {}, { a: 1 }, [], new Map(), Symbol('s')]) {
    await t.rejects(sql`select ${strange} as a, ${2} as b`.execute(queries), TypeError, typeof strange)
    await t.rejects(sql`select ${1} as a, ${strange} as b`.execute(queries), TypeError)
    await t.rejects(queries.insertInto('users').values({ id: strange as string, username: 'x', created_at: 0 }).execute(), TypeError)
  }
  t.same(await names(queries), [], 'nothing was shifted into another column')
})

t.test('reads no integer that it would have to round', async (t) => {
  const queries = await openDatabase(t)
  await t.rejects(sql`select 9007199254740993 as big`.execute(queries), { code: 'ERR_OUT_OF_RANGE' })
})

t.test('tells what a statement changed, and what it returns', async (t) => {
  const queries = await openDatabase(t, { file: newFile(t) })
  t.match(await add(queries, 'alice'), { numInsertedOrUpdatedRows: 1n })
  t.match(await queries.updateTable('users').set({ created_at: 7 }).executeTakeFirst(), { numUpdatedRows: 1n })
  t.match(await queries.updateTable('users').set({ created_at: 8 }).where('username', '=', 'nobody').executeTakeFirst(), { numUpdatedRows: 0n })
  t.match(await queries.deleteFrom('users').returning('created_at').execute(), [{ created_at: 7 }])
})

t.test('prepares a statement once, and forgets when there are very many', async (t) => {
  const queries = await openDatabase(t)
  for (let index = 0; index < 1100; index++) {
    const { rows } = await sql<{ value: number }>`select ${sql.lit(index)} as value, ${index} as bound`.execute(queries)
    if (rows[0]?.value !== index) t.fail(`statement ${index}`)
  }
  t.same((await sql`select ${1} as one`.execute(queries)).rows, (await sql`select ${1} as one`.execute(queries)).rows)
})

t.test('passes faults of the statement on as they are', async (t) => {
  const queries = await openDatabase(t, { file: newFile(t) })
  await add(queries, 'alice')
  await t.rejects(add(queries, 'alice'), sqliteError(2067))
  await t.rejects(sql`select from nowhere`.execute(queries), sqliteError(1))
  await t.rejects(queries.selectFrom(sql<object>`nowhere`.as('x')).selectAll().execute(), sqliteError(1))
  await t.rejects(async () => { for await (const _ of queries.selectFrom('users').selectAll().stream()) t.fail('no row') }, { message: 'streaming is not supported' })
})

t.test('keeps all of a transaction or nothing', async (t) => {
  for (const file of [null, newFile(t)]) {
    const queries = await openDatabase(t, { file })
    await t.rejects(queries.transaction().execute(async (inside) => {
      await add(inside, 'alice')
      await add(inside, 'bob')
      t.same(await names(inside), ['alice', 'bob'], 'it sees what it wrote')
      throw new Error('no')
    }), { message: 'no' })
    t.same(await names(queries), [])
    t.equal(await queries.transaction().execute(async (inside) => { await add(inside, 'carol'); return 'done' }), 'done')
    t.same(await names(queries), ['carol'])
  }
})

t.test('lets one transaction write at a time, and on disk lets others read meanwhile', async (t) => {
  const queries = await openDatabase(t, { file: newFile(t) })
  const { promise: middle, resolve: reached } = Promise.withResolvers<void>()
  const { promise: finished, resolve: finish } = Promise.withResolvers<void>()
  const order: string[] = []
  const long = queries.transaction().execute(async (inside) => {
    await add(inside, 'alice')
    reached()
    await finished
    order.push('long')
  })
  await middle
  const others = [add(queries, 'bob').then(() => order.push('single')), queries.transaction().execute((inside) => add(inside, 'carol')).then(() => order.push('short'))]
  t.same(await names(queries), [], 'readers see what is committed')
  finish()
  await Promise.all([long, ...others])
  t.equal(order[0], 'long')
  t.same(order.toSorted(), ['long', 'short', 'single'])
  t.same(await names(queries), ['alice', 'bob', 'carol'])
})

t.test('takes turns with other connections to the file', async (t) => {
  const file = newFile(t)
  const [one, other] = [await openDatabase(t, { file }), await openDatabase(t, { file })]
  const readThenWrite = (queries: Queries, index: number) => queries.transaction().execute(async (inside) => {
    const { count } = await inside.selectFrom('users').select(({ fn }) => fn.countAll<number>().as('count')).executeTakeFirstOrThrow()
    await add(inside, `user${index}`)
    return count
  })
  const counts = await Promise.all(Array.from({ length: 40 }, (_, index) => readThenWrite(index % 2 === 0 ? one : other, index)))
  t.same(counts.sort((a, b) => a - b), Array.from({ length: 40 }, (_, index) => index), 'each saw all before it')
})

t.test('waits for another program\'s lock without holding up the loop, and goes on when it is released', async (t) => {
  const file = newFile(t)
  const queries = await openDatabase(t, { file, timeout: 10 })
  const { release } = holdWriteLock(t, file)
  let waiting = true
  const work = Promise.all([add(queries, 'alice'), add(queries, 'bob'), queries.transaction().execute((inside) => add(inside, 'carol'))]).finally(() => { waiting = false })
  await ticks(20)
  t.equal(waiting, true)
  t.same(await names(queries), [], 'reads go on')
  release()
  t.ok(await timed(work) < 1000, 'soon after')
  t.same(await names(queries), ['alice', 'bob', 'carol'])
})

t.test('says unavailable when the lock outlasts the timeout, to all who wait, and recovers', async (t) => {
  const file = newFile(t)
  const queries = await openDatabase(t, { file, timeout: 0.2 })
  const { release } = holdWriteLock(t, file)
  const work = [add(queries, 'alice'), queries.transaction().execute((inside) => add(inside, 'bob')), ...['carol', 'dave', 'eve'].map((name) => add(queries, name))]
  const loop = ticks(10)
  const took = await timed(Promise.all(work.map((one) => t.rejects(one, unavailable))))
  await loop
  t.ok(took >= 200 && took < 1000, `all within the timeout: ${took} ms`)
  release()
  await add(queries, 'alice')
  t.same(await names(queries), ['alice'])
})

t.test('gives the turn back when a commit fails', async (t) => {
  const queries = await openDatabase(t, { file: newFile(t) })
  const orphan = queries.transaction().execute(async (inside) => {
    await sql`pragma defer_foreign_keys = on`.execute(inside)
    await inside.insertInto('user_roles').values({ user_id: 'nobody', role: 'admin' }).execute()
  })
  await t.rejects(orphan, sqliteError(787))
  await t.rejects(queries.transaction().execute((inside) => sql`rollback`.execute(inside)), sqliteError(1), 'also when there is nothing left to commit')
  await queries.transaction().execute((inside) => add(inside, 'alice'))
  t.same(await names(queries), ['alice'])
  t.same(await queries.selectFrom('user_roles').selectAll().execute(), [])
})

t.test('says unavailable when the disk is full, keeps what was committed, and recovers', async (t) => {
  const queries = await openDatabase(t, { file: newFile(t) })
  await add(queries, 'alice')
  await sql`pragma max_page_count = 1`.execute(queries)
  const large = 'x'.repeat(100_000)
  await t.rejects(add(queries, large), unavailable)
  await t.rejects(queries.transaction().execute(async (inside) => {
    await add(inside, 'bob')
    await add(inside, large)
  }), unavailable)
  t.same(await names(queries), ['alice'])
  await sql`pragma max_page_count = 100000`.execute(queries)
  await add(queries, large)
  t.equal((await names(queries)).length, 2)
})

t.test('says unavailable when the file may not be written', async (t) => {
  const queries = await openDatabase(t, { file: newFile(t) })
  await sql`pragma query_only = on`.execute(queries)
  await t.rejects(add(queries, 'alice'), unavailable)
  t.same(await names(queries), [], 'and reads')
})

t.test('makes the folder, and says in one line what is wrong with a file', async (t) => {
  const folder = temporaryFolder(t)
  await openDatabase(t, { file: join(folder, 'a', 'b', 'auth.db') })
  t.ok(existsSync(join(folder, 'a', 'b', 'auth.db')))
  writeFileSync(join(folder, 'text'), 'this is no database, but long enough to look at '.repeat(50))
  mkdirSync(join(folder, 'folder'))
  for (const name of ['text', 'folder', 'text/auth.db']) {
    const file = join(folder, name)
    await t.rejects(openDatabase(t, { file }), { message: new RegExp(`^The database file ${file} cannot be used: [^\\n]+$`) }, name)
  }
})

t.test('R19 does not start on a file that may not be written, and says so in one line', async (t) => {
  const file = newFile(t)
  await (await openDatabase(t, { file })).destroy()
  const undo = makeReadOnly(t, file)
  if (undo === null) return t.comment('a file system that is read-only was not tried: whoever runs the tests may not mount one')
  await t.rejects(openDatabase(t, { file }), { message: new RegExp(`^The database file ${file} cannot be used: [^\\n]+$`) })
  undo()
  await openDatabase(t, { file })
})

t.test('leaves one file behind when it closes', async (t) => {
  const file = newFile(t)
  const queries = await openDatabase(t, { file })
  await add(queries, 'alice')
  t.ok(existsSync(`${file}-wal`))
  await queries.destroy()
  t.notOk(existsSync(`${file}-wal`))
  t.same(await names(await openDatabase(t, { file })), ['alice'])
})
