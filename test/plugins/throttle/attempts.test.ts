import t from 'tap'
import { createAttempts, type OpenAttempt } from '../../../plugins/throttle/attempts.ts'
import type { Tally } from '../../../plugins/throttle/verdict.ts'
import { heapLeft } from '../../support/heap.ts'

const allowance = { free: 3, firstDelay: 30, longestDelay: 900 }
const charge = (key: string) => ({ key, allowance, lifetime: 1000 })

/** Attempts over a store that a test holds in its hand. */
function over (stored: Record<string, Tally> = {}) {
  let now = 0
  const attempts = createAttempts(() => now)
  const open = (...keys: string[]) => attempts.open(keys.map(charge), async () => new Map(Object.entries(stored)))
  return { attempts, open, stored, turn: (to: number) => { now = to } }
}

/** Starts those of a burst that may run now. */
function startAll (burst: OpenAttempt[]): OpenAttempt[] {
  return burst.filter((attempt) => {
    const may = attempt.look() === true
    if (may) attempt.start()
    return may
  })
}

function fail (attempt: OpenAttempt): void {
  attempt.start()
  attempt.end(false)
}

t.test('lets as many of a burst run as may fail, and refuses the rest when they have', async (t) => {
  const { open } = over()
  const burst = await Promise.all(Array.from({ length: 10 }, () => open('a')))
  const running = startAll(burst)
  t.equal(running.length, 3)
  t.same(new Set(burst.slice(3).map((attempt) => attempt.look())), new Set([false]))
  for (const attempt of running) attempt.end(false)
  t.same(new Set(burst.slice(3).map((attempt) => attempt.look())), new Set([30]))
})

t.test('lets all of a burst run, a few at a time, where all succeed', async (t) => {
  const { open } = over()
  const burst = await Promise.all(Array.from({ length: 10 }, () => open('a')))
  let rounds = 0
  for (let waiting = burst; waiting.length > 0; rounds++) {
    const running = startAll(waiting)
    waiting = waiting.filter((attempt) => !running.includes(attempt))
    for (const attempt of running) attempt.end(true)
  }
  t.equal(rounds, 4)
})

t.test('needs the word of every key, and says the longest delay', async (t) => {
  const { open, stored } = over({ a: { failures: 3, lastFailedAt: 0 }, b: { failures: 4, lastFailedAt: 0 } })
  t.equal((await open('a', 'b')).look(), 60)
  stored['b'] = { failures: 0, lastFailedAt: 0 }
  t.equal((await open('c', 'a')).look(), 30)
  t.equal((await open('c', 'b')).look(), true)
})

t.test('takes over what other processes counted meanwhile', async (t) => {
  const { open } = over()
  const [one, other] = [await open('a'), await open('a')]
  fail(one)
  t.equal(other.look(), true)
  one.saved(new Map([['a', 7], ['b', 9]]))
  t.equal(other.look(), 480)
  one.saved(new Map([['a', 2]]))
  t.equal(other.look(), 480, 'and never counts less')
})

t.test('remembers what could not be written down, until it can be', async (t) => {
  const { open, stored, turn } = over()
  for (let i = 0; i < 3; i++) {
    const attempt = await open('a')
    fail(attempt)
    attempt.lost()
    attempt.release()
  }
  t.equal((await open('a')).look(), 30)
  turn(20_000)
  stored['a'] = { failures: 3, lastFailedAt: 20_000 }
  t.equal((await open('a')).look(), 30, 'what the database says where both are as bad')
  stored['a'] = { failures: 4, lastFailedAt: 20_000 }
  const later = await open('a')
  t.equal(later.look(), 60, 'the worse of both')
  later.saved(new Map([['a', 5]]))
  later.release()
  stored['a'] = { failures: 0, lastFailedAt: 0 }
  t.equal((await open('a')).look(), true)
})

t.test('remembers ten thousand that could not be written down, and no more', async (t) => {
  const { attempts } = over()
  const open = (key: string) => attempts.open([{ ...charge(key), allowance: { ...allowance, free: 1 } }], async () => new Map())
  for (let number = 0; number <= 10_000; number++) {
    const attempt = await open(String(number))
    fail(attempt)
    attempt.lost()
    attempt.release()
  }
  const looks = await Promise.all(['0', '1', '10000'].map(async (key) => (await open(key)).look()))
  t.same(looks, [true, 30, 30], 'the oldest is forgotten')
})

t.test('does not let a reading undo what was written down while it was under way', async (t) => {
  const { attempts, stored } = over({ a: { failures: 2, lastFailedAt: 0 } })
  const before = await attempts.open([charge('a')], async () => new Map(Object.entries(stored)))
  let answer: (tallies: Map<string, Tally>) => void = () => {}
  const slow = attempts.open([charge('a')], () => new Promise((resolve) => { answer = resolve }))
  fail(before)
  before.saved(new Map([['a', 3]]))
  before.release()
  answer(new Map([['a', { failures: 2, lastFailedAt: 0 }]]))
  t.equal((await slow).look(), 30)
})

