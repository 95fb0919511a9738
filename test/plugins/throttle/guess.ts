import type { Test } from 'tap'
import { origin } from '../../support/calls.ts'
import { failures, throttled } from './world.ts'

/** What the throttle promises whoever makes one guess. */
export async function oneGuess (t: Test): Promise<void> {
  const target = { name: 'alice', userId: null, actor: null }

  t.test('is refused before it waits for its turn', async (t) => {
    const { app } = await throttled(t)
    await failures(app, 10)
    await t.rejects(app.throttle.attempt(target, origin), { code: 'too_many_attempts' })
  })

  t.test('holds a place of its address until it is closed', async (t) => {
    const { app } = await throttled(t, { LOGIN_LIMIT: '1/1m' })
    const [one, other] = [await app.throttle.attempt(target, origin), await app.throttle.attempt(target, origin)]
    t.same([one.mayStart(), other.mayStart()], [true, false])
    await one.close(async () => {})
    t.equal(other.mayStart(), true)
  })

  t.test('is written down with what stands beside it, or neither is', async (t) => {
    const { app } = await throttled(t)
    const fail = async (beside: () => Promise<void>) => {
      const attempt = await app.throttle.attempt(target, origin)
      attempt.mayStart()
      attempt.ended(false)
      await attempt.close(beside)
    }
    const counts = async () => (await app.database.queries.selectFrom('failures').select('count').execute()).map(({ count }) => count)
    await t.rejects(fail(async () => { throw new Error('no') }), { message: 'no' })
    t.same(await counts(), [])
    await fail(async () => {})
    t.same(await counts(), [1, 1])
  })
}
