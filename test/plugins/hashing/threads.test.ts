import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { getPriority } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { lowerPriority } from '../../../plugins/hashing/threads.ts'
import { temporaryFolder } from '../../support/service.ts'

t.test('makes libuv\'s threads stand back, and no other', async (t) => {
  const own = getPriority()
  await readFile('/proc/self/stat')
  const threads = readdirSync('/proc/self/task').map((thread) => ({ name: readFileSync(`/proc/self/task/${thread}/comm`, 'utf8').trim(), thread: Number(thread) }))
  const count = threads.filter(({ name }) => name === 'libuv-worker').length
  t.ok(count >= 4)
  t.equal(lowerPriority(), count)
  t.equal(lowerPriority(), count)
  for (const { name, thread } of threads) t.equal(getPriority(thread), name === 'libuv-worker' ? Math.min(19, own + 10) : own, name)
})

t.test('finds none where the system keeps no such list', async (t) => {
  t.equal(lowerPriority('/nowhere/task'), 0)
})

t.test('throws where the system does not let it', async (t) => {
  const folder = temporaryFolder(t)
  // No thread has this number: above the most that the kernel gives.
  mkdirSync(join(folder, '999999999'))
  writeFileSync(join(folder, '999999999', 'comm'), 'libuv-worker\n')
  t.throws(() => lowerPriority(folder), { code: 'ERR_SYSTEM_ERROR' })
})
