import t from 'tap'
import { createTally } from '../../../plugins/audit/tally.ts'

t.test('counts by kind and key, with the first of each, and begins anew when it is taken', async (t) => {
  const tally = createTally<number>()
  for (const [kind, key, what] of [['login', 'a', 1], ['login', 'b', 2], ['login', 'a', 3], ['register', 'a', 4]] as const) tally.add(kind, key, what)
  t.strictSame(tally.take(), [{ first: 1, count: 2, mixed: false }, { first: 2, count: 1, mixed: false }, { first: 4, count: 1, mixed: false }])
  t.strictSame(tally.take(), [])
})

t.test('tells a thousand keys apart, and counts what comes beyond them together, by kind', async (t) => {
  const tally = createTally<number>()
  for (let i = 0; i < 3000; i++) tally.add('login', `key ${i}`, i)
  tally.add('register', 'late', 5000)
  tally.add('login', 'key 7', 0)
  const taken = tally.take()
  t.equal(taken.length, 1002)
  t.strictSame([taken[7], ...taken.slice(-2)], [{ first: 7, count: 2, mixed: false }, { first: 1000, count: 2000, mixed: true }, { first: 5000, count: 1, mixed: true }])
})
