import t from 'tap'
import { createAddressLimits } from '../../../plugins/throttle/address-limits.ts'
import { heapLeft } from '../../support/heap.ts'

const limits = { login: { count: 2, seconds: 60 }, register: { count: 1, seconds: 60 }, refresh: null }

t.test('lets as many guesses run as may fail, and refuses more when they have', async (t) => {
  let now = 0
  const addresses = createAddressLimits(limits, () => now)
  const [one, other, third, elsewhere] = [addresses.guess('a'), addresses.guess('a'), addresses.guess('a'), addresses.guess('b')]
  for (const guess of [one, other]) {
    t.equal(guess.look(), true)
    guess.start()
  }
  t.equal(third.look(), false)
  one.end(true)
  t.equal(third.look(), true, 'a success gives its place back')
  third.start()
  third.end(false)
  other.end(false)
  now = 999
  t.equal(one.look(), 60, 'in whole seconds')
  t.equal(elsewhere.look(), true)
  now = 59_900
  t.equal(one.look(), 1, 'never none')
  now = 60_000
  t.equal(one.look(), true)
})

t.test('frees the place of a guess that never ended', async (t) => {
  const addresses = createAddressLimits(limits, () => 0)
  const guesses = Array.from({ length: 4 }, () => addresses.guess('a'))
  guesses[0]?.start()
  guesses[1]?.start()
  t.equal(guesses[2]?.look(), false)
  guesses[3]?.release()
  t.equal(guesses[2]?.look(), false, 'one that never began had none')
  guesses[0]?.release()
  guesses[0]?.release()
  t.equal(guesses[2]?.look(), true)
  guesses[2]?.start()
  t.equal(guesses[3]?.look(), false, 'and frees it once')
})

t.test('lets everybody guess where the limit is off', async (t) => {
  const guess = createAddressLimits({ ...limits, login: null }, () => 0).guess('a')
  for (let i = 0; i < 100; i++) {
    guess.start()
    guess.end(false)
  }
  t.equal(guess.look(), true)
})

t.test('counts for the library every request of one limit, and of guesses those that failed', async (t) => {
  const addresses = createAddressLimits(limits, () => 0)
  const counted = (limit: 'login' | 'register') => {
    let result = { current: 0, ttl: 0 }
    new addresses.Store().child({ limit }).incr('a', (_error, found) => { result = found }, 60_000, limits[limit].count)
    return result
  }
  t.same([counted('register'), counted('register')], [{ current: 1, ttl: 60_000 }, { current: 2, ttl: 60_000 }])
  addresses.giveBack('register', 'a')
  t.equal(counted('register').current, 2)
  t.same([counted('login').current, counted('login').current], [0, 0])
  for (let i = 0; i < 2; i++) {
    const guess = addresses.guess('a')
    guess.start()
    guess.end(false)
  }
  t.equal(counted('login').current, 3, 'more than are let through')
})

t.test('remembers 100,000 networks that failed, and no more', async (t) => {
  const addresses = createAddressLimits({ ...limits, login: { count: 1, seconds: 60 } }, () => 0)
  for (let number = 0; number <= 100_000; number++) addresses.guess(String(number)).end(false)
  t.same(['0', '1', '100000'].map((network) => addresses.guess(network).look()), [true, 60, 60], 'the one whose window began first goes')
})

t.test('keeps nothing of networks whose guesses are over, however many there were', async (t) => {
  const addresses = createAddressLimits(limits, () => 0)
  const more = await heapLeft(() => {
    for (let number = 0; number < 20_000; number++) {
      const guess = addresses.guess(Buffer.alloc(4096, String(number)).toString('latin1'))
      guess.start()
      guess.end(true)
    }
  })
  t.equal(addresses.guess('a').look(), true)
  t.ok(more < 40, `${more.toFixed(1)} MiB of the 80 that their names took`)
})
