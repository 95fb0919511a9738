import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import t from 'tap'
import { residentMemory } from '../support/process.ts'
import { runHttpCampaign } from './http-campaign.ts'
import { startWorld } from './world.ts'

// npm run fuzz:http -- [--seconds N] [--seed N]: a minute where nothing is said. What it finds is put into corpus.json by hand, which npm test sends again each time.
const { values } = parseArgs({ options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string' } } })
const [seconds, seed] = [Number(values.seconds), Number(values.seed ?? randomInt(2 ** 30))]
if (!(seconds >= 0 && seed >= 0)) throw new Error('--seconds and --seed are numbers')
/** MiB. What the first rounds fill (caches, the pool of connections, compiled code) is not growth. */
const mostGrowth = 48
/** Seconds until the heap has been collected as a whole: before, it grows with whatever comes. */
const warmUp = Math.max(30, seconds / 5)
t.setTimeout((seconds + warmUp + 120) * 1000)

t.test('answers whatever is sent', async (t) => {
  const { service, description, holdings } = await startWorld(t)
  const campaign = { port: service.port, description, holdings, patience: 1000 }
  await runHttpCampaign({ ...campaign, seed: seed + 500_000, goesOn: (_count, passed) => passed < warmUp })
  const memory: number[] = []
  const { count, statuses, slowest, findings } = await runHttpCampaign({
    ...campaign,
    seed,
    goesOn (_count, passed) {
      memory.push(residentMemory(service.pid))
      return passed < seconds
    }
  })
  // Between two collections it goes up and down by what the answers are made of: the least that is seen tells what stays.
  const quarter = Math.ceil(memory.length / 4)
  const growth = Math.min(...memory.slice(-quarter)) - Math.min(...memory.slice(0, quarter))
  t.comment(`seed ${seed}: ${count} requests, ${[...statuses].sort().map(([status, times]) => `${status}: ${times}`).join(', ')}; slowest ${Math.round(slowest)} ms; ${growth.toFixed(1)} MiB more`)
  for (const finding of findings) t.comment(`found ${JSON.stringify(finding)}`)
  t.same(findings.map(({ what, why }) => `${what}: ${why}`), [])
  t.ok(growth < mostGrowth, `${growth.toFixed(1)} MiB more`)
  t.equal((await fetch(`${service.url}/health/ready`)).status, 200, 'alive')
  t.equal(await service.stop(), 0)
  t.notMatch(service.output(), /"level":60|"msg":"internal"/)
})
