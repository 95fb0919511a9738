import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import Fastify from 'fastify'
import app, { fastifyOptions } from '../app.ts'
import { readConfig } from '../config.ts'

// What the audit takes of a sign-in, in time of the processor, which a busy machine does not change: writing the event beside it, and making it a link of the chain.
const { values: { logins: given } } = parseArgs({ options: { logins: { type: 'string', default: '300' } } })
const logins = Number(given)
const events = 3000
const alice = { username: 'alice', password: 'correct horse battery staple' }

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'))
const url = process.env['DATABASE_URL'] ?? `sqlite:${join(folder, 'bench.db')}`
const config = readConfig({ SECRET_KEY: process.env['SECRET_KEY'], DATABASE_URL: url, LOG_LEVEL: 'silent', LOGIN_LIMIT: 'off', REGISTER_LIMIT: 'off' })
const service = Fastify(fastifyOptions(config))
try {
  await service.register(app, { config })
  await service.ready()
  const { user } = (await service.inject({ method: 'POST', url: '/register', payload: alice })).json()
  const login = await cost(logins, () => service.inject({ method: 'POST', url: '/login', payload: alice }))
  // A transaction that writes something anyway, as a sign-in does.
  const plain = await cost(events, () => service.database.transaction((queries) => service.users.within(queries).endSessionsUntil(user.id, 0)))
  const recorded = await cost(events, () => service.database.transaction(async (queries) => {
    await service.users.within(queries).endSessionsUntil(user.id, 0)
    await service.audit.record({ event: 'authn_login_success', userId: 'u', detail: { session_id: 's' } }, queries)
  }))
  const linked = await cost(1, () => service.auditChain.link()) / events
  const share = (recorded - plain + linked) / login
  process.stdout.write(`a sign-in ${micro(login)}, its event ${micro(recorded - plain)}, the link ${micro(linked)}: ${(share * 100).toFixed(2)} % (3 % at most)\n`)
  process.exitCode = share <= 0.03 ? 0 : 1
} finally {
  await service.close()
  rmSync(folder, { recursive: true, force: true })
}

/** Milliseconds of all threads for each of so many turns, after some that are not counted. */
async function cost (turns: number, work: () => Promise<unknown>): Promise<number> {
  for (let i = 0; i < turns / 10 - 1; i++) await work()
  const before = process.cpuUsage()
  for (let i = 0; i < turns; i++) await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000 / turns
}

function micro (milliseconds: number): string {
  return `${(milliseconds * 1000).toFixed(0)} µs`
}
