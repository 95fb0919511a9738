import t from 'tap'
import { clientCharges, perName, perNetwork, userCharges } from '../../../plugins/throttle/charges.ts'

const keyOf = (...parts: string[]) => parts.join(' ')
const day = 86_400_000

t.test('charges the name as it was typed, in any case, at its network and everywhere', async (t) => {
  t.strictSame(userCharges({ name: 'Alice', network: '192.0.2.1', trusted: false }, keyOf), [
    { key: 'name alice 192.0.2.1', allowance: perNetwork, lifetime: day },
    { key: 'name alice', allowance: perName, lifetime: 30 * day }
  ])
})

t.test('charges a network that is known with nothing but its own', async (t) => {
  t.same(userCharges({ name: 'alice', network: '192.0.2.1', trusted: true }, keyOf).map(({ key }) => key), ['name alice 192.0.2.1'])
})

t.test('charges a client at its network, and all ids that nobody has as one', async (t) => {
  t.strictSame(clientCharges('id', '192.0.2.1', keyOf), [{ key: 'client id 192.0.2.1', allowance: perNetwork, lifetime: day }])
  t.same(clientCharges(null, '192.0.2.1', keyOf).map(({ key }) => key), ['client  192.0.2.1'])
})

t.test('has the numbers that the docs tell', async (t) => {
  t.strictSame([perNetwork, perName], [{ free: 10, firstDelay: 30, longestDelay: 900 }, { free: 50, firstDelay: 60, longestDelay: 900 }])
})
