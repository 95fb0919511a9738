import t, { type Test } from 'tap'
import { createApi } from '../support/api.ts'
import { alice } from '../support/build.ts'
import { type FalseTime, falseTime } from '../support/false-time.ts'
import { beginOrdeal, endOrdeal, type Ordeal } from '../support/ordeal.ts'
import { timeToReady } from '../support/witness.ts'

const hour = 3600
const day = 24 * hour
const bound = 2000
const jumps = [['an hour ahead', hour], ['an hour back', -hour], ['a day ahead', day], ['a day back', -day]] as const

for (const store of ['SQLite', 'PostgreSQL'] as const) {
  t.test(`R16 serves on while its clock jumps by an hour and by a day, ahead and back, on ${store}`, async (t) => {
    const time = await falseTime(t)
    const ordeal = await beginOrdeal(t, { fault: 'the clock jumps by 1 h and 1 day, ahead and back', store }, { environment: time.environment })
    const { service } = ordeal
    const api = createApi(service)
    const ended = (await api.signedIn(alice)).access_token
    const session = await api.signedIn(alice)
    t.equal(await api.logout(ended), 204)
    let refreshToken = session.refresh_token

    for (const [what, seconds] of jumps) {
      await jump(t, ordeal, time, seconds)
      t.equal(await api.visit(ordeal.token), 401, `${what}: what is over, or has not begun, is not let in`)
      t.equal(await api.visit(ended), 401, `${what}: nor is who ended`)
      const { status, body } = await api.refresh(refreshToken)
      t.equal(status, 200, `${what}: the session goes on`)
      refreshToken = body.refresh_token
      t.equal(await api.visit(body.access_token), 200, `${what}: with a token of now`)
      t.equal(await api.visit((await api.signedIn(alice)).access_token), 200, `${what}: and who signs in gets one`)

      await jump(t, ordeal, time, 0)
      t.equal(await api.visit(ordeal.token), 200, `back from ${what}: the token of before is as good as it was`)
      t.equal(await api.visit(ended), 401, `back from ${what}: who ended stays out`)
      t.equal(await api.visit(body.access_token), 401, `back from ${what}: what was issued there is of another time`)
      const again = await api.refresh(refreshToken)
      t.equal(again.status, 200, `back from ${what}: the session goes on`)
      refreshToken = again.body.refresh_token
    }
    await endOrdeal(t, ordeal, bound)
  })
}

async function jump (t: Test, { service, work, seen }: Ordeal, time: FalseTime, seconds: number): Promise<void> {
  time.set(seconds)
  const ready = await timeToReady(service.url)
  seen.readyAfter(ready)
  t.ok(ready < bound, `ready ${Math.round(ready)} ms after the jump`)
  await work.goesOn(5)
}
