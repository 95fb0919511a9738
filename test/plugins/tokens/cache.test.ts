import t from 'tap'
import { createCache } from '../../../plugins/tokens/cache.ts'

t.test('gives back what it was given', async (t) => {
  const cache = createCache<number>(2)
  t.equal(cache.get('a'), undefined)
  cache.set('a', 1)
  t.equal(cache.get('a'), 1)
  t.equal(cache.size, 1)
})

t.test('lets a value go that was not used', async (t) => {
  const cache = createCache<number>(2)
  cache.set('a', 1)
  cache.set('b', 2)
  cache.get('a')
  cache.set('c', 3)
  t.strictSame(['a', 'b', 'c'].map((key) => cache.get(key)), [1, undefined, 3])
  t.equal(cache.size, 2)
})

t.test('spares what was used, once for each use', async (t) => {
  const cache = createCache<number>(2)
  cache.set('a', 1)
  cache.set('b', 2)
  cache.get('a')
  cache.set('c', 3)
  cache.set('d', 4)
  t.strictSame(['a', 'b', 'c', 'd'].map((key) => cache.get(key)), [undefined, undefined, 3, 4])
})

t.test('lets one go where all were used', async (t) => {
  const cache = createCache<number>(100)
  for (let i = 0; i < 100; i++) cache.set(`${i}`, i)
  for (let i = 0; i < 100; i++) cache.get(`${i}`)
  cache.set('new', 1)
  t.equal(cache.size, 100)
  t.equal(cache.get('new'), 1)
  t.equal(cache.get('32'), undefined, 'after so many were spared')
})

t.test('takes another value for a key without letting one go', async (t) => {
  const cache = createCache<number>(2)
  cache.set('a', 1)
  cache.set('b', 2)
  cache.set('b', 3)
  t.strictSame([cache.get('a'), cache.get('b'), cache.size], [1, 3, 2])
})

t.test('never grows beyond its size', async (t) => {
  const cache = createCache<number>(10)
  for (let i = 0; i < 1000; i++) cache.set(`${i}`, i)
  t.equal(cache.size, 10)
  t.equal(cache.get('999'), 999)
  t.equal(cache.get('989'), undefined)
})

t.test('lets go what is over as others come, whatever was used, and nothing else', async (t) => {
  let now = 0
  const cache = createCache<number>(10_000, (end) => end <= now)
  const most = []
  for (; now < 1000; now++) {
    cache.set(`${now}`, now + 100)
    cache.set(`long-${now % 10}`, 10_000)
    if (now > 50) t.equal(cache.get(`${now - 50}`), now + 50)
    most.push(cache.size)
  }
  t.ok(Math.max(...most) <= 2 * 110 + 4, `${Math.max(...most)} where 110 are not over`)
  t.equal(cache.get('long-5'), 10_000)
})

t.test('forgets one value, or all', async (t) => {
  const cache = createCache<number>(10)
  cache.set('a', 1)
  cache.set('b', 2)
  cache.delete('a')
  cache.delete('never there')
  t.strictSame([cache.get('a'), cache.get('b'), cache.size], [undefined, 2, 1])
  cache.clear()
  t.equal(cache.size, 0)
})

t.test('remembers nothing where its size is 0', async (t) => {
  const cache = createCache<number>(0)
  cache.set('a', 1)
  t.equal(cache.get('a'), undefined)
  t.equal(cache.size, 0)
})
