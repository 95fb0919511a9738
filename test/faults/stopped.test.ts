import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createApi } from '../support/api.ts'
import { alice } from '../support/build.ts'
import { beginOrdeal, endOrdeal } from '../support/ordeal.ts'
import { startService } from '../support/service.ts'
import { stores } from '../support/stores.ts'
import { timeToReady, witness } from '../support/witness.ts'

/** Milliseconds between SIGSTOP and SIGCONT; `npm run faults` asks for ten seconds. */
const lasting = Number(process.env['FAULT_SECONDS'] ?? 1) * 1000
const bound = 2000
/** Seconds: the least that can be set. */
const lag = 2

for (const store of ['SQLite', 'PostgreSQL'] as const) {
  t.test(`goes on after SIGSTOP and SIGCONT under load, on ${store}, as if nothing had been`, async (t) => {
    const ordeal = await beginOrdeal(t, { fault: `SIGSTOP for ${lasting / 1000} s, SIGCONT`, store })
    process.kill(ordeal.service.pid, 'SIGSTOP')
    await sleep(lasting)
    process.kill(ordeal.service.pid, 'SIGCONT')
    await endOrdeal(t, ordeal, bound)
  })

  t.test(`a process that was stopped longer than REVOCATION_MAX_LAG lets in nobody who ended meanwhile, on ${store}`, async (t) => {
    const seen = witness(t, { fault: 'SIGSTOP while another process ends sessions', store })
    const { options } = await stores[store](t)
    const start = () => startService(t, { ...options, environment: { ...options.environment, REVOCATION_MAX_LAG: `${lag}s` } })
    const stopped = await start()
    const other = await start()
    const [here, there] = [createApi(stopped), createApi(other)]
    t.equal(await here.register(alice), 201)
    const [kept, ended] = [await here.signedIn(alice), await here.signedIn(alice)]
    t.same([await here.visit(kept.access_token), await here.visit(ended.access_token)], [200, 200])

    process.kill(stopped.pid, 'SIGSTOP')
    t.equal(await there.logout(ended.access_token), 204)
    // What waits for it is what it reads first.
    const waiting = Promise.all(Array.from({ length: 50 }, () => here.visit(ended.access_token)))
    await sleep(lag * 1000 + lasting / 2)
    process.kill(stopped.pid, 'SIGCONT')
    const ready = await timeToReady(stopped.url)
    const statuses = new Set(await waiting)
    while (await here.visit(kept.access_token) === 503) statuses.add(await here.visit(ended.access_token))
    seen.readyAfter(ready)
    t.ok(ready < bound, `ready after ${Math.round(ready)} ms`)
    seen.note(`its ended token was answered ${[...statuses].sort().join(' and ')}`)
    t.notOk(statuses.has(200))
    t.same([await here.visit(kept.access_token), await here.visit(ended.access_token)], [200, 401])
  })
}
