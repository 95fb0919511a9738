import { execFileSync } from 'node:child_process'
import { rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { add, names, openDatabase, unavailable } from '../support/database.ts'
import { isAway, isBack, onlyReads, type Patient, startPatient } from '../support/outage.ts'
import { startPostgres } from '../support/postgres.ts'
import { mountSmallDisk } from '../support/small-disk.ts'
import { mountThinDisk } from '../support/thin-disk.ts'
import { until } from '../support/until.ts'
import { witness } from '../support/witness.ts'

const untried = 'not tried: whoever runs the tests may not mount a file system here'
/** What was allocated before the disk was full is still written to, by one table longer than by another. */
const mostWrites = 2000

/** So often in a row a write has to fail: a table whose page is full leaves room in that of another. */
const inARow = 30

/** Writes until nothing more goes; says how often it went. */
async function writeUntilFull ({ calls }: Patient): Promise<number> {
  let refused = 0
  let done = 0
  while (refused < inARow) {
    if (done > mostWrites) throw new Error('the disk is never full')
    const { statusCode } = await calls.login()
    refused = statusCode === 200 ? 0 : refused + 1
    done += statusCode === 200 ? 1 : 0
  }
  return done
}

t.test('R17 reads on and answers what writes 503 while the disk of SQLite is full, and recovers', async (t) => {
  const disk = mountSmallDisk(t, 8)
  if (disk === null) return t.comment(untried)
  const seen = witness(t, { fault: 'the disk is full', store: 'SQLite' })
  const file = join(disk.folder, 'gatehouse.db')
  const patient = await startPatient(t, { DATABASE_URL: `sqlite:${file}` })
  disk.fill()
  t.comment(`full after ${await writeUntilFull(patient)} sign-ins`)
  await onlyReads(t, patient, 200, ['login'])
  disk.free()
  await isBack(t, patient, seen)
  const database = new DatabaseSync(file, { readOnly: true })
  t.same(database.prepare('pragma integrity_check').get(), { integrity_check: 'ok' })
  database.close()
})

t.test('R17 reads on and answers what writes 503 while the disk of PostgreSQL is full, and recovers', async (t) => {
  const server = await startPostgres(t)
  const disk = mountSmallDisk(t, 32, server.owner)
  if (disk === null) return t.comment(untried)
  const seen = witness(t, { fault: 'the disk is full', store: 'PostgreSQL' })
  const url = await server.createDatabase()
  await server.run(`create tablespace small location '${disk.folder}'`)
  await server.run(`alter database ${new URL(url).pathname.slice(1)} set tablespace small`)
  const patient = await startPatient(t, { DATABASE_URL: url })
  disk.fill()
  t.comment(`full after ${await writeUntilFull(patient)} sign-ins`)
  await onlyReads(t, patient, 200, ['login'])
  disk.free()
  await isBack(t, patient, seen)
})

t.test('R17 answers 503 while PostgreSQL is down, for its log\'s disk is full, and recovers when it is back', async (t) => {
  const server = await startPostgres(t)
  const disk = mountSmallDisk(t, 80, server.owner)
  if (disk === null) return t.comment(untried)
  const seen = witness(t, { fault: 'the disk of the log is full', store: 'PostgreSQL' })
  const url = await server.createDatabase()
  await server.stop('fast')
  execFileSync('cp', ['-a', join(server.data, 'pg_wal'), disk.folder])
  rmSync(join(server.data, 'pg_wal'), { recursive: true })
  symlinkSync(join(disk.folder, 'pg_wal'), join(server.data, 'pg_wal'))
  await server.start()
  const patient = await startPatient(t, { DATABASE_URL: url })
  disk.fill()
  // Faster than by signing in: the segments that are there already are written to first. A statement that finds no room may fail by itself;
  // the server ends with the one after which nothing can be written down.
  let noises = 0
  await until(() => server.run(`create table noise${noises++} as select md5(random()::text) from generate_series(1, 1000000)`, url).then(() => false, ({ code }) => code === 'ECONNREFUSED'))
  await isAway(t, patient)
  disk.free()
  await server.stop('at once')
  await server.start()
  await isBack(t, patient, seen)
})

t.test('R02 loses nothing acknowledged at a power loss after the disk below SQLite\'s file system was full', async (t) => {
  const disk = mountThinDisk(t, 70)
  if (disk === null) return t.comment(untried)
  const seen = witness(t, { fault: 'the disk below the file system is full, then power loss', store: 'SQLite' })
  const queries = await openDatabase(t, { file: join(disk.folder, 'gatehouse.db') })
  const acknowledged: string[] = []
  const refused: Error[] = []
  // Few enough that no checkpoint of SQLite's own comes between.
  async function write (times: number): Promise<void> {
    for (let i = 0; i < times; i++) {
      const name = `user-${acknowledged.length + refused.length}`
      await add(queries, name).then(() => acknowledged.push(name), (error) => refused.push(error))
    }
  }
  await write(30)
  execFileSync('sync', ['--file-system', disk.folder])
  disk.fill()
  await write(30)
  t.ok(refused.length >= 25 && refused.every(({ message }) => message === unavailable.message), 'the disk is full')
  disk.free()
  await write(30)
  t.ok(refused.length <= 32, 'it is written to again')
  seen.note(`${acknowledged.length} acknowledged, ${refused.length} refused`)
  const left = await openDatabase(t, { file: join(disk.afterPowerLoss(), 'gatehouse.db') })
  const there = new Set(await names(left))
  t.same(acknowledged.filter((name) => !there.has(name)), [])
})
