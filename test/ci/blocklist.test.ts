import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { readBlocklist } from '../../plugins/passwords/blocklist.ts'
import { fold } from '../../plugins/passwords/spelling.ts'
import { commonPasswords } from '../support/common-passwords.ts'
import { temporaryFolder } from '../support/service.ts'

const root = resolve(import.meta.dirname, '../..')
const kept = readFileSync(join(root, 'plugins/passwords/blocklist.bin'))

t.test('makes the list that is kept, byte for byte, from the package that is locked', async (t) => {
  const file = join(temporaryFolder(t), 'blocklist.bin')
  await promisify(execFile)(process.execPath, ['.ci/blocklist.js', file], { cwd: root })
  t.ok(readFileSync(file).equals(kept), 'otherwise: npm run blocklist')
})

t.test('takes the commonest 200,000 that are long enough, and the commonest 10,000 shorter words', async (t) => {
  const blocklist = readBlocklist(kept)
  const passwords = commonPasswords.filter((password) => password.length >= 8).slice(0, 200_000)
  const words = commonPasswords.filter((password) => /^[a-z]{4,7}$/.test(password)).slice(0, 10_000)
  t.equal(passwords.length + words.length, 210_000)
  t.same([...passwords, ...words].filter((text) => !blocklist.has(fold(text))), [])
  t.equal(blocklist.size, new Set([...passwords, ...words].map(fold)).size, 'and nothing else')
  t.ok(kept.length < 2 ** 20, `${kept.length} bytes`)
})
