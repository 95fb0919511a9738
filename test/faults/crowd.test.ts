import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createApi } from '../support/api.ts'
import { gather } from '../support/crowd.ts'
import { beginOrdeal, endOrdeal } from '../support/ordeal.ts'
import { descriptorsOf, residentMemory } from '../support/process.ts'
import { until } from '../support/until.ts'

/** Connections that are held open and say nothing more; `npm run faults` asks for ten thousand. */
const idle = Number(process.env['IDLE_SOCKETS'] ?? 2000)
const bound = 2000
/** Milliseconds within which nine of ten visits are answered beside them, on a machine that has other work too. */
const longestVisit = 250
const visits = 100
/** KiB of memory that each may cost. */
const perConnection = 24

t.test(`R28 hardly feels ${idle} idle connections, and is ready when they are gone`, async (t) => {
  const ordeal = await beginOrdeal(t, { fault: `${idle} idle connections`, store: 'SQLite' })
  const { service, work, seen, token } = ordeal
  const memory = residentMemory(service.pid)
  const crowd = gather(t, service.port, 'GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n')
  await crowd.grow(idle)
  await until(() => descriptorsOf(service.pid) > idle)
  t.ok(crowd.present >= idle * 0.99, `${crowd.present} are there at once`)

  const api = createApi(service)
  const times: number[] = []
  for (let visit = 0; visit < visits; visit++) {
    const begun = performance.now()
    if (await api.visit(token) !== 200) t.fail('a visit is not answered')
    times.push(performance.now() - begun)
    await sleep(1)
  }
  times.sort((one, other) => one - other)
  const [half, most, longest] = [0.5, 0.9, 1].map((share) => Math.round(times[Math.ceil(times.length * share) - 1] as number))
  const growth = residentMemory(service.pid) - memory
  seen.note(`${crowd.present} at once, a visit beside them and the clients at work takes ${half} ms, nine of ten ${most} ms, the longest ${longest} ms; ${growth.toFixed(0)} MiB more`)
  t.ok((most as number) < longestVisit, `${most} ms`)
  t.ok(growth < 32 + idle * perConnection / 1024, `${growth.toFixed(1)} MiB more`)
  await work.goesOn(20)
  crowd.leave()
  await endOrdeal(t, ordeal, bound)
})
