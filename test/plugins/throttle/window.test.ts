import t from 'tap'
import { createWindow } from '../../../plugins/throttle/window.ts'

t.test('counts each key in a window of its own, from its first count on', async (t) => {
  let now = 0
  const window = createWindow({ count: 3, seconds: 60 }, 100, () => now)
  t.same(window.read('a'), { count: 0, left: 0 })
  window.add('a')
  now = 10_000
  window.add('a')
  window.add('b')
  t.same(window.read('a'), { count: 2, left: 50_000 })
  t.same(window.read('b'), { count: 1, left: 60_000 })
  now = 60_000
  t.same(window.read('a'), { count: 0, left: 0 })
  t.same(window.read('b'), { count: 1, left: 10_000 })
  window.add('a')
  t.same(window.read('a'), { count: 1, left: 60_000 })
})

t.test('takes back what was counted, and never more', async (t) => {
  let now = 0
  const window = createWindow({ count: 3, seconds: 60 }, 100, () => now)
  window.add('a')
  window.add('a')
  window.giveBack('a')
  t.equal(window.read('a').count, 1)
  window.giveBack('a')
  now = 10_000
  window.add('a')
  t.same(window.read('a'), { count: 1, left: 60_000 }, 'a window of which nothing is left is over')
  window.giveBack('a')
  window.giveBack('a')
  t.equal(window.read('a').count, 0)
  window.add('a')
  now = 70_000
  window.giveBack('a')
  window.add('a')
  t.equal(window.read('a').count, 1, 'what was counted in a window that is over is not given back to the next')
})

t.test('holds so many keys and no more: the oldest window goes', async (t) => {
  const window = createWindow({ count: 3, seconds: 60 }, 2, () => 0)
  for (const key of ['a', 'b', 'b', 'c']) window.add(key)
  t.same(['a', 'b', 'c'].map((key) => window.read(key).count), [0, 2, 1])
})

t.test('takes a window that began anew for as young as it is', async (t) => {
  let now = 0
  const window = createWindow({ count: 3, seconds: 60 }, 3, () => now)
  window.add('a')
  now = 10_000
  window.add('b')
  now = 60_000
  for (const key of ['a', 'c', 'd']) window.add(key)
  t.same(['a', 'b', 'c', 'd'].map((key) => window.read(key).count), [1, 0, 1, 1])
})
