import { type Api, createApi } from './api.ts'
import { alice } from './build.ts'
import type { Service } from './service.ts'

/** What clients were told to be done, for a comparison with what is there afterwards. */
export interface Ledger {
  usernames: string[]
  /** For each session that nobody tried to end, how often its token was rotated. */
  rotations: Map<string, number>
  /** Sessions that ended. */
  ended: string[]
  /** Tokens of a session that goes on and of one that ended. */
  live: string | null
  dead: string | null
  /** How many answers said that something was done. */
  readonly acknowledged: number
  /** Counts one. */
  count (): void
  /** Resolves when there are so many. */
  reaches (acknowledged: number): Promise<void>
}

export type Row = Record<string, unknown>

const clients = 8
const signIns = 2
const refreshes = 30

export function createLedger (): Ledger {
  let acknowledged = 0
  let goal = 0
  let reached = () => {}
  return {
    usernames: [],
    rotations: new Map(),
    ended: [],
    live: null,
    dead: null,
    get acknowledged () { return acknowledged },
    count () {
      if (++acknowledged === goal) reached()
    },
    reaches (wanted) {
      const { promise, resolve } = Promise.withResolvers<void>()
      goal = wanted
      reached = resolve
      return promise
    }
  }
}

/** Registers, signs in, refreshes and signs out, with several clients, until each of them was failed once or `over` says so. */
export async function workUntilFailed (service: Service, prefix: string, ledger: Ledger, over: AbortSignal, ask?: typeof fetch): Promise<void> {
  const api = createApi(service, ask)
  await Promise.all(Array.from({ length: clients }, async (_, client) => {
    // However it fails: refused, cut off, or answered that it cannot be done now.
    await workAs(api, `${prefix}-c${client}`, ledger, over).catch(() => {})
  }))
}

async function workAs (api: Api, prefix: string, ledger: Ledger, over: AbortSignal): Promise<never> {
  for (let number = 0; ; number++) {
    over.throwIfAborted()
    const account = { ...alice, username: `${prefix}-${number}` }
    if (await api.register(account) !== 201) throw new Error('not registered')
    ledger.usernames.push(account.username)
    ledger.count()
    for (let session = 0; session < signIns; session++) await live(api, account, ledger, session === 0)
  }
}

/** The life of one session. */
async function live (api: Api, account: typeof alice, ledger: Ledger, ends: boolean): Promise<void> {
  let { access_token: token, refresh_token: refreshToken } = await api.signedIn(account)
  const id = sessionOf(token)
  ledger.rotations.set(id, 0)
  ledger.count()
  for (let rotation = 1; rotation <= refreshes; rotation++) {
    const { status, body } = await api.refresh(refreshToken)
    if (status !== 200) throw new Error('not refreshed')
    token = body.access_token
    refreshToken = body.refresh_token
    ledger.rotations.set(id, rotation)
    ledger.count()
  }
  if (!ends) {
    ledger.live = token
    return
  }
  // Whether it ended is open until the answer is there.
  ledger.rotations.delete(id)
  if (await api.logout(token) !== 204) throw new Error('not signed out')
  ledger.ended.push(id)
  ledger.dead = token
  ledger.count()
}

/** What was acknowledged and is not there. */
export async function lostOf (ledger: Ledger, read: (sql: string) => Promise<Row[]>): Promise<string[]> {
  const users = new Set((await read('select username from users')).map(({ username }) => username))
  const counters = new Map((await read('select id, counter from sessions')).map(({ id, counter }) => [id, Number(counter)]))
  return [
    ...ledger.usernames.filter((name) => !users.has(name)).map((name) => `account ${name}`),
    ...[...ledger.rotations].filter(([id, count]) => (counters.get(id) ?? -1) < count).map(([id, count]) => `session ${id}, rotated ${count} times, now ${counters.get(id)}`),
    ...ledger.ended.filter((id) => counters.has(id)).map((id) => `the end of session ${id}`)
  ]
}

function sessionOf (token: string): string {
  return JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString()).sid
}
