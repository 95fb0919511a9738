import { Agent, get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { gather } from '../support/crowd.ts'
import { beginOrdeal, endOrdeal } from '../support/ordeal.ts'
import { descriptorsOf } from '../support/process.ts'
import { until } from '../support/until.ts'

const descriptors = 64
const within = ['sh', '-c', `ulimit -n ${descriptors}; exec "$@"`, 'sh']
/** Milliseconds without a free one; `npm run faults` asks for ten seconds. */
const lasting = Number(process.env['FAULT_SECONDS'] ?? 1) * 1000
const bound = 2000

/** What makes the pages is loaded already, and is not. */
const loaded = { PostgreSQL: '/documentation', SQLite: '/health/live' }

/** Over a connection that is kept. */
function statusOf (url: string, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (answer) => answer.resume().once('end', () => resolve(answer.statusCode as number))).once('error', reject)
  })
}

for (const store of ['SQLite', 'PostgreSQL'] as const) {
  t.test(`R27 outlives having none left of ${descriptors} descriptors, on ${store}, and is ready when there are some`, async (t) => {
    const ordeal = await beginOrdeal(t, { fault: `no descriptor left of ${descriptors}`, store }, { within })
    const { service } = ordeal
    const connection = new Agent({ keepAlive: true, maxSockets: 1 })
    t.teardown(() => connection.destroy())
    const page = () => statusOf(`${service.url}/documentation/static/index.css`, connection)
    t.equal(await statusOf(`${service.url}${loaded[store]}`, connection), 200)
    const crowd = gather(t, service.port)
    const end = performance.now() + lasting
    let most = 0
    while (performance.now() < end) {
      await crowd.grow(2 * descriptors - crowd.present)
      most = Math.max(most, descriptorsOf(service.pid))
      await sleep(10)
    }
    t.equal(await page(), 503, 'what has to be read from a file')
    t.ok(most >= descriptors - 1, `${most} descriptors were taken`)
    crowd.leave()
    await until(async () => await page() === 200)
    await endOrdeal(t, ordeal, bound)
  })
}
