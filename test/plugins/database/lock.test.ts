import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { createLock } from '../../../plugins/database/lock.ts'

t.test('gives one a turn at a time, in the order of asking', async (t) => {
  const lock = createLock()
  const seen: string[] = []
  const work = async (name: string) => {
    const release = await lock.acquire()
    seen.push(`${name} begins`)
    await turn()
    seen.push(`${name} ends`)
    release()
  }
  await Promise.all(['first', 'second', 'third'].map(work))
  t.same(seen, ['first begins', 'first ends', 'second begins', 'second ends', 'third begins', 'third ends'])
})

t.test('is free again when nobody waits, and lets a turn end twice without harm', async (t) => {
  const lock = createLock()
  const release = await lock.acquire()
  release()
  release()
  const next = await lock.acquire()
  const waiting = lock.acquire()
  release()
  t.equal(await Promise.race([waiting.then(() => 'too early'), turn('waits')]), 'waits')
  next()
  await waiting
})
