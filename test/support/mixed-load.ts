import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import type { TokenReply } from '../../schemas/login.ts'
import { alice } from './build.ts'

/** What became of one request. */
export interface Outcome {
  kind: Kind
  /** The status, or what went wrong instead. */
  outcome: number | string
  /** When it was due, as `performance.now()` counts. */
  due: number
  /** From that moment to the end of the answer. */
  milliseconds: number
}

export interface MixedLoad {
  readonly outcomes: readonly Outcome[]
  /** Sends no more, and resolves when all that was sent is answered. */
  end (): Promise<void>
}

/** The statuses that a client of a healthy service sees. */
export const expected = { protected: 200, me: 200, refresh: 200, login: 200, logout: 204 }

type Kind = keyof typeof expected

/** A session that is only read with, and its requests that are not answered yet. */
interface Reader {
  session: TokenReply
  visits: Set<Promise<number>>
}

/** Where every session is in use, because answers take long, there is a visit instead. */
const needsSession: ReadonlySet<Kind> = new Set(['refresh', 'logout'])
const users = 10
/** Sessions that are refreshed and ended; a tenth as many are only read with. */
const pool = 100
/** Milliseconds after which a client gives up. */
const patience = 10_000
const tick = 2

/** Of 50 requests 28 visits, 10 profiles, 10 refreshes, 1 login (a password costs as much as all others together), 1 logout. */
function kindOf (number: number): Kind {
  if (number % 50 === 0) return 'login'
  if (number % 50 === 25) return 'logout'
  return (['protected', 'protected', 'refresh', 'protected', 'me'] as const)[number % 5] as Kind
}

/** Sends `rate` requests a second from the moment it resolves, each at its time, whatever became of those before; without `keepAlive` each on a connection of its own. */
export async function startMixedLoad (t: Test, url: string, rate: number, { keepAlive = true } = {}): Promise<MixedLoad> {
  // With a timeout of its own, and only then, Node's agent lets go of idle connections a second before the service does, as it is told to.
  const agent = new Agent({ keepAlive, maxSockets: 256, timeout: patience })
  t.teardown(() => agent.destroy())
  const accounts = Array.from({ length: users }, (_, number) => ({ ...alice, username: `alice${number}` }))
  for (const account of accounts) await call('POST', '/register', { body: account })
  // One after the other, so that none waits for all others' passwords.
  const sessions: TokenReply[] = []
  while (sessions.length < pool) sessions.push(await signIn(accounts[sessions.length % users] as typeof alice))
  const readers: Reader[] = []
  for (const account of accounts) readers.push(readerOf(await signIn(account)))
  const outcomes: Outcome[] = []
  const running = new Set<Promise<void>>()
  const begun = performance.now()
  let sent = 0

  const timer = setInterval(() => {
    for (; sent < (performance.now() - begun) * rate / 1000; sent++) {
      const done = send(sent, begun + sent * 1000 / rate).finally(() => running.delete(done))
      running.add(done)
    }
  }, tick)
  t.teardown(() => clearInterval(timer))

  async function send (number: number, due: number): Promise<void> {
    const planned = kindOf(number)
    const kind = needsSession.has(planned) && sessions.length === 0 ? 'protected' : planned
    const outcome = await askers[kind](number).catch((error: NodeJS.ErrnoException) => error.code ?? error.message)
    outcomes.push({ kind, outcome, due, milliseconds: performance.now() - due })
  }

  function visit (path: string, number: number): Promise<number> {
    const { session, visits } = readers[number % users] as Reader
    const done = call('GET', path, { token: session.access_token }).then(({ status }) => status).finally(() => visits.delete(done))
    visits.add(done)
    return done
  }

  const askers: Record<Kind, (number: number) => Promise<number>> = {
    protected: (number) => visit('/protected', number),
    me: (number) => visit('/me', number),
    async refresh () {
      const { status, body } = await call('POST', '/refresh', { body: { refresh_token: take().refresh_token } })
      if (status === 200) sessions.push(body)
      return status
    },
    /** Who reads goes on with the new session, so that no access token grows old. The former one is refreshed and ended like the others, once nobody waits for an answer that would be 401 then. */
    async login (number) {
      const user = number / 50 % users
      const { status, body } = await call('POST', '/login', { body: accounts[user] as typeof alice })
      if (status === 200) {
        const [former] = readers.splice(user, 1, readerOf(body)) as [Reader]
        void Promise.allSettled(former.visits).then(() => sessions.push(former.session))
      }
      return status
    },
    logout: async () => (await call('POST', '/logout', { token: take().access_token })).status
  }

  const take = () => sessions.shift() as TokenReply

  function readerOf (session: TokenReply): Reader {
    return { session, visits: new Set() }
  }

  async function signIn (account: typeof alice): Promise<TokenReply> {
    const { status, body } = await call('POST', '/login', { body: account })
    if (status !== 200) throw new Error(`no sign-in: ${status}`)
    return body
  }

  async function call (method: string, path: string, { token, body }: { token?: string, body?: object }): Promise<{ status: number, body: TokenReply }> {
    const payload = body === undefined ? '' : JSON.stringify(body)
    const headers = {
      ...token === undefined ? {} : { authorization: `Bearer ${token}` },
      ...body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }
    }
    const outgoing = request(url + path, { agent, method, headers, signal: AbortSignal.timeout(patience) })
    outgoing.on('error', () => {}).end(payload)
    const [incoming] = await once(outgoing, 'response') as [IncomingMessage]
    const received = await text(incoming)
    return { status: incoming.statusCode as number, body: received.startsWith('{') ? JSON.parse(received) : null }
  }

  return {
    outcomes,
    async end () {
      clearInterval(timer)
      await Promise.all(running)
    }
  }
}
