import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { build, withAlice } from '../support/build.ts'
import { call, clientToken, createClock, post, registerClient, sidOf, signIn, start, worth } from '../support/calls.ts'
import { temporaryFolder } from '../support/service.ts'
import { until } from '../support/until.ts'

const sixMinutes = { ACCESS_TOKEN_TTL: '6m' }

/** Writes down that sessions end, as a use case does. */
function end (server: FastifyInstance, ...ids: string[]) {
  return server.database.transaction((queries) => server.revocations.add('session', ids, queries))
}

const bearer = (sessionId: string) => ({ userId: 'u', sessionId, clientId: 'gatehouse', tokenId: 'j', roles: [] })

/** Two processes' worth of app on one file, under one clock. */
async function two (t: Test, clock = createClock()) {
  const file = join(temporaryFolder(t), 'gatehouse.db')
  const environment = { DATABASE_URL: `sqlite:${file}`, SECRET_KEY: 'one secret for two of the same service', ...sixMinutes }
  const options = { environment, now: clock.now, monotonic: clock.monotonic }
  return { clock, one: await build(t, options), other: await build(t, options), more: () => build(t, options) }
}

t.test('refuses what ended once it was heard, in the process that wrote it and in another', async (t) => {
  const { one, other } = await two(t)
  await end(one, 'a', 'b')
  t.equal(one.revocations.isRevoked(bearer('a')), false, 'nobody has heard yet')
  await one.revocations.hear()
  t.strictSame(['a', 'b', 'c'].map((id) => one.revocations.isRevoked(bearer(id))), [true, true, false])
  t.equal(other.revocations.isRevoked(bearer('a')), false)
  await other.jobs.run('revocations')
  t.equal(other.revocations.isRevoked(bearer('a')), true)
})

t.test('knows what is still live before it answers its first request', async (t) => {
  const { one, more } = await two(t)
  await end(one, ...Array.from({ length: 1234 }, (_, index) => `s${index}`))
  const late = await more()
  t.ok(Array.from({ length: 1234 }, (_, index) => late.revocations.isRevoked(bearer(`s${index}`))).every(Boolean), 'more than one reading brings')
  t.equal(late.revocations.isRevoked(bearer('s1234')), false)
})

t.test('tells everyone who asks while it reads what was written until they asked', async (t) => {
  const { one } = await two(t)
  await Promise.all(Array.from({ length: 50 }, async (_, index) => {
    await end(one, `s${index}`)
    await one.revocations.hear()
    t.equal(one.revocations.isRevoked(bearer(`s${index}`)), true, String(index))
  }))
})

t.test('reads once more for all who ask while it reads, since what it has read may be from before', async (t) => {
  const { one } = await two(t)
  const { database } = one
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>()
  const { promise: answered, resolve: answer } = Promise.withResolvers<void>()
  let readings = 0
  const slow = database.queries.withPlugin({
    transformQuery: ({ node }) => node,
    async transformResult ({ result }) {
      readings++
      ask()
      await answered
      return result
    }
  })
  Object.defineProperty(database, 'queries', { configurable: true, value: slow })
  const first = one.revocations.hear()
  await asked
  await end(one, 'a')
  const others = Array.from({ length: 50 }, () => one.revocations.hear())
  answer()
  await others[0]
  t.equal(one.revocations.isRevoked(bearer('a')), true)
  await Promise.all([first, ...others])
  t.equal(readings, 2)
})

t.test('feels an ending in another process within a second', async (t) => {
  const file = join(temporaryFolder(t), 'gatehouse.db')
  const environment = { DATABASE_URL: `sqlite:${file}`, SECRET_KEY: 'one secret for two of the same service' }
  const [one, other] = [await build(t, { environment }), await build(t, { environment })]
  await withAlice(one)
  const pair = await signIn(one)
  await other.listen({ port: 0, host: '127.0.0.1' })
  t.equal(await worth(other, pair), 200)
  await call(one, 'POST /logout', pair.access_token)
  const before = performance.now()
  await until(async () => await worth(other, pair) === 401)
  t.ok(performance.now() - before < 1000, `${Math.round(performance.now() - before)} ms`)
})

t.test('is silent for too long: tokens are answered 503 until it hears again', async (t) => {
  const clock = createClock()
  const server = await build(t, { now: clock.now, monotonic: clock.monotonic, environment: { REVOCATION_MAX_LAG: '20s' } })
  await withAlice(server)
  const pair = await signIn(server)
  const client = await registerClient(server)
  const machine = await clientToken(server, client)
  clock.past += 20_000
  t.equal(await worth(server, pair), 200, 'at the very end')
  clock.past += 1
  for (const what of ['GET /protected', 'GET /me', 'PATCH /me', 'DELETE /me', 'PUT /me/password', 'GET /me/sessions', `DELETE /me/sessions/${sidOf(pair)}`, 'POST /logout', 'POST /logout?scope=global']) {
    const reply = await call(server, what, pair.access_token)
    t.equal(reply.statusCode, 503, what)
    t.match(reply.headers['retry-after'], /^[1-9]\d*$/)
    t.same(reply.json(), { statusCode: 503, code: 'unavailable', error: 'Service Unavailable', message: 'The service cannot answer right now: try again shortly' })
  }
  t.equal((await call(server, 'GET /protected', machine)).statusCode, 503, 'a client\'s own')
  for (const url of ['/oauth/introspect', '/oauth/revoke']) {
    const reply = await post(server, url, client.basic, { token: pair.access_token })
    t.equal(reply.statusCode, 503, url)
    t.match(reply.headers['retry-after'], /^[1-9]\d*$/)
    t.same(Object.keys(reply.json()), ['error', 'error_description'])
    t.equal(reply.json().error, 'temporarily_unavailable')
  }
  t.equal((await server.inject('/health/live')).statusCode, 200)
  t.equal((await server.inject('/.well-known/jwks.json')).statusCode, 200)
  await server.jobs.run('revocations')
  t.equal(await worth(server, pair), 200, 'heard')
})

