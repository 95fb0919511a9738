import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createApi } from '../support/api.ts'
import { alice } from '../support/build.ts'
import { gather } from '../support/crowd.ts'
import { descriptorsOf, residentMemory } from '../support/process.ts'
import { startService } from '../support/service.ts'
import { timeToReady, witness } from '../support/witness.ts'

t.setTimeout(120_000)

/** Connections that are held open and say nothing; `npm run faults` asks for ten thousand. */
const idle = Number(process.env['IDLE_SOCKETS'] ?? 2000)
const bound = 2000
/** Milliseconds within which nine of ten visits are answered beside them, on a machine that has other work too. */
const longestVisit = 250
const visits = 200
/** KiB of memory that each may cost. */
const perConnection = 16

t.test(`R28 hardly feels ${idle} idle connections, and is ready when they are gone`, async (t) => {
  const seen = witness(t, { fault: `${idle} idle connections`, store: 'SQLite' })
  const service = await startService(t)
  const api = createApi(service)
  t.equal(await api.register(alice), 201)
  const { access_token: token } = await api.signedIn(alice)
  const before = await timesOf()
  const memory = residentMemory(service.pid)
  const crowd = gather(t, service.port)
  // Each may stay for some eight seconds: who came first may have been sent away before the last is there.
  while (descriptorsOf(service.pid) < idle) await crowd.grow(Math.max(0, idle - crowd.present) + 100)
  const beside = await timesOf()
  const present = crowd.present
  const growth = residentMemory(service.pid) - memory
  t.equal((await api.login(alice)).status, 200, 'who signs in is served too')
  crowd.leave()

  const ready = await timeToReady(service.url)
  seen.readyAfter(ready)
  t.ok(ready < bound, `ready after ${Math.round(ready)} ms`)
  seen.note(`${present} at once; a visit takes ${describe(before)} without them and ${describe(beside)} beside them; ${growth.toFixed(0)} MiB more`)
  t.ok(share(beside, 0.9) < longestVisit, `${share(beside, 0.9)} ms`)
  t.ok(growth < 32 + idle * perConnection / 1024, `${growth.toFixed(1)} MiB more`)
  t.equal(await service.stop(), 0)

  async function timesOf (): Promise<number[]> {
    const times: number[] = []
    for (let visit = 0; visit < visits; visit++) {
      const begun = performance.now()
      if (await api.visit(token) !== 200) t.fail('a visit is not answered')
      times.push(performance.now() - begun)
      await sleep(1)
    }
    return times.sort((one, other) => one - other)
  }
})

function share (times: readonly number[], of: number): number {
  return times[Math.ceil(times.length * of) - 1] as number
}

function describe (times: readonly number[]): string {
  return `${share(times, 0.5).toFixed(1)} ms (nine of ten ${share(times, 0.9).toFixed(1)} ms)`
}
