import t from 'tap'
import { aliceSignedIn, build } from '../support/build.ts'

t.test('greets who is signed in', async (t) => {
  const server = await build(t)
  const { access_token: token } = await aliceSignedIn(server)
  const reply = await server.inject({ url: '/protected', headers: { authorization: `Bearer ${token}` } })
  t.equal(reply.statusCode, 200)
  t.same(reply.json(), { message: 'Hello, alice! This is a protected resource.' })
})

t.test('greets nobody else, by any method', async (t) => {
  const server = await build(t)
  const { access_token: token } = await aliceSignedIn(server)
  t.equal((await server.inject('/protected')).json().code, 'missing_token')
  t.equal((await server.inject({ url: `/protected?access_token=${token}` })).json().code, 'missing_token', 'a token in the address is none')
  for (const method of ['HEAD', 'POST', 'DELETE'] as const) t.equal((await server.inject({ method, url: '/protected', headers: { authorization: `Bearer ${token}` } })).statusCode, 405, method)
})

t.test('lets a token die when its time is over', async (t) => {
  let now = Date.parse('2026-03-01T12:00:00Z')
  const server = await build(t, { now: () => now, environment: { ACCESS_TOKEN_TTL: '10m', CLOCK_SKEW: '5s' } })
  const { access_token: token } = await aliceSignedIn(server)
  const visit = () => server.inject({ url: '/protected', headers: { authorization: `Bearer ${token}` } })
  now += 600_000
  t.equal((await visit()).statusCode, 200, 'within the skew')
  now += 6000
  t.equal((await visit()).json().code, 'invalid_token')
})
