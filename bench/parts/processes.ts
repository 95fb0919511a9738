import type { Test } from 'tap'
import { startPostgres } from '../../test/support/postgres.ts'
import { registerAlice, signInAlice } from '../alice.ts'
import type { Slice, Target } from '../load.ts'
import type { Part } from '../parts.ts'
import { production, type Server, startServer, stopServer } from '../servers.ts'
import { inTurn, median, ratios } from '../slices.ts'

/**
 * What a request takes of the processors where two processes share one PostgreSQL and the load, and where one has it alone.
 * Not how many a second there are: on one machine, the load and the database share the processors with them.
 */
const processes: Part = async ({ load, pairs }) => {
  const teardowns: Array<() => unknown> = []
  const servers: Server[] = []
  try {
    const postgres = await startPostgres({ teardown: (work: () => unknown) => { teardowns.push(work) } } as Test)
    const environment = { ...production, DATABASE_URL: await postgres.createDatabase(), SECRET_KEY: crypto.randomUUID() + crypto.randomUUID(), PUBLIC_URL: 'http://localhost:3000', LOG_LEVEL: 'warn', DRAIN_DELAY: '0' }
    for (let i = 0; i < 2; i++) servers.push(await startServer('server.ts', environment))
    const [first, second] = servers as [Server, Server]
    await registerAlice(first.url)
    const headers = { authorization: `Bearer ${(await signInAlice(first.url)).access_token}` }
    const [alone, other] = [first, second].map((server): Target => ({ server, path: '/protected', headers })) as [Target, Target]
    const { one = [], two = [] } = await inTurn({
      one: async () => (await load.slice(alone, 1)).processor,
      two: async () => average(await Promise.all([alone, other].map((target) => load.slice(target, 1))))
    }, pairs)
    return [{ name: 'processor time a request, 2 on one PostgreSQL ÷ 1', values: ratios(two, one), note: `${median(two).toFixed(1)} and ${median(one).toFixed(1)} µs` }]
  } finally {
    for (const server of servers) await stopServer(server)
    for (const work of teardowns.toReversed()) await work()
  }
}

export default processes

/** Of a request, wherever it went. */
function average (slices: readonly Slice[]): number {
  const all = slices.reduce((sum, { rate }) => sum + rate, 0)
  return slices.reduce((sum, { rate, processor }) => sum + processor * rate / all, 0)
}
