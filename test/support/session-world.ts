import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import type { TokenReply } from '../../schemas/login.ts'
import { build } from './build.ts'
import { readClaims } from './claims.ts'
import { temporaryFolder } from './service.ts'
import { createSessionModel, type ModelSession, type ModelUser } from './session-model.ts'

export const second = 1000
export const minute = 60 * second
export const lifetimes = { access: 10 * minute, idle: 60 * minute, absolute: 240 * minute, grace: 30 * second, skew: 5 * second, limit: 6 }
export const model = createSessionModel(lifetimes)
export const origin = { ip: '192.0.2.1', network: '192.0.2.1', userAgent: 'model', requestId: 'm', signal: new AbortController().signal }
const bothHear = new Set([0, 1])

/** What a sequence of steps acts on: the processes, and what ought to be true of them. */
export interface World {
  apps: FastifyInstance[]
  now: number
  /** The latest that it has been: clocks go back a little, no more than they may differ. */
  latest: number
  /** How often SECRET_KEY was changed. */
  era: number
  users: ModelUser[]
  restart (): Promise<void>
}

export type Attempt = { granted: TokenReply } | { refused: string }

export async function createWorld (t: Test, processes: number): Promise<World> {
  const file = join(temporaryFolder(t), 'model.db')
  const secrets = [randomBytes(32).toString('base64url')]
  const world: World = { apps: [], now: Date.parse('2026-03-01T12:00:00Z'), latest: 0, era: 0, users: [], restart }
  await start()
  return world

  async function start (): Promise<void> {
    const [former = '', secret = former] = secrets.slice(-2)
    for (let i = 0; i < processes; i++) {
      const app = await build(t, {
        now: () => world.now,
        environment: {
          DATABASE_URL: `sqlite:${file}`, SQLITE_SYNCHRONOUS: 'normal', SECRET_KEY: secret, ...former === secret ? {} : { SECRET_KEY_PREVIOUS: former },
          ACCESS_TOKEN_TTL: '10m', REFRESH_IDLE_TTL: '1h', REFRESH_ABSOLUTE_TTL: '4h', REFRESH_GRACE: '30s', CLOCK_SKEW: '5s', MAX_SESSIONS: `${lifetimes.limit}`,
          KEY_ROTATION: '3660d', KEY_LEAD: '365d', REVOCATION_MAX_LAG: '1h'
        }
      })
      // Argon2 would be all that takes time here, and is not what is tested.
      app.passwords.hash = async (password) => `plain:${password}`
      app.passwords.verify = async (password, digest) => ({ matches: digest === `plain:${password}`, outdated: false })
      world.apps[i] = app
    }
  }

  async function restart (): Promise<void> {
    secrets.push(randomBytes(32).toString('base64url'))
    world.era++
    for (const app of world.apps) await app.close()
    await start()
    world.users.forEach((user) => { heard(user.sessions, bothHear) })
  }
}

/** Any one of a list, by a number that knows nothing of its length. */
export function pick<T> (list: readonly T[], index: number): T | undefined {
  return list[index % Math.max(1, list.length)]
}

export function appAt ({ apps }: World, index: number): FastifyInstance {
  return pick(apps, index) as FastifyInstance
}

function heard (sessions: readonly ModelSession[], listeners: ReadonlySet<number>): void {
  for (const session of sessions) if (session.ended) for (const one of listeners) session.heardBy.add(one)
}

/** Whoever acts hears at once of all that has ended until then. */
export function everyEndIsHeard ({ users }: World, listener: number): void {
  for (const { sessions } of users) heard(sessions, new Set([listener]))
}

export function end (sessions: readonly ModelSession[]): void {
  for (const session of sessions) session.ended = true
}

export async function attempt (work: Promise<TokenReply>): Promise<Attempt> {
  try {
    return { granted: await work }
  } catch (error) {
    return { refused: String((error as { code?: string }).code) }
  }
}

export function expect (holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what)
}

export function same (found: unknown, wanted: unknown, what: string): void {
  expect(JSON.stringify(found) === JSON.stringify(wanted), `${what}: ${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`)
}

/** Whom an access token speaks for there, or null; asserts that it is what the model says. */
export function show (world: World, app: FastifyInstance, session: ModelSession, token: { text: string, expiresAt: number }) {
  const wanted = model.passes(session, token, world.now, world.apps.indexOf(app))
  const found = app.tokens.inspect(token.text)?.identity ?? null
  expect(wanted === 'either' || wanted === (found !== null), `the access token of a session ${session.ended ? 'that ended' : 'not ended'} ${found === null ? 'is refused' : 'passes'}`)
  return found
}

/** Writes down what a client was given, after asserting that it is right. */
export function receive (world: World, session: ModelSession, { access_token: text, refresh_token: refreshToken, expires_in: expiresIn, refresh_expires_in: refreshExpiresIn }: TokenReply): void {
  const { sid, exp, iat } = readClaims(text)
  same(sid, session.id, 'the session of a token')
  same(exp - iat, expiresIn, 'the lifetime of a token')
  same(expiresIn, Math.min(lifetimes.access / second, Math.max(1, Math.floor((session.idleEndsAt - world.now) / second))), 'expires_in')
  same(refreshExpiresIn, Math.ceil((session.idleEndsAt - world.now) / second), 'refresh_expires_in')
  session.accessTokens.push({ text, expiresAt: exp * second })
  const known = session.refreshTokens.find(({ counter, era }) => counter === session.counter && era === world.era)
  if (known === undefined) session.refreshTokens.push({ text: refreshToken, counter: session.counter, era: world.era })
  else same(refreshToken, known.text, 'the successor')
}
