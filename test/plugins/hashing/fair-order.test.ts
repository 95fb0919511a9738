import t from 'tap'
import { createFairOrder } from '../../../plugins/hashing/fair-order.ts'

interface Entry {
  name: string
  turn: { network: string }
}

/** Entries named after their network and how many it had: `a1 a2 b1`. */
function orderOf (names: string) {
  const order = createFairOrder<Entry>()
  const entries = new Map(names.split(' ').filter((name) => name !== '').map((name) => [name, { name, turn: { network: name.charAt(0) } }]))
  for (const entry of entries.values()) order.add(entry)
  const takeAll = (mayGo: (entry: Entry) => boolean = () => true) => {
    const taken: string[] = []
    for (let entry = order.take(mayGo); entry !== null; entry = order.take(mayGo)) taken.push(entry.name)
    return taken.join(' ')
  }
  return { order, entries, takeAll }
}

t.test('lets addresses take turns, and within one whoever came first', async (t) => {
  t.equal(orderOf('a1 a2 a3 a4 b1 c1 c2').takeAll(), 'a1 b1 c1 a2 c2 a3 a4')
  t.equal(orderOf('').takeAll(), '')
})

t.test('puts an address that comes back behind those that wait', async (t) => {
  const { order, takeAll } = orderOf('a1 b1 b2')
  t.equal(order.take(() => true)?.name, 'a1')
  order.add({ name: 'a2', turn: { network: 'a' } })
  t.equal(takeAll(), 'b1 a2 b2')
})

t.test('passes over those that may not go, who keep their place', async (t) => {
  const { order, takeAll } = orderOf('a1 a2 b1 c1')
  t.equal(order.take(({ name }) => name === 'b1')?.name, 'b1')
  t.equal(order.take(({ name }) => name === 'a2')?.name, 'a2', 'also behind another of its address')
  t.equal(order.take(() => false), null)
  t.equal(order.size, 2)
  t.equal(takeAll(), 'c1 a1')
})

t.test('lets go of entries, once, and also while it asks', async (t) => {
  const { order, entries, takeAll } = orderOf('a1 a2 b1 c1')
  const remove = (name: string) => { order.remove(entries.get(name) as Entry) }
  remove('a2')
  remove('a2')
  t.same([order.size, order.countOf('a'), order.countOf('b'), order.countOf('z')], [3, 1, 1, 0])
  t.equal(takeAll(({ name }) => {
    if (name !== 'c1') remove(name)
    return name === 'c1'
  }), 'c1')
  t.equal(order.size, 0)
})

t.test('knows the address that has most, and its last entry', async (t) => {
  t.equal(orderOf('').order.fullest(), null)
  t.match(orderOf('a1 b1 b2 b3 c1 c2').order.fullest(), { last: { name: 'b3' }, count: 3 })
})
