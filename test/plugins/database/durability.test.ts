import t from 'tap'
import { createDurability } from '../../../plugins/database/durability.ts'

/** A disk that is done when it is told to be. */
function disk () {
  const syncs: Array<PromiseWithResolvers<void>> = []
  const durability = createDurability(() => {
    const sync = Promise.withResolvers<void>()
    syncs.push(sync)
    return sync.promise
  })
  return { syncs, durability }
}

const turn = () => new Promise((resolve) => { setImmediate(resolve) })

t.test('writes out once for all that came while another ran, and not with that one', async (t) => {
  const { syncs, durability } = disk()
  const done: string[] = []
  const flush = (name: string) => durability.flush().then(() => done.push(name), () => done.push(`${name} failed`))
  void flush('a')
  await turn()
  for (const name of ['b', 'c', 'd']) void flush(name)
  await turn()
  t.equal(syncs.length, 1, 'one at a time')
  syncs[0]?.resolve()
  await turn()
  t.same(done, ['a'])
  t.equal(syncs.length, 2)
  syncs[1]?.resolve()
  await turn()
  t.same(done, ['a', 'b', 'c', 'd'])
  t.equal(syncs.length, 2)
})

t.test('fails those whose writing out failed, and goes on', async (t) => {
  const { syncs, durability } = disk()
  const first = durability.flush()
  await turn()
  const second = durability.flush()
  syncs[0]?.reject(new Error('the disk is gone'))
  await t.rejects(first, { message: 'the disk is gone' })
  await turn()
  syncs[1]?.resolve()
  await second
  const third = durability.flush()
  await turn()
  syncs[2]?.resolve()
  await third
  t.equal(syncs.length, 3)
})
