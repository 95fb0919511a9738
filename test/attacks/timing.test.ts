import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { production } from '../../bench/servers.ts'
import { median } from '../../bench/slices.ts'
import type { TokenReply } from '../../schemas/login.ts'
import { createApi, type Reply } from '../support/api.ts'
import { startAttacked } from '../support/attacked.ts'
import { alice } from '../support/build.ts'
import { processorTime, residentMemory } from '../support/process.ts'
import { welch } from '../support/welch.ts'

// Short forms, which hold on a machine that does other things too: the processor time that an attempt costs the service cannot be lengthened by
// what runs beside it, and interleaved attempts share the noise. `npm run bench:equal-time` and `npm run bench:storm` are the long ones.
const samples = Number(process.env['TIMING_SAMPLES'] ?? 12)
const stormSeconds = Number(process.env['STORM_SECONDS'] ?? 3)
const stormClients = Number(process.env['STORM_CLIENTS'] ?? 48)
/** What leakage tests of cryptography take for a sign. */
const largestT = 4.5
t.setTimeout(600_000)

// As it is by default: to log all there is would be work of its own.
const quiet = { LOG_LEVEL: 'info' }
const service = await startAttacked(t, { environment: quiet })
const api = createApi(service)
await api.register(alice)

interface Measured {
  milliseconds: number[]
  processor: number[]
}

/** Attempts of each kind in turn, after one of each that does not count. */
async function interleaved<Kind extends string> (attempts: Record<Kind, (round: number) => Promise<number>>, status: Record<Kind, number>): Promise<Record<Kind, Measured>> {
  const kinds = Object.keys(attempts) as Kind[]
  const measured = Object.fromEntries(kinds.map((kind) => [kind, { milliseconds: [], processor: [] }])) as unknown as Record<Kind, Measured>
  for (let round = -1; round < samples; round++) {
    for (const kind of round % 2 === 0 ? kinds : kinds.toReversed()) {
      const [begun, worked] = [performance.now(), processorTime(service.pid)]
      const answered = await attempts[kind](round)
      if (answered !== status[kind]) throw new Error(`${kind} ${answered}`)
      if (round < 0) continue
      measured[kind].milliseconds.push(performance.now() - begun)
      measured[kind].processor.push(processorTime(service.pid) - worked)
    }
  }
  return measured
}

t.test(`J183 an unknown name costs what a wrong password costs, ${samples} times each`, async (t) => {
  const login = async (username: string) => (await api.login({ username, password: 'not the password at all' })).status
  await Promise.all(Array.from({ length: samples }, (_, round) => api.register({ ...alice, username: `known-${round}` })))
  const { wrong, unknown } = await interleaved({
    wrong: (round) => login(round < 0 ? 'alice' : `known-${round}`),
    unknown: (round) => login(`unknown-${round < 0 ? 'x' : round}`)
  }, { wrong: 401, unknown: 401 })
  // A burst of something else in one attempt, a compilation or a collection, does not move it.
  const ratio = median(unknown.processor) / median(wrong.processor)
  t.comment(`work ${ratio.toFixed(3)}, t ${welch(unknown.milliseconds, wrong.milliseconds).toFixed(2)}`)
  t.ok(ratio > 0.8 && ratio < 1.25, `the same work: ${ratio}`)
  t.ok(Math.abs(welch(unknown.milliseconds, wrong.milliseconds)) < largestT)
})

t.test(`I179 a name that is taken costs what a new one costs, ${samples} times each`, async (t) => {
  const { taken, fresh } = await interleaved({
    taken: () => api.register(alice),
    fresh: (round) => api.register({ ...alice, username: `fresh-${round < 0 ? 'x' : round}` })
  }, { taken: 409, fresh: 201 })
  const ratio = median(taken.processor) / median(fresh.processor)
  t.comment(`work ${ratio.toFixed(3)}, t ${welch(taken.milliseconds, fresh.milliseconds).toFixed(2)}`)
  t.ok(ratio > 0.8 && ratio < 1.25, `the same work: ${ratio}`)
})

t.test(`J195 a storm of sign-ins is answered 200 or 503 with a time to wait, and who holds a token is served meanwhile, for ${stormSeconds} s`, async (t) => {
  const stormy = await startAttacked(t, { environment: { ...quiet, ...production, HASH_QUEUE: '200ms' } })
  const { call, register, signedIn, visit } = createApi(stormy)
  await register(alice)
  // Somebody else's token: the storm ends alice's older sessions, of which she may have so many.
  const bob = { ...alice, username: 'bob' }
  await register(bob)
  const { access_token: token } = await signedIn(bob)
  const memory = () => residentMemory(stormy.pid)
  const before = memory()
  let peak = before
  const until = performance.now() + stormSeconds * 1000
  const logins = new Map<number, number>()
  const visits: number[] = []

  const storm = Array.from({ length: stormClients }, async () => {
    while (performance.now() < until) {
      const { status }: Reply<TokenReply> = await call('POST', '/login', { body: alice })
      logins.set(status, (logins.get(status) ?? 0) + 1)
    }
  })
  const probe = (async () => {
    while (performance.now() < until) {
      visits.push(await visit(token))
      peak = Math.max(peak, memory())
      await sleep(20)
    }
  })()
  await Promise.all([...storm, probe])
  t.comment(`sign-ins ${[...logins].map(([status, count]) => `${status}: ${count}`).join(', ')}; visits ${visits.length}; ${Math.round(before)} to ${Math.round(peak)} MiB`)
  t.same([...logins.keys()].filter((status) => ![200, 429, 503].includes(status)), [])
  t.ok((logins.get(200) ?? 0) > 0, 'some are let in')
  t.same([...new Set(visits)], [200])
  t.ok(peak < before + availableParallelism() * 19 + 64, `${Math.round(peak - before)} MiB more`)
  const waiting = await Promise.all(Array.from({ length: stormClients }, () => fetch(`${stormy.url}/login`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(alice) })))
  for (const reply of waiting.filter(({ status }) => status === 503)) t.match(reply.headers.get('retry-after'), /^\d+$/)
  t.equal(await visit(token), 200)
})
