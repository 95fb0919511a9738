import fs, { closeSync, copyFileSync, openSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import { add, names, newFile, openDatabase, unavailable } from '../support/database.ts'
import { temporaryFolder } from '../support/service.ts'
import { witness } from '../support/witness.ts'

/** A database that was at work, with a disk that refuses while it is told to. */
async function atWork (t: Test, fault: string) {
  witness(t, { fault, store: 'SQLite' })
  const file = newFile(t)
  const { fdatasync } = fs
  t.teardown(() => { fs.fdatasync = fdatasync })
  const queries = await openDatabase(t, { file, timeout: 0.1 })
  await add(queries, 'alice')
  return {
    file,
    queries,
    async refused (work: () => Promise<unknown>): Promise<void> {
      fs.fdatasync = ((_descriptor: number, done: (error: Error | null) => void) => { done(new Error('EIO')) }) as typeof fs.fdatasync
      await t.rejects(work(), unavailable)
      fs.fdatasync = fdatasync
    },
    /** What the database itself holds, without its log. */
    async inItself (): Promise<string[]> {
      const copy = newFile(t)
      copyFileSync(file, copy)
      return names(await openDatabase(t, { file: copy }))
    }
  }
}

t.test('R02 acknowledges nothing behind what the disk did not take: all of it is in the database itself first', async (t) => {
  const { file, queries, refused, inItself } = await atWork(t, 'the disk does not take a commit')
  await refused(() => add(queries, 'bob'))
  const other = new DatabaseSync(file)
  other.exec('begin; select count(*) from users')
  await t.rejects(add(queries, 'carol'), unavailable, 'while another connection reads what is older')
  other.close()
  const transaction = (name: string) => queries.transaction().execute((inside) => add(inside, name))
  await Promise.all([transaction('dave'), transaction('erin')])
  t.strictSame(await inItself(), ['alice', 'bob', 'carol', 'dave', 'erin'])
  await add(queries, 'frank')
  t.equal((await inItself()).includes('frank'), false, 'and from then on as ever')
})

t.test('R02 begins so in every process: whoever had the file before may have been told, and not have lived to do it', async (t) => {
  const { file, queries, inItself } = await atWork(t, 'a process takes over a log that may have a hole')
  await add(queries, 'bob')
  t.strictSame(await inItself(), [])
  const other = new DatabaseSync(file)
  other.exec('begin; select count(*) from users')
  await add(await openDatabase(t, { file }), 'dave')
  t.strictSame(await inItself(), ['alice', 'bob'], 'beside one that is at work, and would have been told, it does not wait')
  other.close()
  const next = await openDatabase(t, { file })
  await add(next, 'carol')
  t.strictSame(await inItself(), ['alice', 'bob', 'dave'], 'at its start')
})

t.test('R02 copies no log into the database of which the kernel has let a part go, not at its end either, and the next recovers what is sound', async (t) => {
  const { file, queries, refused } = await atWork(t, 'the kernel lets go of a commit that the disk did not take')
  await add(queries, 'bob')
  const sound = statSync(`${file}-wal`).size
  await refused(() => add(queries, 'carol'))
  const log = openSync(`${file}-wal`, 'r+')
  writeSync(log, Buffer.alloc(4096), 0, 4096, sound + 100)
  closeSync(log)
  for (let i = 0; i < 2; i++) await t.rejects(add(queries, `dave${i}`), unavailable)
  await queries.destroy()
  t.ok(statSync(`${file}-wal`).size > sound, 'the log is there')
  const folder = temporaryFolder(t)
  for (const end of ['', '-wal']) copyFileSync(`${file}${end}`, join(folder, `next.db${end}`))
  const next = await openDatabase(t, { file: join(folder, 'next.db') })
  t.strictSame(await names(next), ['alice', 'bob'])
  await add(next, 'erin')
  t.strictSame(await names(next), ['alice', 'bob', 'erin'])
})
