import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { alice } from '../alice.ts'

export interface Answer {
  status: number
  body: string
  retryAfter: string | undefined
}

export interface Storm {
  /** Milliseconds that accepted sign-ins took. */
  accepted: number[]
  /** By status; `503 without Retry-After` and errors of the connection by their names. */
  statuses: Record<string, number>
  /** Answers a second that took a verification: 200 and 401. */
  checked: number
}

const { password } = alice
const strangers = 4
/** Milliseconds a client waits after a refusal, which is far less than Retry-After asks for. */
const impatience = 50

export class Crowd {
  readonly #agent = new Agent({ keepAlive: true })
  readonly #url: string
  #calls = 0

  constructor (url: string) {
    this.#url = url
  }

  async post (path: string, body: object): Promise<Answer> {
    const outgoing = request(this.#url + path, { agent: this.#agent, method: 'POST', headers: { 'content-type': 'application/json' } })
    outgoing.end(JSON.stringify(body))
    const [incoming] = await once(outgoing, 'response') as [IncomingMessage]
    return { status: incoming.statusCode as number, body: await text(incoming), retryAfter: incoming.headers['retry-after'] }
  }

  async register (count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const { status } = await this.post('/register', { username: `user-${i}`, password })
      if (status !== 201) throw new Error(`user-${i} cannot register: ${status}`)
    }
  }

  /** The access token of the first account. */
  async token (): Promise<string> {
    return JSON.parse((await this.post('/login', { username: 'user-0', password })).body).access_token
  }

  /** So many clients that sign in again and again; every fourth time with a name that nobody has. */
  async storm (clients: number, accounts: number, seconds: number): Promise<Storm> {
    const storm: Storm = { accepted: [], statuses: {}, checked: 0 }
    const end = performance.now() + seconds * 1000
    const begun = performance.now()
    await Promise.all(Array.from({ length: clients }, async () => {
      while (performance.now() < end) await this.#attempt(storm, accounts)
    }))
    storm.checked = ((storm.statuses['200'] ?? 0) + (storm.statuses['401'] ?? 0)) / (performance.now() - begun) * 1000
    return storm
  }

  async #attempt ({ accepted, statuses }: Storm, accounts: number): Promise<void> {
    const number = this.#calls++
    const username = number % strangers === 0 ? `stranger-${number}` : `user-${number % accounts}`
    const begun = performance.now()
    const outcome = await this.post('/login', { username, password }).then(nameOf, (error: NodeJS.ErrnoException) => String(error.code))
    if (outcome === '200') accepted.push(performance.now() - begun)
    else if (outcome !== '401') await sleep(impatience)
    statuses[outcome] = (statuses[outcome] ?? 0) + 1
  }

  end (): void {
    this.#agent.destroy()
  }
}

function nameOf ({ status, retryAfter }: Answer): string {
  return status === 503 && !/^[1-9]\d*$/.test(retryAfter ?? '') ? '503 without Retry-After' : String(status)
}
