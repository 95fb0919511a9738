import t from 'tap'
import { clientCharges, perAccount, perNetwork, userCharges } from '../../../plugins/throttle/charges.ts'

const keyOf = (...parts: string[]) => parts.join(' ')
const day = 86_400_000

t.test('charges the name from its network, and the account', async (t) => {
  t.strictSame(userCharges({ name: 'Alice', userId: 'id', network: '192.0.2.1', trusted: false }, keyOf), [
    { key: 'name alice 192.0.2.1', allowance: perNetwork, lifetime: day },
    { key: 'user id', allowance: perAccount, lifetime: 30 * day }
  ])
  t.same(userCharges({ name: 'Nobody', userId: null, network: '192.0.2.1', trusted: false }, keyOf).map(({ key }) => key), ['name nobody 192.0.2.1', 'nobody nobody'])
})

t.test('does not judge a known network by what others do, and counts what fails there', async (t) => {
  t.same(userCharges({ name: 'alice', userId: 'id', network: '192.0.2.1', trusted: true }, keyOf).map(({ allowance }) => allowance), [perNetwork, null])
})

t.test('charges a client from its network alone', async (t) => {
  t.strictSame(clientCharges('id', '192.0.2.1', keyOf), [{ key: 'client id 192.0.2.1', allowance: perNetwork, lifetime: day }])
})

t.test('has the numbers that the docs tell', async (t) => {
  t.strictSame([perNetwork, perAccount], [{ free: 10, firstDelay: 30, longestDelay: 900 }, { free: 100, firstDelay: 60, longestDelay: 900 }])
})
