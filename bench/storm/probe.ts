import { once } from 'node:events'
import { Agent, get, type IncomingMessage } from 'node:http'
import { setPriority } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'

/** Calls an address so many times a second, whether the last answer has come or not, and prints how long each took from when it was due. */
const [, , url = '', token = '', seconds = '1', rate = '50'] = process.argv
const agent = new Agent({ keepAlive: true })
const latencies: number[] = []
const statuses: Record<string, number> = {}

// What is measured is how long the service takes, not how long this process waits for a processor.
try {
  setPriority(-10)
} catch {
  process.stderr.write('not allowed to measure ahead of the load: latencies hold the wait of the one who measures\n')
}

for (let i = 0; i < 20; i++) await call(performance.now())
latencies.length = 0
const begun = performance.now()
const calls: Array<Promise<void>> = []
for (let i = 0; i < Number(seconds) * Number(rate); i++) {
  const due = begun + i * 1000 / Number(rate)
  await sleep(Math.max(0, due - performance.now()))
  calls.push(call(Math.max(due, performance.now() - 1)))
}
await Promise.all(calls)
agent.destroy()
process.stdout.write(JSON.stringify({ latencies, statuses }))

async function call (due: number): Promise<void> {
  const status = await answer().catch((error: NodeJS.ErrnoException) => String(error.code))
  latencies.push(performance.now() - due)
  statuses[status] = (statuses[status] ?? 0) + 1
}

async function answer (): Promise<number> {
  const [reply] = await once(get(url, { agent, headers: { authorization: `Bearer ${token}` } }), 'response') as [IncomingMessage]
  await once(reply.resume(), 'end')
  return reply.statusCode as number
}
