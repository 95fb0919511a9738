import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { closeSync, openSync } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import Fastify, { type FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import t from 'tap'
import clock from '../../plugins/clock.ts'
import errors from '../../plugins/errors.ts'
import strictJson from '../../plugins/strict-json.ts'
import tokens from '../../plugins/tokens.ts'
import { build } from '../support/build.ts'
import { temporaryFolder } from '../support/service.ts'

const algorithms = ['ES256', 'RS256', 'EdDSA'] as const
const session = { id: '019aaf3e-7c1c-7c3e-9a53-0d2f6c1b2a3f', clientId: 'gatehouse', expiresAt: Number.POSITIVE_INFINITY }

function userOf (changes: { username?: string, roles?: string[] } = {}) {
  return { id: '019aaf3e-7c1c-7c3e-9a53-0d2f6c1b2a3d', username: 'alice', email: 'alice@example.com', passwordHash: null, disabled: false, roles: [] as string[], createdAt: 0, ...changes }
}

function partsOf (token: string): Array<Record<string, unknown>> {
  return token.split('.').slice(0, 2).map((segment) => JSON.parse(Buffer.from(segment, 'base64url').toString()))
}

/** What a refusal says to the one who asks, and to the log. */
function refusal (app: FastifyInstance, token: string): { code: string, headers: Record<string, string>, cause: unknown, message: string } {
  try {
    app.tokens.verify(token)
  } catch (error) {
    return error as ReturnType<typeof refusal>
  }
  throw new Error('it was accepted')
}

for (const SIGNING_ALG of algorithms) {
  t.test(`issues ${SIGNING_ALG} tokens that it verifies`, async (t) => {
    const now = 1_763_939_500_999
    const app = await build(t, { environment: { SIGNING_ALG, AUDIENCE: 'orders', ACCESS_TOKEN_TTL: '5m' }, now: () => now })
    const { token, expiresIn } = app.tokens.issue({ user: userOf({ roles: ['admin', 'editor'] }), session })
    const [header, claims] = partsOf(token)
    t.strictSame(header, { alg: SIGNING_ALG, typ: 'at+jwt', kid: app.keys.active().kid })
    t.strictSame({ ...claims, jti: '' }, {
      iss: 'https://auth.test', aud: 'orders', sub: userOf().id, exp: 1_763_939_800, iat: 1_763_939_500, jti: '', sid: session.id,
      client_id: 'gatehouse', scope: '', roles: ['admin', 'editor'], preferred_username: 'alice'
    }, 'and no address, no secret')
    t.equal(expiresIn, 300)
    t.strictSame(app.tokens.verify(token), {
      userId: userOf().id, username: 'alice', sessionId: session.id, clientId: 'gatehouse', roles: ['admin', 'editor'], scopes: [], tokenId: claims?.jti, expiresAt: 1_763_939_800, issuedAt: 1_763_939_500
    })
    t.not(partsOf(app.tokens.issue({ user: userOf(), session }).token)[1]?.jti, claims?.jti)

    const header_ = token.slice(0, token.lastIndexOf('.'))
    t.match(refusal(app, `${header_}.${Buffer.alloc(SIGNING_ALG === 'RS256' ? 384 : 64, 7).toString('base64url')}`), { code: 'invalid_token', cause: 'signature' })
  })

  t.test(`issues ${SIGNING_ALG} tokens of at most 1.5 KiB to a user with the longest name`, async (t) => {
    const app = await build(t, { environment: { SIGNING_ALG, PUBLIC_URL: 'https://authentication.some-company.example' } })
    const { token } = app.tokens.issue({ user: userOf({ username: 'u'.repeat(32), roles: ['admin', 'billing-clerk', 'support-agent'] }), session })
    t.equal(app.tokens.verify(token).username.length, 32)
    t.ok(token.length <= 1536, `${token.length}`)
  })
}

t.test('accepts the most roles that a token may name', async (t) => {
  const app = await build(t)
  const roles = Array.from({ length: 64 }, (_, index) => `role-${index}`)
  t.strictSame(app.tokens.verify(app.tokens.issue({ user: userOf({ roles }), session }).token).roles, roles)
})

t.test('refuses every bad token in the same words, and keeps the cause for the log', async (t) => {
  const clock = { now: 1_763_939_500_000 }
  const app = await build(t, { now: () => clock.now })
  const other = await build(t, { now: () => clock.now })
  const { token } = app.tokens.issue({ user: userOf(), session })
  const { token: foreign } = other.tokens.issue({ user: userOf(), session })
  const refusals = [refusal(app, 'a.b.c'), refusal(app, ''), refusal(app, foreign), refusal(app, `${token.slice(0, -86)}${Buffer.alloc(64, 7).toString('base64url')}`)]
  clock.now += 605_000
  refusals.push(refusal(app, token))
  t.strictSame(refusals.map(({ cause }) => cause), ['base64url', 'segments', 'key', 'signature', 'expired'])
  for (const { code, message, headers } of refusals) {
    t.strictSame({ code, message, headers }, { code: 'invalid_token', message: refusals[0]?.message, headers: { 'www-authenticate': 'Bearer realm="gatehouse", error="invalid_token"' } })
  }
  t.equal(app.tokens.news(refusals[2]), null, 'its own keys are all there are: there is nowhere to look')
})

t.test('signs with the key that is active at that moment', async (t) => {
  const app = await build(t)
  const signedBy = () => partsOf(app.tokens.issue({ user: userOf(), session }).token)[0]?.kid
  const seen = [signedBy()]
  t.equal(signedBy(), seen[0])
  for (const change of [() => app.keys.rotate({ now: true }), () => app.keys.revoke(app.keys.active().kid)]) {
    await change()
    t.equal(signedBy(), app.keys.active().kid)
    t.equal(app.tokens.verify(app.tokens.issue({ user: userOf(), session }).token).username, 'alice')
    seen.push(signedBy())
  }
  t.equal(new Set(seen).size, 3)
})

t.test('signs and verifies with the key that is named, and with no other', async (t) => {
  const app = await build(t)
  t.throws(() => app.jwt.sign({ sub: 'x' }), { message: /without naming the key/ })
  const { token } = app.tokens.issue({ user: userOf(), session })
  t.throws(() => app.jwt.verify(token), { message: /without naming the key/ })
})

t.test('verifies anew where the clock is past what the signature library allows, though the cache is off', async (t) => {
  const clock = { now: 1_763_939_500_000 }
  const app = await build(t, { environment: { TOKEN_CACHE: '0', CLOCK_SKEW: '0' }, now: () => clock.now })
  const { token } = app.tokens.issue({ user: userOf(), session })
  clock.now += 599_999
  t.equal(app.tokens.verify(token).username, 'alice')
  clock.now += 1
  t.match(refusal(app, token), { cause: 'expired' })
})

t.test('verifies on the loop, whatever keeps every thread of the pool', async (t) => {
  const app = await build(t)
  const visit = () => app.inject({ url: '/protected', headers: { authorization: `Bearer ${app.tokens.issue({ user: userOf(), session }).token}` } })
  t.equal((await visit()).statusCode, 200, 'what is loaded at the first time is there')
  const folder = temporaryFolder(t)
  const pipes = Array.from({ length: Number(process.env['UV_THREADPOOL_SIZE'] ?? 4) }, (_, number) => join(folder, `${number}`))
  execFileSync('mkfifo', pipes)
  // Each waits in its thread for somebody who writes.
  const waiting = Promise.all(pipes.map((pipe) => open(pipe)))
  let isFree = false
  const behind = stat(folder).then(() => { isFree = true })
  const answer = await Promise.race([visit(), sleep(10_000, undefined, { ref: false })])
  const before = isFree
  const writers = pipes.map((pipe) => openSync(pipe, 'r+'))
  for (const reader of await waiting) await reader.close()
  for (const writer of writers) closeSync(writer)
  await behind
  t.match(answer, { statusCode: 200 }, 'answered')
  t.equal(before, false, 'while no thread was free')
})

t.test('asks for news of a key that it does not know, where there is somewhere to ask', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(clock, {})
  await app.register(errors, {})
  await app.register(strictJson, { bodies: false })
  const asked: string[] = []
  let answer: Promise<void> | null = Promise.resolve()
  await app.register(fp(async (scope) => {
    scope.decorate('keys', { version: 1, find: (kid: string) => { asked.push(kid) }, search: () => answer } as never)
  }, { name: 'keys' }))
  await app.register(fp(async (scope) => { scope.decorate('revocations', { isRevoked: () => false } as never) }, { name: 'revocations' }))
  await app.register(tokens, { issuer: 'https://auth.test', audience: 'api', lifetime: 3600, clockSkew: 5, cacheSize: 10 })
  const { token } = (await build(t)).tokens.issue({ user: userOf(), session })
  const unknown = refusal(app, token)
  t.match(unknown, { code: 'invalid_token', cause: 'key' })
  t.equal(asked.length, 1)
  t.equal(app.tokens.news(unknown), answer)
  t.equal(app.tokens.news(refusal(app, randomUUID())), null, 'not for what no key can mend')
  answer = null
  t.equal(app.tokens.news(unknown), null, 'nor where it was done a moment ago')
})

