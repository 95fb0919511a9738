import { once } from 'node:events'
import * as fs from 'node:fs'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import t, { type Test } from 'tap'
import { readOrMakeSecret } from '../../../plugins/secrets/secret-file.ts'
import { temporaryFolder } from '../../support/service.ts'

/** The module on a file system that does some things in its own way. */
function mocked (t: Test, functions: object) {
  return t.mockImport<typeof import('../../../plugins/secrets/secret-file.ts')>('../../../plugins/secrets/secret-file.ts', { 'node:fs': { ...fs, ...functions } })
}

t.test('makes a secret of 32 random bytes beside the database, for its owner alone', async (t) => {
  const database = join(temporaryFolder(t), 'deep', 'folder', 'auth.db')
  const { secret, file, exposed } = readOrMakeSecret(database)
  t.match(secret, /^[\w-]{43}$/)
  t.equal(file, `${database}.secret`)
  t.equal(readFileSync(file, 'utf8'), `${secret}\n`)
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.equal(statSync(join(database, '..')).mode & 0o777, 0o700, 'and so is a folder it had to make')
  t.equal(exposed, false)
  t.same(readdirSync(join(database, '..')), ['auth.db.secret'], 'no draft is left')
  t.notOk(existsSync(database))
})

t.test('reads it ever after, also when the database is there', async (t) => {
  const database = join(temporaryFolder(t), 'auth.db')
  const { secret } = readOrMakeSecret(database)
  writeFileSync(database, '')
  t.equal(readOrMakeSecret(database).secret, secret)
  writeFileSync(`${database}.secret`, '\n  a secret that somebody put there  \n')
  t.equal(readOrMakeSecret(database).secret, 'a secret that somebody put there')
})

t.test('tells where others can read it', async (t) => {
  const database = join(temporaryFolder(t), 'auth.db')
  const { file } = readOrMakeSecret(database)
  for (const [mode, exposed] of [[0o600, false], [0o400, false], [0o640, true], [0o604, true], [0o620, true]] as const) {
    chmodSync(file, mode)
    t.equal(readOrMakeSecret(database).exposed, exposed, mode.toString(8))
  }
})

t.test('refuses to go on where the secret of an existing database is lost', async (t) => {
  const database = join(temporaryFolder(t), 'auth.db')
  writeFileSync(database, '')
  t.throws(() => readOrMakeSecret(database), { message: `SECRET_KEY is not set and ${database}.secret is missing, but the database exists: put back the secret it was made with` })
  t.notOk(existsSync(`${database}.secret`), 'and makes no other')
  const { secret } = readOrMakeSecret(database, true)
  t.equal(readOrMakeSecret(database).secret, secret, 'unless it is told to')
  t.equal(readOrMakeSecret(database, true).secret, secret, 'and replaces none that is there')
})

t.test('refuses a secret that is too short', async (t) => {
  const database = join(temporaryFolder(t), 'auth.db')
  for (const text of ['', '\n', 'short', 'x'.repeat(31)]) {
    writeFileSync(`${database}.secret`, text)
    t.throws(() => readOrMakeSecret(database), { message: `${database}.secret does not hold a secret of 32 bytes or more` })
  }
})

t.test('leaves nothing where it cannot be made', async (t) => {
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'file'), '')
  t.throws(() => readOrMakeSecret(join(folder, 'file', 'auth.db')), { message: /^The folder .+ of the database cannot be made: (EEXIST|ENOTDIR): / })
  const long = join(folder, 'x'.repeat(245))
  t.throws(() => readOrMakeSecret(long), { code: 'ENAMETOOLONG' })
  mkdirSync(join(folder, 'folder.secret'))
  t.throws(() => readOrMakeSecret(join(folder, 'folder')), { code: 'EISDIR' })
  t.same(readdirSync(folder).sort(), ['file', 'folder.secret'])
})

t.test('leaves no draft where the file system knows no links', async (t) => {
  const folder = temporaryFolder(t)
  const linkSync = () => { throw Object.assign(new Error('no links'), { code: 'EPERM' }) }
  const { readOrMakeSecret: linkless } = await mocked(t, { linkSync })
  t.throws(() => linkless(join(folder, 'auth.db')), { code: 'EPERM' })
  t.same(readdirSync(folder), [])
})

t.test('takes what another process makes between two of its looks', async (t) => {
  for (const looks of [1, 2]) {
    const database = join(temporaryFolder(t), 'auth.db')
    let left = looks
    const existsSync = (path: string) => {
      const answer = fs.existsSync(path)
      if (--left === 0) {
        writeFileSync(`${database}.secret`, 'the secret that the other process has made')
        writeFileSync(database, '')
      }
      return answer
    }
    const { readOrMakeSecret: interrupted } = await mocked(t, { existsSync })
    t.equal(interrupted(database).secret, 'the secret that the other process has made', `after look ${looks}`)
  }
})

t.test('is one secret for all that start together', async (t) => {
  const folder = temporaryFolder(t)
  const parties = 8
  const files = Array.from({ length: 5 }, (_, round) => join(folder, `${round}.db`))
  const workerData = { files, parties, barrier: new Int32Array(new SharedArrayBuffer(4 * files.length)) }
  const workers = Array.from({ length: parties }, () => new Worker(new URL('../../support/secret-seeker.ts', import.meta.url), { workerData, execArgv: [] }))
  const outcomes = await Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0] as string[]))
  for (const [round, file] of files.entries()) {
    const kept = readFileSync(`${file}.secret`, 'utf8').trim()
    t.same(new Set(outcomes.map((secrets) => secrets[round])), new Set([kept]), `round ${round}`)
  }
  t.equal(readdirSync(folder).length, 2 * files.length, 'no draft is left')
})