t.test('believes the database again when all that ended here is written down, and not before', async (t) => {
  const { open, stored } = over()
  const first = await open('a')
  fail(first)
  const second = await open('a')
  fail(second)
  const third = await open('a')
  fail(third)
  t.equal((await open('a')).look(), 30, 'nothing is written down yet')
  t.equal(third.wasMarked, true)
  first.release()
  first.release()
  t.equal((await open('a')).look(), 30)
  stored['a'] = { failures: 1, lastFailedAt: 0 }
  t.equal((await open('b', 'a')).look(), 30, 'two of three are not')
  second.release()
  third.release()
  t.equal((await open('a')).look(), true)
})

t.test('gives back the place of an attempt that never ended, once', async (t) => {
  const { open } = over({ a: { failures: 2, lastFailedAt: 0 } })
  const [one, other] = [await open('a'), await open('a')]
  one.start()
  t.equal(other.look(), false)
  one.release()
  t.equal(other.look(), true)
  one.release()
  fail(other)
  t.equal((await open('a')).look(), 30, 'and the others hold the key on')
})

t.test('counts what began, and that once', async (t) => {
  const { open } = over({ a: { failures: 1, lastFailedAt: 0 } })
  const [one, other] = [await open('a'), await open('a')]
  one.end(false)
  fail(other)
  other.end(false)
  t.equal(one.look(), true)
  fail(one)
  t.equal(other.look(), 30)
})

t.test('says whether something had failed at any of its keys', async (t) => {
  const { open } = over({ a: { failures: 1, lastFailedAt: 0 } })
  const attempt = await open('a', 'b')
  t.equal(attempt.wasMarked, false, 'not before it ended')
  attempt.start()
  attempt.end(true)
  t.equal(attempt.wasMarked, true)
})

t.test('forgets a key with its last attempt, also where one never ended', async (t) => {
  const { open } = over()
  const [one, other] = [await open('a'), await open('a')]
  one.start()
  one.release()
  other.start()
  other.end(false)
  other.end(false)
  other.release()
  const later = await open('a')
  t.equal(later.look(), true)
  fail(later)
  t.equal(later.wasMarked, false, 'nothing had failed before')
})

t.test('does not take an older reading for what happened since', async (t) => {
  const { attempts } = over()
  let answer: (tallies: Map<string, Tally>) => void = () => {}
  const slow = attempts.open([charge('a')], () => new Promise((resolve) => { answer = resolve }))
  const quick = await attempts.open([charge('a')], async () => new Map())
  fail(quick)
  quick.release()
  answer(new Map())
  const attempt = await slow
  attempt.start()
  attempt.end(true)
  t.equal(attempt.wasMarked, true)
})

t.test('does not take the older of two readings that come in the wrong order', async (t) => {
  const { attempts } = over()
  let answer: (tallies: Map<string, Tally>) => void = () => {}
  const slow = attempts.open([charge('a')], () => new Promise((resolve) => { answer = resolve }))
  await attempts.open([charge('a')], async () => new Map([['a', { failures: 3, lastFailedAt: 0 }]]))
  answer(new Map())
  t.equal((await slow).look(), 30)
})

t.test('holds nothing where the database does not answer', async (t) => {
  const { attempts, open } = over()
  await t.rejects(attempts.open([charge('a')], () => Promise.reject(new Error('gone'))), { message: 'gone' })
  t.equal((await open('a')).look(), true)
})

t.test('does not take a reading from before it was written down for what it is after', async (t) => {
  const { attempts } = over()
  const [first, second, third] = [await attempts.open([charge('a')], async () => new Map()), await attempts.open([charge('a')], async () => new Map()), await attempts.open([charge('a')], async () => new Map())]
  for (const attempt of [first, second, third]) fail(attempt)
  let answer: (tallies: Map<string, Tally>) => void = () => {}
  const slow = attempts.open([charge('a')], () => new Promise((resolve) => { answer = resolve }))
  for (const attempt of [first, second, third]) {
    attempt.saved(new Map([['a', 3]]))
    attempt.release()
  }
  answer(new Map([['a', { failures: 0, lastFailedAt: 0 }]]))
  t.equal((await slow).look(), 30, 'three have failed, whatever the slow reading says')
})

t.test('keeps nothing of keys whose attempts are over, however many there were', async (t) => {
  const { attempts, open } = over()
  const name = (number: number) => Buffer.alloc(4096, String(number)).toString('latin1')
  const gone = Promise.reject(new Error('gone'))
  const more = await heapLeft(async () => {
    for (let number = 0; number < 10_000; number++) (await open(name(number))).release()
    for (let number = 10_000; number < 20_000; number++) await attempts.open([charge(name(number))], () => gone).catch(() => {})
  })
  t.ok(more < 20, `${more.toFixed(1)} MiB of the 80 that their names took`)
})
