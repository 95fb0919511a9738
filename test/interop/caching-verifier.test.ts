import { randomUUID } from 'node:crypto'
import Fastify from 'fastify'
import t from 'tap'
import verifier from '../../verifier.ts'
import { build } from '../support/build.ts'
import { issuer } from '../support/service.ts'
import { readSegment } from '../support/target.ts'

t.setTimeout(120_000)

const seconds = 1000
/** What the key set is published for. */
const maxAge = 300 * seconds

function kidOf (token: string): string {
  return String(readSegment(token, 0).kid)
}

t.test('never meets an unknown key over three rotations while it keeps the set for its max-age', async (t) => {
  const clock = { now: 1_763_939_500_000 }
  const service = await build(t, { now: () => clock.now, environment: { PUBLIC_URL: issuer, KEY_ROTATION: '4h', KEY_LEAD: '1h', REVOCATION_MAX_LAG: '1h' } })
  const readings: number[] = []
  const host = Fastify()
  t.teardown(() => host.close())
  await host.register(verifier, {
    issuer,
    audience: 'api',
    now: () => clock.now,
    async fetch (address) {
      if (`${address}`.endsWith('/jwks.json')) readings.push(clock.now)
      const { body, headers } = await service.inject(`${address}`.slice(issuer.length))
      return new Response(body, { headers: headers as Record<string, string> })
    }
  })
  host.get('/guarded', { config: { access: 'user' } }, async ({ identity }) => identity.username)
  const user = { id: randomUUID(), username: 'alice', email: null, passwordHash: null, disabled: false, roles: [], createdAt: 0 }
  const session = { id: randomUUID(), clientId: 'gatehouse', expiresAt: Number.POSITIVE_INFINITY }
  const signers = new Set<string>()
  const refused: string[] = []
  for (let moment = 0; moment < 660; moment++) {
    clock.now += 70 * seconds
    await service.jobs.run('keys')
    for (let i = 0; i < 3; i++) {
      const { token } = service.tokens.issue({ user, session })
      signers.add(kidOf(token))
      const { statusCode } = await host.inject({ url: '/guarded', headers: { authorization: `Bearer ${token}` } })
      if (statusCode !== 200) refused.push(`${moment}: ${statusCode}`)
    }
  }
  t.strictSame(refused, [])
  t.equal(signers.size, 4)
  t.ok(readings.length > 100, `${readings.length} readings`)
  t.strictSame(readings.filter((at, index) => index > 0 && at - (readings[index - 1] as number) < maxAge), [], 'it read the set when it went stale, and never looked for a key')
})
