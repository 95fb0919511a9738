import t from 'tap'
import { createTally } from '../../../plugins/audit/tally.ts'

t.test('counts by key, with the first of each, and begins anew when it is taken', async (t) => {
  const tally = createTally<number>()
  for (const [key, what] of [['a', 1], ['b', 2], ['a', 3]] as const) tally.add(key, what)
  t.strictSame(tally.take(), [{ first: 1, count: 2 }, { first: 2, count: 1 }])
  t.strictSame(tally.take(), [])
})

t.test('tells a thousand keys apart, and counts what comes beyond them together', async (t) => {
  const tally = createTally<number>()
  for (let i = 0; i < 5000; i++) tally.add(`key ${i}`, i)
  tally.add('key 7', 0)
  const taken = tally.take()
  t.equal(taken.length, 1001)
  t.strictSame([taken[7], taken.at(-1)], [{ first: 7, count: 2 }, { first: 1000, count: 4000 }])
})
