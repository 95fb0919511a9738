import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { gather } from '../support/crowd.ts'
import { beginOrdeal, endOrdeal } from '../support/ordeal.ts'
import { descriptorsOf } from '../support/process.ts'

const descriptors = 64
const within = ['sh', '-c', `ulimit -n ${descriptors}; exec "$@"`, 'sh']
/** Milliseconds without a free one; `npm run faults` asks for ten seconds. */
const lasting = Number(process.env['FAULT_SECONDS'] ?? 1) * 1000
const bound = 2000

for (const store of ['SQLite', 'PostgreSQL'] as const) {
  t.test(`R27 outlives having none left of ${descriptors} descriptors, on ${store}, and is ready when there are some`, async (t) => {
    const ordeal = await beginOrdeal(t, { fault: `no descriptor left of ${descriptors}`, store }, { within })
    const { service } = ordeal
    const crowd = gather(t, service.port)
    const end = performance.now() + lasting
    let most = 0
    while (performance.now() < end) {
      await crowd.grow(2 * descriptors - crowd.present)
      most = Math.max(most, descriptorsOf(service.pid))
      await sleep(10)
    }
    t.ok(most >= descriptors - 1, `${most} descriptors were taken`)
    crowd.leave()
    await endOrdeal(t, ordeal, bound)
  })
}
