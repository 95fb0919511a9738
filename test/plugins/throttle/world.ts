import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { alice, build } from '../../support/build.ts'

export const usual = { LOGIN_LIMIT: '30/1m', REGISTER_LIMIT: '20/1h', REFRESH_LIMIT: '60/1m' }
export const wrong = 'not the password of anybody'
export const minute = 60_000

/** The app behind a gateway that is believed, with the limits given, and a clock to turn. */
export async function throttled (t: Test, environment: Record<string, string> = {}) {
  let turned = 0
  const app = await build(t, { environment: { TRUST_PROXY: '127.0.0.1', LOGIN_LIMIT: 'off', ...environment }, now: () => 1_772_366_400_000 + turned, monotonic: () => turned })
  return { app, turn: (milliseconds: number) => { turned += milliseconds } }
}

export function login (app: FastifyInstance, { username = alice.username, password = alice.password, from = '192.0.2.1' } = {}) {
  return app.inject({ method: 'POST', url: '/login', headers: { 'x-forwarded-for': from }, payload: { username, password } })
}

/** The status of so many failed logins, one after another. */
export async function failures (app: FastifyInstance, count: number, options: Parameters<typeof login>[1] = {}): Promise<number[]> {
  const statuses: number[] = []
  for (let i = 0; i < count; i++) statuses.push((await login(app, { password: wrong, ...options })).statusCode)
  return statuses
}

/** Sets every tally that is there: a hundred guesses take seconds of hashing. */
export async function pretend (app: FastifyInstance, count: number): Promise<void> {
  await app.database.queries.updateTable('failures').set({ count }).execute()
}

export const times = (count: number, status: number) => Array.from({ length: count }, () => status)
