import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { alice, aliceSignedIn, build } from '../support/build.ts'
import { call, createClock, refresh, refreshed, signIn, worth } from '../support/calls.ts'
import { temporaryFolder } from '../support/service.ts'
import { witness } from '../support/witness.ts'

/** A service, what it was a minute after a backup of it, and one that begins anew on the backup another minute later. */
async function setUp (t: Test) {
  const folder = temporaryFolder(t)
  const secret = { SECRET_KEY: randomBytes(32).toString('base64url') }
  const clock = createClock()
  const start = (file: string) => build(t, { now: clock.now, environment: { ...secret, DATABASE_URL: `sqlite:${join(folder, file)}` } })
  const service = await start('auth.db')
  return {
    service,
    clock,
    backUp: () => service.database.backUp(join(folder, 'copy.db')),
    async restore () {
      clock.turn(60)
      await service.close()
      return start('copy.db')
    }
  }
}

t.test('a refresh token that is newer than the backup is refused, and ends nothing', async (t) => {
  witness(t, { fault: 'restored from a backup, by refresh tokens that are newer', store: 'SQLite' })
  const { service, clock, backUp, restore } = await setUp(t)
  await aliceSignedIn(service)
  const pair = await signIn(service)
  await backUp()
  clock.turn(60)
  const newer = await refreshed(service, pair.refresh_token)
  const newest = await refreshed(service, newer.refresh_token)
  const restored = await restore()
  for (const { refresh_token: token } of [newer, newest]) {
    const reply = await refresh(restored, token)
    t.match(reply.json(), { statusCode: 401, code: 'invalid_refresh_token' })
  }
  t.equal(await worth(restored, newest), 200, 'its session lives')
})

t.test('what ended after the backup is alive again, until everybody\'s sessions from before the restore are ended', async (t) => {
  witness(t, { fault: 'restored from a backup, with sessions that have ended since', store: 'SQLite' })
  const { service, clock, backUp, restore } = await setUp(t)
  const stolen = await aliceSignedIn(service)
  await backUp()
  clock.turn(60)
  await call(service, 'POST /logout', stolen.access_token)
  const lost = await signIn(service)
  t.equal(await worth(service, stolen), 401)
  const restored = await restore()
  t.strictSame([await worth(restored, stolen), await worth(restored, lost)], [200, 200])

  t.equal(await restored.signOut.endBefore(clock.now()), 1)
  t.strictSame([await worth(restored, stolen), await worth(restored, lost)], [401, 401], 'also of a session that the backup does not know')
  t.equal((await refresh(restored, stolen.refresh_token)).statusCode, 401)
  const { access_token: token, refresh_token: next } = await signIn(restored, alice)
  t.equal(await worth(restored, { access_token: token }), 200)
  await refreshed(restored, next)
})
