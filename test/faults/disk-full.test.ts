import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { isBack, onlyReads, type Patient, startPatient } from '../support/outage.ts'
import { startPostgres } from '../support/postgres.ts'
import { mountSmallDisk } from '../support/small-disk.ts'

const untried = 'not tried: whoever runs the tests may not mount a file system here'
/** What was allocated before the disk was full is still written to, by one table longer than by another. */
const mostWrites = 2000

/** Writes until nothing more goes; says how often it went. */
async function writeUntilFull ({ calls }: Patient): Promise<number> {
  for (let count = 0; count < mostWrites; count++) {
    const { statusCode } = await calls.login()
    if (statusCode !== 200) return count
  }
  throw new Error('the disk is never full')
}

t.test('R17 reads on and answers what writes 503 while the disk of SQLite is full, and recovers', async (t) => {
  const disk = mountSmallDisk(t, 8)
  if (disk === null) return t.comment(untried)
  const file = join(disk.folder, 'gatehouse.db')
  const patient = await startPatient(t, { DATABASE_URL: `sqlite:${file}` })
  disk.fill()
  t.comment(`full after ${await writeUntilFull(patient)} sign-ins`)
  await onlyReads(t, patient, 200, ['login'])
  disk.free()
  await isBack(t, patient)
  const database = new DatabaseSync(file, { readOnly: true })
  t.same(database.prepare('pragma integrity_check').get(), { integrity_check: 'ok' })
  database.close()
})

t.test('R17 reads on and answers what writes 503 while the disk of PostgreSQL is full, and recovers', async (t) => {
  const server = await startPostgres(t)
  const disk = mountSmallDisk(t, 32, server.owner)
  if (disk === null) return t.comment(untried)
  const url = await server.createDatabase()
  await server.run(`create tablespace small location '${disk.folder}'`)
  await server.run(`alter database ${new URL(url).pathname.slice(1)} set tablespace small`)
  const patient = await startPatient(t, { DATABASE_URL: url })
  disk.fill()
  t.comment(`full after ${await writeUntilFull(patient)} sign-ins`)
  await onlyReads(t, patient, 200, ['login'])
  disk.free()
  await isBack(t, patient)
})
