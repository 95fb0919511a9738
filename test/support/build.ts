import Fastify, { type FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import app, { fastifyOptions } from '../../app.ts'
import { readConfig } from '../../config.ts'
import { asDescribed } from './description.ts'
import { patience, unlimited } from './service.ts'

export const alice = { username: 'alice', password: 'correct horse battery staple' }

/** For a test of what a password costs: everywhere else a digest is cheap, which by default would be most of what the tests do. */
export const costly = { ARGON2_MEMORY: '19456' }
const cheap = { memory: 256, passes: 1 }

export interface BuildOptions {
  /** Variables beside or instead of the test's own. */
  environment?: Record<string, string>
  /** The clock, in milliseconds. */
  now?: () => number
  /** The clock that never jumps, in milliseconds. */
  monotonic?: () => number
  /** Takes every line of the log, from `trace` on. */
  log?: Array<Record<string, unknown>>
  /** Adds routes beside the app's own, below its hooks and its guard. */
  extend?: (server: FastifyInstance) => void
  /** As "keys reset" starts it. */
  reset?: boolean
}

/** The whole app without a socket, on a database in memory, closed with the test. Whatever it answers has to be as it is described. */
export async function build (t: Test, { environment = {}, log, extend, ...options }: BuildOptions = {}): Promise<FastifyInstance> {
  const read = readConfig({ DATABASE_URL: 'sqlite::memory:', PUBLIC_URL: 'https://auth.test', LOG_LEVEL: log === undefined ? 'silent' : 'trace', HASH_QUEUE: patience, ...unlimited, ...environment })
  const config = { ...read, passwords: { ...read.passwords, ...'ARGON2_MEMORY' in environment || 'ARGON2_TIME' in environment ? {} : cheap } }
  const { logger, ...others } = fastifyOptions(config)
  const stream = { write: (line: string) => { log?.push(JSON.parse(line)) } }
  const server = Fastify({ ...others, logger: { ...logger, stream } })
  t.teardown(() => server.close())
  asDescribed(server, (fault) => t.fail(fault))
  await server.register(app, { config, ...options })
  extend?.(server)
  await server.ready()
  return server
}

/** Registers alice. */
export async function withAlice (server: FastifyInstance): Promise<void> {
  const { statusCode } = await server.inject({ method: 'POST', url: '/register', payload: alice })
  if (statusCode !== 201) throw new Error(`alice cannot register: ${statusCode}`)
}

/** Registers alice, signs her in and returns the token reply. */
export async function aliceSignedIn (server: FastifyInstance): Promise<{ access_token: string, refresh_token: string, user: { id: string } }> {
  await withAlice(server)
  return (await server.inject({ method: 'POST', url: '/login', payload: alice })).json()
}
