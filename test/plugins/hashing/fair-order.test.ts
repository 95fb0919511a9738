import t from 'tap'
import { createFairOrder } from '../../../plugins/hashing/fair-order.ts'
import { settled, world } from '../../support/hashing-world.ts'

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

t.test('keeps nobody out whom a flooding address has left no room', async (t) => {
  const here = world({ longestWait: 500 })
  for (let i = 0; i <= 20; i++) here.enter(`a${i}`)
  await settled()
  t.match(here.queue.statistics(), { waiting: 10, refused: 10 }, 'its own are refused')
  here.enter('b1')
  here.enter('c1')
  await settled()
  t.same(['a10', 'a9', 'a8', 'b1'].map((name) => here.outcomes.get(name)), ['displaced', 'displaced', undefined, undefined])
  t.match(here.queue.statistics(), { waiting: 10, refused: 12 })
  for (let i = 0; i < 3; i++) await here.end(here.started.at(-1) as string)
  t.same(here.started, ['a0', 'a1', 'b1', 'c1'])
})

t.test('gives nobody more than the one who has most', async (t) => {
  const here = world({ longestWait: 300 })
  for (const name of ['a0', 'a1', 'a2', 'a3', 'b1', 'b2', 'c1']) here.enter(name)
  for (const name of ['d1', 'e1', 'f1', 'g1', 'b3']) here.enter(name)
  await settled()
  const turnedAway = [...here.outcomes].map(([name, outcome]) => `${name} ${outcome}`).sort()
  t.same(turnedAway, ['a2 displaced', 'a3 displaced', 'b2 displaced', 'b3 full', 'g1 full'])
})

t.test('lets a favoured one displace one that is not, up to eight of one network', async (t) => {
  const here = world({ longestWait: 700 })
  here.enter('0')
  for (const name of 'abcdefghijklmn') here.enter(name)
  for (let i = 1; i <= 10; i++) here.enter(`F${i}`, { favoured: true })
  here.enter('z')
  await settled()
  const outcomes = (names: string[]) => names.map((name) => here.outcomes.get(name))
  t.same(outcomes([...'abcdefgh']), Array(8).fill('displaced'))
  t.same(outcomes(['i', 'F8', 'F9', 'F10', 'z']), [undefined, 'displaced', 'full', 'full', undefined], 'and somebody who has nothing there displaces one of eight')
  here.enter('G1', { favoured: true })
  t.match(here.queue.statistics(), { waiting: 14 })
  for (const name of 'HIJKLMNOPQ') here.enter(`${name}1`, { favoured: true })
  await settled()
  t.equal(here.outcomes.get('F7'), 'displaced', 'where nobody else is left, of the favoured whoever has most')
})

t.test('keeps nobody out whom a favoured flood of many networks has left no room', async (t) => {
  const here = world({ longestWait: 700 })
  here.enter('0')
  for (let i = 1; i <= 8; i++) here.enter(`F${i}`, { favoured: true })
  for (let i = 1; i <= 6; i++) here.enter(`G${i}`, { favoured: true })
  for (const name of ['a1', 'b1', 'c1', 'd1', 'e1', 'f1']) here.enter(name)
  await settled()
  const displaced = [...here.outcomes].filter(([, outcome]) => outcome === 'displaced').map(([name]) => name)
  t.same(displaced.sort(), ['F6', 'F7', 'F8', 'G6'], 'down to five of each')
  t.same(['e1', 'f1'].map((name) => here.outcomes.get(name)), ['full', 'full'])
})
