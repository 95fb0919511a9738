import { randomUUIDv7 } from 'node:crypto'
import type { Test } from 'tap'
import { run } from '../../../plugins/database/statement.ts'
import type { Queries } from '../../../plugins/database.ts'
import { createThrottleRepository } from '../../../plugins/throttle/repository.ts'
import { createUserRepository } from '../../../plugins/users/repository.ts'

async function newUser (queries: Queries, username: string): Promise<string> {
  const id = randomUUIDv7()
  await createUserRepository(queries, { run }).add({ id, username, email: null, passwordHash: null, createdAt: 1 })
  return id
}

/** What the throttle's repository promises, whatever database it is on. `open` gives a new empty one. */
export function throttleContract (t: Test, open: (t: Test) => Promise<Queries>): void {
  t.test('counts failures by key, until they are over', async (t) => {
    const throttle = createThrottleRepository(await open(t))
    t.strictSame(await throttle.tallies(['a', 'b'], 0), new Map())
    await throttle.fail([{ key: 'a', expiresAt: 100 }, { key: 'b', expiresAt: 50 }], 10)
    t.strictSame(await throttle.fail([{ key: 'b', expiresAt: 50 }, { key: 'a', expiresAt: 110 }], 20), new Map([['a', 2], ['b', 2]]))
    t.strictSame(await throttle.tallies(['a', 'b', 'c'], 30), new Map([['a', { failures: 2, lastFailedAt: 20 }], ['b', { failures: 2, lastFailedAt: 20 }]]))
    t.strictSame(await throttle.tallies(['a', 'b'], 50), new Map([['a', { failures: 2, lastFailedAt: 20 }]]))
  })

  t.test('begins again where what failed before is over and not yet swept', async (t) => {
    const throttle = createThrottleRepository(await open(t))
    for (const now of [1, 2, 3]) await throttle.fail([{ key: 'a', expiresAt: 10 }], now)
    await throttle.fail([{ key: 'a', expiresAt: 30 }], 10)
    t.strictSame(await throttle.tallies(['a'], 11), new Map([['a', { failures: 1, lastFailedAt: 10 }]]))
  })

  t.test('loses no failure of many at once', async (t) => {
    const throttle = createThrottleRepository(await open(t))
    await Promise.all(Array.from({ length: 50 }, () => throttle.fail([{ key: 'a', expiresAt: 10 }, { key: 'b', expiresAt: 10 }], 1)))
    t.equal((await throttle.tallies(['a'], 2)).get('a')?.failures, 50)
  })

  t.test('forgets the keys named, and no other', async (t) => {
    const throttle = createThrottleRepository(await open(t))
    await throttle.fail(['a', 'b', 'c'].map((key) => ({ key, expiresAt: 10 })), 1)
    await throttle.forget(['a', 'b', 'nothing'])
    t.same([...(await throttle.tallies(['a', 'b', 'c'], 2)).keys()], ['c'])
  })

  t.test('remembers networks by user, the latest so many', async (t) => {
    const queries = await open(t)
    const throttle = createThrottleRepository(queries)
    const [one, other] = [await newUser(queries, 'one'), await newUser(queries, 'other')]
    await throttle.see(other, '192.0.2.9', 1, 2)
    for (const [now, network] of ['192.0.2.1', '192.0.2.2', '192.0.2.1', '192.0.2.3'].entries()) await throttle.see(one, network, now, 2)
    t.same(await Promise.all(['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.9'].map((network) => throttle.seenAt(one, network))), [2, null, 3, null])
    t.equal(await throttle.seenAt(other, '192.0.2.9'), 1)
    t.equal(await throttle.seenAt('', '192.0.2.9'), null)
    await createUserRepository(queries, { run }).remove(one)
    t.equal(await throttle.seenAt(one, '192.0.2.3'), null, 'they go with the user')
  })

  t.test('sweeps what is over, so many at a time', async (t) => {
    const queries = await open(t)
    const throttle = createThrottleRepository(queries)
    await throttle.fail(['a', 'b', 'c'].map((key) => ({ key, expiresAt: 10 })), 1)
    await throttle.fail([{ key: 'd', expiresAt: 20 }], 1)
    t.same([await throttle.sweepOver(9, 2), await throttle.sweepOver(10, 2), await throttle.sweepOver(10, 2)], [0, 2, 1])
    t.same([...(await throttle.tallies(['a', 'b', 'c', 'd'], 2)).keys()], ['d'])

    const user = await newUser(queries, 'user')
    for (const now of [1, 2, 3]) await throttle.see(user, `192.0.2.${now}`, now, 10)
    t.same([await throttle.sweepNetworks(2, 1), await throttle.sweepNetworks(2, 5)], [1, 1])
    t.equal(await throttle.seenAt(user, '192.0.2.3'), 3)
  })

  t.test('drops those with the fewest failures where there are too many, the oldest of them first', async (t) => {
    const throttle = createThrottleRepository(await open(t))
    for (const [now, key] of ['attacked', 'attacked', 'old', 'new', 'attacked', 'old again', 'old again'].entries()) await throttle.fail([{ key, expiresAt: 100 }], now)
    t.equal(await throttle.count(), 4)
    await throttle.sweepLeast(1)
    t.same([...(await throttle.tallies(['attacked', 'old', 'new', 'old again'], 10)).keys()].sort(), ['attacked', 'new', 'old again'])
    await throttle.sweepLeast(2)
    t.equal(await throttle.count(), 1)
    t.same([...(await throttle.tallies(['attacked', 'new', 'old again'], 10)).keys()], ['attacked'])
  })
}
