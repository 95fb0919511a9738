import t from 'tap'
import { createDurability } from '../../../plugins/database/durability.ts'

type Work = PromiseWithResolvers<void>

/** A disk that is done when it is told to be. */
function disk () {
  const syncs: Work[] = []
  const beginnings: Work[] = []
  const told: boolean[] = []
  function begin (to: Work[]): Promise<void> {
    const work = Promise.withResolvers<void>()
    to.push(work)
    return work.promise
  }
  const beginAnew = (wasTold: boolean) => {
    told.push(wasTold)
    return begin(beginnings)
  }
  return { syncs, beginnings, told, durability: createDurability(() => begin(syncs), beginAnew) }
}

const turn = () => new Promise((resolve) => { setImmediate(resolve) })

t.test('writes out once for all that came while another ran, and not with that one', async (t) => {
  const { syncs, beginnings, durability } = disk()
  const done: string[] = []
  const flush = (name: string) => durability.flush().then(() => done.push(name), () => done.push(`${name} failed`))
  void flush('a')
  await turn()
  t.equal(syncs.length, 0, 'nobody knows what became of what was before')
  beginnings[0]?.resolve()
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

t.test('fails those whose writing out failed, and goes on when it has begun anew', async (t) => {
  const { syncs, beginnings, told, durability } = disk()
  const first = durability.flush()
  await turn()
  beginnings[0]?.resolve()
  await turn()
  const second = durability.flush()
  syncs[0]?.reject(new Error('the disk is gone'))
  await t.rejects(first, { message: 'the disk is gone' })
  await turn()
  t.same([syncs.length, beginnings.length], [1, 2])
  beginnings[1]?.reject(new Error('it is still gone'))
  await t.rejects(second, { message: 'it is still gone' })
  const third = durability.flush()
  await turn()
  beginnings[2]?.resolve()
  await turn()
  syncs[1]?.reject(new Error('it is gone again'))
  await t.rejects(third, { message: 'it is gone again' })
  const fourth = durability.flush()
  await turn()
  beginnings[3]?.resolve()
  await turn()
  syncs[2]?.resolve()
  await fourth
  const fifth = durability.flush()
  await turn()
  syncs[3]?.resolve()
  await fifth
  t.same([syncs.length, beginnings.length], [4, 4], 'once it is whole, nothing begins anew')
  t.same(told, [false, true, true, true])
})
