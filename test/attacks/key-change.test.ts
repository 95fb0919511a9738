import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import t from 'tap'
import type { TokenReply } from '../../schemas/login.ts'
import { alice, build, withAlice } from '../support/build.ts'
import { issuer } from '../support/service.ts'

const minute = 60_000
const hour = 60 * minute
const tokens = 2000

t.test(`M230 a client that keeps the key set for as long as it may verifies all of ${tokens} tokens while keys change`, async (t) => {
  const clock = { now: Date.parse('2026-03-01T12:00:00Z') }
  const app = await build(t, { now: () => clock.now, environment: { KEY_ROTATION: '45m', KEY_LEAD: '15m', REVOCATION_MAX_LAG: '1h' } })
  await withAlice(app)
  const { user } = (await app.inject({ method: 'POST', url: '/login', payload: alice })).json<TokenReply>()
  const session = { id: '0190a000-0000-7000-8000-000000000000', clientId: 'gatehouse', expiresAt: clock.now + 1000 * hour }
  const published = new Map<string, number>()
  const signed = new Map<string, number>()
  const waiting: Array<{ token: string, until: number }> = []
  let cached: { verify: ReturnType<typeof createLocalJWKSet>, until: number } = { verify: createLocalJWKSet({ keys: [] }), until: 0 }
  let failures = 0
  let first = ''

  async function verify (token: string): Promise<void> {
    if (clock.now >= cached.until) {
      const reply = await app.inject('/.well-known/jwks.json')
      const keys = reply.json<JSONWebKeySet>()
      const [, maxAge] = /max-age=(\d+)/.exec(String(reply.headers['cache-control'])) ?? []
      for (const { kid = '' } of keys.keys) if (!published.has(kid)) published.set(kid, clock.now)
      cached = { verify: createLocalJWKSet(keys), until: clock.now + Number(maxAge) * 1000 }
    }
    await jwtVerify(token, cached.verify, { issuer, audience: 'api', currentDate: new Date(clock.now) }).catch(() => { failures++ })
  }

  for (let i = 0; i < tokens; i++) {
    clock.now += 10_000
    if (i % 6 === 0) await app.jobs.run('keys')
    const { token } = app.tokens.issue({ user, session })
    const kid: string = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid
    first ||= kid
    if (!signed.has(kid)) signed.set(kid, clock.now)
    waiting.push({ token, until: clock.now + 10 * minute })
    await verify(token)
    // Every token once more in its last seconds, by the service itself.
    while ((waiting[0]?.until ?? Number.POSITIVE_INFINITY) <= clock.now + 20_000) {
      if (app.tokens.inspect(waiting.shift()?.token ?? '') === null) failures++
    }
  }
  t.equal(failures, 0)
  t.ok(signed.size >= 5, `${signed.size} keys signed`)
  t.same([...signed].filter(([kid, at]) => kid !== first && at - (published.get(kid) ?? at) < 300_000), [], 'each was published for the time of a cache before')
})
