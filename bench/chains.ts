import { Agent } from 'node:http'
import { registerAlice, signInAlice } from './alice.ts'
import { call } from './call.ts'
import type { Load } from './load.ts'
import type { Server } from './servers.ts'
import { perSecond } from './slices.ts'

/** Sessions that are refreshed at the same time, each again and again. */
const chains = 32

/** What refreshes, for so many seconds, and says how many there were in one. Throws where one was refused. */
export async function createChains (load: Load, server: Server): Promise<(seconds: number) => Promise<number>> {
  await registerAlice(server.url)

  /** Of sessions that begin with the slice: what the last one has left is on its way. */
  async function refreshTokens (count: number): Promise<string[]> {
    const tokens: string[] = []
    while (tokens.length < count) tokens.push((await signInAlice(server.url)).refresh_token)
    return tokens
  }

  const { chain } = load
  if (chain !== null) return async (seconds) => (await chain({ server, path: '/refresh' }, await refreshTokens(chains + 1), Math.ceil(seconds))).rate
  return async (seconds) => {
    const agent = new Agent({ keepAlive: true })
    const tokens = await refreshTokens(chains)
    async function goOn (at: number): Promise<void> {
      const { status, body } = await call(`${server.url}/refresh`, { agent, method: 'POST', body: { refresh_token: tokens[at] } })
      if (status !== 200) throw new Error(`/refresh answered ${status}`)
      tokens[at] = JSON.parse(body).refresh_token
    }
    try {
      return (await Promise.all(tokens.map((_, at) => perSecond(seconds, () => goOn(at))))).reduce((sum, rate) => sum + rate)
    } finally {
      agent.destroy()
    }
  }
}
