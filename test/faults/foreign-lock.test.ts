import { join } from 'node:path'
import t from 'tap'
import { holdWriteLock } from '../support/database.ts'
import { isBack, onlyReads, startPatient } from '../support/outage.ts'
import { temporaryFolder } from '../support/service.ts'
import { witness } from '../support/witness.ts'

/** Milliseconds; `npm run faults` holds it for 10 s. */
const held = Number(process.env['FAULT_SECONDS'] ?? 3) * 1000

t.test('R18 reads on and answers what writes 503 while another program holds SQLite\'s write lock, and recovers', async (t) => {
  const seen = witness(t, { fault: `the database is locked by another program for ${held / 1000} s`, store: 'SQLite' })
  const file = join(temporaryFolder(t), 'gatehouse.db')
  const patient = await startPatient(t, { DATABASE_URL: `sqlite:${file}` })
  const { release } = holdWriteLock(t, file)
  const end = performance.now() + held
  while (performance.now() < end) await onlyReads(t, patient, 200)
  release()
  await isBack(t, patient, seen)
})
