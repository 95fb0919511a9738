import { writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import t from 'tap'
import { production } from '../../bench/servers.ts'
import { fastTime } from '../support/false-time.ts'
import { expected, type Outcome, startMixedLoad } from '../support/mixed-load.ts'
import { freePort } from '../support/ports.ts'
import { startService } from '../support/service.ts'
import { mostGrowth, pictureOf, type Soaked, summaryOf, warmUpOf } from './picture.ts'
import { createSampler } from './sampler.ts'

// npm run soak -- [--minutes N] [--rate N] [--speed N] [--out FILE] [--json FILE]: a mixed load of so many requests a second for so long, more of them in the warm-up, sampled into a picture,
// and into figures that npm run evidence puts together from several runs. All of it is in the service's own time, which goes --speed times as fast as the machine's. Ends with 1 where a request
// fails, the service does not outlive it, or, an hour and longer, its memory grows by a MiB an hour or more after the warm-up.
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' }, rate: { type: 'string', default: '50' }, speed: { type: 'string', default: '1' }, out: { type: 'string', default: 'soak.svg' }, json: { type: 'string' }
  }
})
const [minutes, rate, speed] = [Number(values.minutes), Number(values.rate), Number(values.speed)]
if (!(minutes > 0 && rate > 0 && speed >= 1)) throw new Error('--minutes, --rate and --speed are numbers')
const seconds = minutes * 60
const warmUp = warmUpOf(seconds)
/** So many times the rate in the warm-up: V8 compiles what runs seldom when it has run some thousand times, and that is no growth. */
const haste = 4
t.setTimeout((seconds / speed + 900) * 1000)

t.test(`serves ${rate} requests a second for ${minutes} minutes`, async (t) => {
  const port = await freePort()
  const service = await startService(t, { environment: { ...production, METRICS_PORT: String(port), ...speed > 1 ? await fastTime(speed) : {} } })
  // Where its time is fast, the service closes an idle connection before the client expects it.
  const load = (rate: number) => startMixedLoad(t, service.url, rate * speed, { keepAlive: speed === 1 })
  const loads = [await load(haste * rate)]
  const { series, sample } = createSampler(service, `http://127.0.0.1:${port}/metrics`, speed)
  const begun = performance.now()
  const sampleUntil = async (end: number) => {
    for (; performance.now() < begun + end / speed * 1000; await sleep(Math.min(5000, seconds / speed * 1000 / 100))) await sample()
    await loads.at(-1)?.end()
  }
  const goOn = async () => {
    await sampleUntil(warmUp)
    loads.push(await load(rate))
    await sampleUntil(seconds)
    await sample()
  }
  // What was seen until then is kept where the service does not live to the end.
  const ended: Error | null = await goOn().then(() => null, (error) => error)

  const outcomes = loads.flatMap((load) => load.outcomes)
  const bad = outcomes.filter(({ kind, outcome }) => outcome !== expected[kind])
  const [requests, failed] = [outcomes.length, bad.length]
  const measured = series.map((one) => summaryOf(one, warmUp))
  const growth = measured[0]?.growth ?? 0
  const lasted = (performance.now() - begun) / 60_000 * speed
  writeFileSync(values.out, pictureOf(`${rate} requests a second for ${lasted.toFixed(0)} minutes, ${haste} times as many in the first ${(warmUp / 60).toFixed(1)}: ${requests} in all, ${failed} failed; memory ${growth.toFixed(2)} MiB an hour after those${speed > 1 ? `; ${speed} times as fast as the clock` : ''}`, series))
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ minutes: lasted, speed, rate, requests, failed, series: measured } satisfies Soaked)}\n`)
  for (const one of measured) t.comment(`${one.name}: ${one.first.toFixed(1)} ${one.unit} after the warm-up, ${one.last.toFixed(1)} at last, ${one.growth.toFixed(2)} an hour`)
  t.comment(`${requests} requests, ${failed} failed: ${JSON.stringify(whatFailed(bad))}`)
  t.equal(ended, null, 'it lives to the end')
  t.equal(failed, 0, 'no request fails')
  if (minutes >= 60) t.ok(growth < mostGrowth, `${growth.toFixed(2)} MiB an hour`)
  t.equal((await fetch(`${service.url}/health/ready`)).status, 200)
  t.equal(await service.stop(), 0)
})

/** How often each outcome came that should not have, and how long the first of them took. */
function whatFailed (bad: readonly Outcome[]): Record<string, string> {
  const byOutcome = Map.groupBy(bad, ({ kind, outcome }) => `${kind} ${outcome}`)
  return Object.fromEntries([...byOutcome].map(([what, all]) => [what, `${all.length}, the first after ${Math.round(all[0]?.milliseconds ?? 0)} ms`]))
}