t.test('counts silence from the moment it asked, and none where a reading failed', async (t) => {
  const clock = createClock()
  const server = await build(t, { now: clock.now, monotonic: clock.monotonic, environment: { REVOCATION_MAX_LAG: '10s' } })
  const { database } = server
  const { queries } = database
  Object.defineProperty(database, 'queries', { configurable: true, get: () => { throw new Error('gone') } })
  clock.past += 10_001
  await t.rejects(server.jobs.run('revocations'), { message: 'gone' })
  await t.rejects(server.revocations.hear(), { message: 'gone' })
  t.throws(() => server.revocations.isRevoked(bearer('a')), { code: 'unavailable' })
  Object.defineProperty(database, 'queries', { value: queries })
  await server.jobs.run('revocations')
  t.equal(server.revocations.isRevoked(bearer('a')), false)
})

t.test('keeps an ending until the last token it means is dead by itself, and then lets go', async (t) => {
  const { clock, one, other } = await two(t)
  const turn = async (seconds: number) => {
    clock.turn(seconds)
    for (const server of [one, other]) await server.jobs.run('revocations')
  }
  await end(one, 'a')
  for (const server of [one, other]) await server.revocations.hear()
  const rows = () => one.database.queries.selectFrom('revocations').selectAll().execute()
  await turn(360 + 5 + 29)
  for (const server of [one, other]) await server.jobs.run('revocations-over')
  t.equal((await rows()).length, 1, 'a request that was slow to arrive may have got a token after it')
  await turn(1)
  await one.jobs.run('revocations-over')
  t.equal(one.revocations.isRevoked(bearer('a')), false)
  t.equal((await rows()).length, 0)
  t.equal(other.revocations.isRevoked(bearer('a')), true)
  await other.jobs.run('revocations-over')
  t.equal(other.revocations.isRevoked(bearer('a')), false, 'each forgets for itself')
})

t.test('R16 forgets nothing while its clock may jump back, and what is over once every token from before the jump is', async (t) => {
  const { clock, one, other } = await two(t)
  await end(one, 'a')
  for (const server of [one, other]) await server.revocations.hear()
  const sweep = async () => {
    for (const server of [one, other]) {
      await server.jobs.run('revocations')
      await server.jobs.run('revocations-over')
    }
  }
  const isKept = () => [one, other].map((server) => server.revocations.isRevoked(bearer('a')))
  const hour = 3_600_000
  for (const jump of [hour, -hour, 24 * hour]) {
    clock.time += jump
    await sweep()
    clock.turn(60)
    await sweep()
    t.strictSame(isKept(), [true, true], `${jump} ms`)
  }
  t.equal((await one.database.queries.selectFrom('revocations').selectAll().execute()).length, 1)
  clock.turn(360 + 5 + 30)
  await sweep()
  t.strictSame(isKept(), [false, false])
})

t.test('takes a clock that is put right by a second for one that did not jump, and by more for one that did', async (t) => {
  for (const [correction, kept] of [[1000, false], [1001, true], [-1001, true]] as const) {
    const clock = createClock()
    const server = await build(t, { now: clock.now, monotonic: clock.monotonic, environment: sixMinutes })
    const isKept = async () => {
      for (const job of ['revocations', 'revocations-over']) await server.jobs.run(job)
      return server.revocations.isRevoked(bearer('a'))
    }
    await end(server, 'a')
    await server.revocations.hear()
    clock.turn(400)
    clock.time += correction
    t.equal(await isKept(), kept, `${correction} ms`)
    clock.turn(360 + 5 + 30)
    t.equal(await isKept(), false, `${correction} ms, as long ago as a token lives`)
  }
})

/** How often others had their turn while something was done. */
async function turnsDuring (work: () => Promise<unknown>): Promise<number> {
  let turns = 0
  let done = false
  const counter = () => {
    turns++
    if (!done) setImmediate(counter)
  }
  setImmediate(counter)
  await work()
  done = true
  return turns
}

t.test('reads and sweeps any number without keeping others from their turn', async (t) => {
  const { clock, one } = await two(t)
  await end(one, ...Array.from({ length: 5000 }, (_, index) => `s${index}`))
  const reading = await turnsDuring(() => one.revocations.hear())
  t.ok(reading >= 10, `${reading} turns of the loop`)
  t.equal(one.revocations.isRevoked(bearer('s4999')), true)
  clock.turn(3600)
  const sweeping = await turnsDuring(() => one.jobs.run('revocations-over'))
  t.ok(sweeping >= 10, `${sweeping} turns of the loop`)
  t.equal((await one.database.queries.selectFrom('revocations').selectAll().execute()).length, 0)
})

t.test('writes nothing where the transaction it belongs to goes back', async (t) => {
  const { one } = await two(t)
  await t.rejects(one.database.transaction(async (queries) => {
    await one.revocations.add('session', ['a'], queries)
    await one.revocations.addUser('u', start, queries)
    throw new Error('no')
  }), { message: 'no' })
  await one.revocations.hear()
  t.equal(one.revocations.isRevoked(bearer('a')), false)
})
