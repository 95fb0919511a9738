import { Agent } from 'node:http'
import { registerAlice, signInAlice } from './alice.ts'
import { call } from './call.ts'
import { perSecond } from './slices.ts'

/** Sessions that are refreshed at the same time, each again and again. */
export interface Chains {
  /** Refreshes a second, for so many seconds. Throws where one was refused. */
  refresh (seconds: number): Promise<number>
  end (): void
}

const chains = 32

export async function createChains (url: string): Promise<Chains> {
  const agent = new Agent({ keepAlive: true })
  await registerAlice(url)
  const tokens: string[] = []
  for (let i = 0; i < chains; i++) tokens.push((await signInAlice(url)).refresh_token)

  async function goOn (chain: number): Promise<void> {
    const { status, body } = await call(`${url}/refresh`, { agent, method: 'POST', body: { refresh_token: tokens[chain] } })
    if (status !== 200) throw new Error(`/refresh answered ${status}`)
    tokens[chain] = JSON.parse(body).refresh_token
  }

  return {
    refresh: async (seconds) => (await Promise.all(tokens.map((_, chain) => perSecond(seconds, () => goOn(chain))))).reduce((sum, rate) => sum + rate),
    end: () => agent.destroy()
  }
}
