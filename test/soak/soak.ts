import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import t from 'tap'
import { expected, startMixedLoad } from '../support/mixed-load.ts'
import { startService } from '../support/service.ts'
import { pictureOf, slope } from './picture.ts'
import { createSampler } from './sampler.ts'

// npm run soak -- [--minutes N] [--rate N] [--out FILE]: a mixed load for so long, sampled into a picture. Ends with 1 where a request fails, the
// service does not outlive it, or, an hour and longer, its memory grows by a MiB an hour or more after the first fifth.
const { values } = parseArgs({ options: { minutes: { type: 'string', default: '60' }, rate: { type: 'string', default: '100' }, out: { type: 'string', default: 'soak.svg' } } })
const [minutes, rate] = [Number(values.minutes), Number(values.rate)]
if (!(minutes > 0 && rate > 0)) throw new Error('--minutes and --rate are numbers')
const seconds = minutes * 60
const mostGrowth = 1
t.setTimeout((seconds + 900) * 1000)

t.test(`serves ${rate} requests a second for ${minutes} minutes`, async (t) => {
  const port = await freePort()
  const service = await startService(t, { environment: { METRICS_PORT: String(port) } })
  const load = await startMixedLoad(t, service.url, rate)
  const { series, sample } = createSampler(service, `http://127.0.0.1:${port}/metrics`)
  const until = performance.now() + seconds * 1000
  for (; performance.now() < until; await sleep(Math.min(5000, seconds * 1000 / 100))) await sample()
  await load.end()
  await sample()

  const bad = load.outcomes.filter(({ kind, outcome }) => outcome !== expected[kind])
  const [memory] = series
  const growth = memory === undefined ? 0 : slope(memory, seconds / 5)
  writeFileSync(values.out, pictureOf(`${rate} requests a second for ${minutes} minutes: ${load.outcomes.length} in all, ${bad.length} failed; memory ${growth.toFixed(2)} MiB an hour after the first fifth`, series))
  for (const one of series) t.comment(`${one.name}: ${one.points.at(0)?.[1].toFixed(1)} at first, ${one.points.at(-1)?.[1].toFixed(1)} ${one.unit} at last, ${slope(one, seconds / 5).toFixed(2)} an hour`)
  t.comment(`${load.outcomes.length} requests, ${bad.length} failed: ${JSON.stringify(bad.slice(0, 3))}`)
  t.same(bad.length, 0)
  if (minutes >= 60) t.ok(growth < mostGrowth, `${growth.toFixed(2)} MiB an hour`)
  t.equal((await fetch(`${service.url}/health/ready`)).status, 200)
  t.equal(await service.stop(), 0)
})

async function freePort (): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => probe.once('listening', resolve))
  const { port } = probe.address() as { port: number }
  await new Promise((resolve) => probe.close(resolve))
  return port
}
