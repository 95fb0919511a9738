import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import { backUp } from '../../../plugins/database/backup.ts'
import { holdWriteLock, openDatabase } from '../../support/database.ts'
import { temporaryFolder } from '../../support/service.ts'

async function setUp (t: Test) {
  const folder = temporaryFolder(t)
  const source = join(folder, 'auth.db')
  const queries = await openDatabase(t, { file: source })
  const add = (username: string) => queries.insertInto('users').values({ id: username, username, email: null, email_key: null, password_hash: null, disabled_at: null, sessions_not_before: null, created_at: 0 }).execute()
  await add('alice')
  return { folder, source, queries, add, copy: join(folder, 'copy.db') }
}

function read (file: string) {
  const database = new DatabaseSync(file, { readOnly: true })
  try {
    return { integrity: database.prepare('pragma integrity_check').get()?.integrity_check, names: database.prepare('select username from users').all().map(({ username }) => username) }
  } finally {
    database.close()
  }
}

t.test('copies what is there to a file of the owner alone, while another program writes', async (t) => {
  const { folder, source, queries, add, copy } = await setUp(t)
  const other = holdWriteLock(t, source)
  await backUp(queries, copy)
  other.release()
  await add('bob')
  t.strictSame(read(copy), { integrity: 'ok', names: ['alice'] })
  t.equal(statSync(copy).mode & 0o777, 0o600)
  t.notOk(readdirSync(folder).some((name) => name.includes('partial')))
})

t.test('never writes over a file, be it empty', async (t) => {
  const { queries, copy } = await setUp(t)
  for (const text of ['', 'letters']) {
    writeFileSync(copy, text)
    await t.rejects(backUp(queries, copy), { message: /copy\.db is there already/ })
    t.equal(readFileSync(copy, 'utf8'), text)
  }
})

t.test('leaves nothing where it fails, and says why', async (t) => {
  const { folder, queries, copy } = await setUp(t)
  await t.rejects(backUp(queries, join(folder, 'nowhere', 'copy.db')), { message: /^The backup .+nowhere\/copy\.db cannot be written: ENOENT/ })
  await queries.destroy()
  await t.rejects(backUp(queries, copy), { message: /^The backup .+copy\.db cannot be written: .*destroyed/ })
  t.notOk(existsSync(copy))
})

t.test('takes no offence at what one that was killed has left', async (t) => {
  const { queries, copy } = await setUp(t)
  writeFileSync(`${copy}.partial`, 'half of a datab')
  await backUp(queries, copy)
  t.match(read(copy), { integrity: 'ok' })
  t.notOk(existsSync(`${copy}.partial`))
})
