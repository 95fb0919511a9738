import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { createApi } from '../support/api.ts'
import { alice } from '../support/build.ts'
import { beginOrdeal, nothingIsLost } from '../support/ordeal.ts'
import { startService } from '../support/service.ts'
import { timeToReady, witness } from '../support/witness.ts'

const bound = 2000
/** KiB: more than the allocator keeps for the next time, so that each hash asks for it anew; and what the service has beside what it took, which is less. */
const hashMemory = 131_072
const room = 65_536
/** MiB: enough to start and to work with. */
const heap = 64
const restartBound = 20_000

for (const store of ['SQLite', 'PostgreSQL'] as const) {
  t.test(`loses nothing when it dies of too little memory under load, on ${store}, and is ready after a restart`, async (t) => {
    const ordeal = await beginOrdeal(t, { fault: `out of memory, by --max-old-space-size=${heap}`, store }, { entry: 'test/support/hungry-service.ts', environment: { NODE_OPTIONS: `--max-old-space-size=${heap}` } })
    const { service, store: { options, read }, work, seen, token } = ordeal
    process.kill(service.pid, 'SIGWINCH')
    t.equal(await service.ended, null, 'a signal of its own ends it')
    t.ok(/heap out of memory/i.test(service.output()), 'V8 says why')
    const dead = performance.now()
    const next = await startService(t, options)
    await timeToReady(next.url)
    const ready = performance.now() - dead
    seen.readyAfter(ready)
    t.ok(ready < restartBound, `ready after ${Math.round(ready)} ms`)
    await work.end()
    seen.note(`${work.ledger.acknowledged} acknowledged until it died`)
    t.same(work.complaints, [])
    await nothingIsLost(t, work, read)
    t.equal(await createApi(next).visit(token), 200)
    t.equal(await next.stop(), 0)
  })
}

t.test('answers 503 while there is no memory to hash passwords in, goes on with the rest, and recovers', async (t) => {
  const seen = witness(t, { fault: 'no memory to hash passwords in', store: 'SQLite' })
  const service = await startService(t, { environment: { LOG_LEVEL: 'info', ARGON2_MEMORY: String(hashMemory), HASH_CONCURRENCY: '1' } })
  const api = createApi(service)
  t.equal(await api.register(alice), 201)
  const { access_token: token, refresh_token: refreshToken } = await api.signedIn(alice)
  const [, kibibytes] = /^VmData:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${service.pid}/status`, 'utf8')) ?? []
  limitMemory(service.pid, String((Number(kibibytes) + room) * 1024))
  for (let tries = 0; tries < 5; tries++) {
    const response = await fetch(`${service.url}/login`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(alice) })
    t.same([response.status, response.headers.get('retry-after')], [503, '1'])
    t.match(await response.json(), { code: 'unavailable' })
    t.equal(await api.register({ ...alice, username: `bob${tries}` }), 503)
    t.equal(await api.visit(token), 200)
  }
  t.equal((await api.refresh(refreshToken)).status, 200)
  limitMemory(service.pid, 'unlimited')
  const ready = await timeToReady(service.url)
  seen.readyAfter(ready)
  t.ok(ready < bound, `ready after ${Math.round(ready)} ms`)
  t.equal((await api.login(alice)).status, 200)
  t.equal(await service.stop(), 0)
})

/** Bytes that a process may write to, from now on. */
function limitMemory (pid: number, bytes: string): void {
  execFileSync('prlimit', ['--pid', String(pid), `--data=${bytes}:`])
}