t.test('passes on that keys are not to be had', async (t) => {
  const app = await build(t)
  const { token } = app.tokens.issue({ user: userOf(), session })
  app.keys.find = () => { throw app.errors.create('unavailable') }
  t.match(refusal(app, token), { code: 'unavailable', headers: { 'retry-after': '1' } })
})

t.test('says of a token it is handed whose it is, of a bad one nothing, and of what cannot be known that it cannot', async (t) => {
  const app = await build(t)
  const { token } = app.tokens.issue({ user: userOf(), session })
  t.match(app.tokens.inspect(token), { identity: { username: 'alice' }, issuer: 'https://auth.test', audience: 'api' })
  t.equal(app.tokens.inspect(`${token}x`), null)
  app.keys.find = () => { throw app.errors.create('unavailable') }
  const other = app.tokens.issue({ user: userOf(), session }).token
  t.throws(() => app.tokens.inspect(other), { code: 'unavailable' })
})

t.test('issues no token that outlives its session, nor one that is over at once', async (t) => {
  const now = 1_763_939_500_000
  const app = await build(t, { now: () => now })
  for (const [left, lifetime] of [[90_000, 90], [90_999, 90], [600_000, 600], [10_000_000, 600], [400, 1], [0, 1], [-5000, 1]] as const) {
    const { token, expiresIn } = app.tokens.issue({ user: userOf(), session: { ...session, expiresAt: now + left } })
    t.equal(expiresIn, lifetime, `${left} ms left`)
    t.equal(Number(partsOf(token)[1]?.exp) - now / 1000, lifetime)
  }
})

t.test('gives the scopes of each role once and in order, and none for a role without', async (t) => {
  const app = await build(t, { environment: { ROLE_SCOPES: 'editor=write read;viewer=read' } })
  const scopeOf = (roles: string[]) => partsOf(app.tokens.issue({ user: userOf({ roles }), session }).token)[1]?.scope
  t.equal(scopeOf(['viewer', 'editor']), 'read write')
  t.equal(scopeOf(['viewer']), 'read')
  t.equal(scopeOf(['stranger', 'constructor']), '')
})
