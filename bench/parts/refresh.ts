import { Agent } from 'node:http'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { registerAlice, signInAlice } from '../alice.ts'
import { call } from '../call.ts'
import type { Part } from '../parts.ts'
import { production, startServer, stopServer } from '../servers.ts'
import { inTurn, median, ratios } from '../slices.ts'

/** Sessions that are refreshed at the same time, each again and again. */
const chains = 32

/** Refreshes a second, each on the disk before its answer, beside commits of one row to the very file. */
const refresh: Part = async ({ quick, pairs, folder }) => {
  const file = join(folder, 'refresh.db')
  const server = await startServer('server.ts', { ...production, DATABASE_URL: `sqlite:${file}`, LOG_LEVEL: 'warn', DRAIN_DELAY: '0', LOGIN_LIMIT: 'off', REFRESH_LIMIT: 'off' })
  const agent = new Agent({ keepAlive: true })
  const database = new DatabaseSync(file, { timeout: 5000 })
  try {
    await registerAlice(server.url)
    const tokens: string[] = []
    for (let i = 0; i < chains; i++) tokens.push((await signInAlice(server.url)).refresh_token)
    database.exec('pragma synchronous = full; create table bench (id integer primary key, value text)')
    const insert = database.prepare('insert into bench (value) values (?)')
    const seconds = quick ? 0.5 : 1
    const { ours = [], raw = [] } = await inTurn({
      ours: async () => (await Promise.all(tokens.map((_, chain) => perSecond(seconds, () => goOn(chain))))).reduce((sum, rate) => sum + rate),
      raw: () => perSecond(seconds, () => insert.run('as long as what a refresh changes, more or less, in its one row'))
    }, pairs)
    return [{ name: 'refreshes ÷ raw one-row commits', values: ratios(ours, raw), note: `${median(ours).toFixed(0)} and ${median(raw).toFixed(0)} a second` }]

    async function goOn (chain: number): Promise<void> {
      const { status, body } = await call(`${server.url}/refresh`, { agent, method: 'POST', body: { refresh_token: tokens[chain] } })
      if (status !== 200) throw new Error(`/refresh answered ${status}`)
      tokens[chain] = JSON.parse(body).refresh_token
    }
  } finally {
    database.close()
    agent.destroy()
    await stopServer(server)
  }
}

export default refresh

async function perSecond (seconds: number, work: () => unknown): Promise<number> {
  const begun = performance.now()
  let done = 0
  for (; performance.now() - begun < seconds * 1000; done++) await work()
  return done / (performance.now() - begun) * 1000
}
