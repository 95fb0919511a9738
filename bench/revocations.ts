import { randomUUID, randomUUIDv7 } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import Fastify, { type FastifyInstance } from 'fastify'
import app, { fastifyOptions } from '../app.ts'
import { readConfig } from '../config.ts'
import { createRegister } from '../plugins/revocations/register.ts'
import { collectGarbage } from '../test/support/heap.ts'

/** What a hundred thousand live revocations cost, and how long the loop stands still while as many dead ones leave. */
const many = 100_000
const lookUps = 2_000_000

/** Milliseconds of processor time that one batch took at most: unlike the loop's delay, it does not count what else runs on the machine. */
let longestTurn = 0

measureLookUps()
await measureSweeping()

function measureLookUps (): void {
  const register = createRegister()
  const before = heap()
  // As a database hands them over: texts of their own.
  for (let i = 0; i < many; i++) register.add({ subject: 'session', subjectId: Buffer.from(randomUUIDv7()).toString(), notBefore: null, roles: null, expiresAt: 1 })
  print(`memory per ${many} live revocations`, `${((heap() - before) / 2 ** 20).toFixed(1)} MiB`)

  const bearers = Array.from({ length: 1000 }, () => ({ userId: randomUUIDv7(), sessionId: randomUUIDv7(), clientId: 'gatehouse', tokenId: randomUUID(), roles: ['editor'] }))
  const ask = (count: number) => {
    let revoked = 0
    for (let i = 0; i < count; i++) if (register.isRevoked(bearers[i % bearers.length] as typeof bearers[0])) revoked++
    if (revoked > 0) throw new Error('a live session is taken for an ended one')
  }
  ask(lookUps / 10)
  print('a look-up of a live session', nanoseconds(() => ask(lookUps)))
  for (let i = 0; i < many; i++) register.add({ subject: 'user', subjectId: randomUUIDv7(), notBefore: 1, roles: null, expiresAt: 1 })
  print('the same beside as many global ends', nanoseconds(() => ask(lookUps)))
  const begun = performance.now()
  for (let seen = 1; seen > 0;) seen = register.sweep(1, 2000)
  print(`forgetting all ${2 * many}, 2000 at a time`, `${((performance.now() - begun) / many * 1000).toFixed(1)} ms a time`)
}

function heap (): number {
  collectGarbage()
  return process.memoryUsage().heapUsed
}

function nanoseconds (work: () => void): string {
  const begun = performance.now()
  work()
  return `${((performance.now() - begun) / lookUps * 1e6).toFixed(0)} ns`
}

async function measureSweeping (): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'))
  const file = join(folder, 'bench.db')
  let turned = 0
  const config = readConfig({ DATABASE_URL: `sqlite:${file}`, LOG_LEVEL: 'silent', REVOCATION_MAX_LAG: '1h' })
  const { logger: _, ...options } = fastifyOptions(config)
  const service = Fastify(options)
  try {
    // Both clocks, as time that passes: of one that jumps alone nothing is forgotten.
    await service.register(app, { config, now: () => Date.now() + turned, monotonic: () => performance.now() + turned })
    await service.ready()
    watchTurns(service)
    plant(file)
    await delays('nothing but waiting, for comparison', () => sleep(1000))
    await delays('hearing of as many', () => service.jobs.run('revocations'))
    turned = 86_400_000
    await delays(`sweeping ${many} sessions`, () => service.jobs.run('sessions'))
    await delays(`sweeping ${many} revocations`, () => service.jobs.run('revocations-over'))
    const left = await service.database.queries.selectFrom('revocations').select('id').limit(1).execute()
    if (left.length > 0) throw new Error('the revocations were not swept')
  } finally {
    await service.close()
    rmSync(folder, { recursive: true })
  }
}

function plant (file: string): void {
  const database = new DatabaseSync(file)
  const now = Date.now()
  database.exec('pragma busy_timeout = 5000; begin')
  const user = randomUUIDv7()
  database.prepare('insert into users (id, username, created_at) values (?, ?, ?)').run(user, 'alice', now)
  const session = database.prepare('insert into sessions (id, user_id, client_id, counter, created_at, rotated_at, last_used_at, idle_expires_at, expires_at, ip) values (?, ?, ?, 0, ?, ?, ?, ?, ?, ?)')
  const revocation = database.prepare('insert into revocations (subject, subject_id, expires_at) values (\'session\', ?, ?)')
  for (let i = 0; i < many; i++) {
    session.run(randomUUIDv7(), user, 'gatehouse', now, now, now, now + 1000, now + 1000, '127.0.0.1')
    revocation.run(randomUUIDv7(), now + 600_000)
  }
  database.exec('commit')
  database.close()
}

function watchTurns ({ jobs }: FastifyInstance): void {
  const { inBatches } = jobs
  jobs.inBatches = (limit, work) => inBatches(limit, async (most) => {
    const begun = process.cpuUsage()
    const done = await work(most)
    const { user, system } = process.cpuUsage(begun)
    longestTurn = Math.max(longestTurn, (user + system) / 1000)
    return done
  })
}

async function delays (what: string, work: () => Promise<void>): Promise<void> {
  await sleep(100)
  longestTurn = 0
  const histogram = monitorEventLoopDelay({ resolution: 1 })
  histogram.enable()
  await sleep(10)
  const begun = performance.now()
  await work()
  const took = performance.now() - begun
  await sleep(10)
  histogram.disable()
  const milliseconds = (value: number) => (value / 1e6).toFixed(1)
  print(what, `${took.toFixed(0)} ms; the longest turn worked for ${longestTurn.toFixed(1)} ms; the loop stood still for ${milliseconds(histogram.percentile(50))} ms (median), ${milliseconds(histogram.percentile(99))} ms (99 %), ${milliseconds(histogram.max)} ms (longest)`)
}

function print (what: string, figure: string): void {
  process.stdout.write(`${what}: ${figure}\n`)
}
