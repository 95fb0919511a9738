import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import type { Test } from 'tap'
import { type Adapter, readDeployed, startGateway } from './programs.ts'
import type { World } from './world.ts'

/** Milliseconds that guarding adds to a request, at the half, and at the 99th of 100: in the middle one of the turns, since a busy machine spoils some. */
export interface Latency {
  half: number
  most: number
}

const requests = 2_000
const warming = 200
/** Guarded and unguarded take turns, so that both meet the same moments of a busy machine. */
const block = 100

/** One request after another on a kept connection, with a good token, against the same program that guards nothing. */
export async function measure (t: Test, adapter: Adapter, world: World, text = readDeployed(adapter.file)): Promise<Latency> {
  const [guarded, unguarded] = await Promise.all([startGateway(t, adapter, world, { text }), startGateway(t, adapter, world, { guarded: false })])
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())

  async function time (port: number, count: number): Promise<number[]> {
    const times: number[] = []
    for (let i = 0; i < count; i++) {
      const begun = performance.now()
      const outgoing = request({ agent, host: '127.0.0.1', port, path: '/api/orders', headers: { authorization: `Bearer ${world.tokens.good}` } }).end()
      const [incoming] = await once(outgoing, 'response') as [IncomingMessage]
      await once(incoming.resume(), 'end')
      times.push(performance.now() - begun)
    }
    return times
  }

  await time(guarded.port, warming)
  await time(unguarded.port, warming)
  const [slower, faster]: [number[][], number[][]] = [[], []]
  for (let done = 0; done < requests; done += block) {
    slower.push(await time(guarded.port, block))
    faster.push(await time(unguarded.port, block))
    world.application.forget()
  }
  const most = (turns: number[][]) => quantile(turns.map((times) => quantile(times, 0.99)), 0.5)
  return { half: quantile(slower.flat(), 0.5) - quantile(faster.flat(), 0.5), most: most(slower) - most(faster) }
}

function quantile (values: readonly number[], share: number): number {
  return values.toSorted((one, other) => one - other)[Math.ceil(values.length * share) - 1] ?? 0
}
