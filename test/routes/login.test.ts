import t from 'tap'
import { alice, build, withAlice } from '../support/build.ts'

const start = Date.parse('2026-03-01T12:00:00Z')

t.test('answers with both tokens, how long they live, and the user', async (t) => {
  const server = await build(t, { now: () => start, environment: { ACCESS_TOKEN_TTL: '5m' } })
  await withAlice(server)
  const reply = await server.inject({ method: 'POST', url: '/login', payload: alice })
  t.equal(reply.statusCode, 200)
  t.match(reply.headers, { 'cache-control': 'no-store', 'content-type': 'application/json; charset=utf-8' })
  const { access_token: token, refresh_token: refresh, user, ...rest } = reply.json()
  t.match(token, /^[\w-]+\.[\w-]+\.[\w-]+$/)
  t.match(refresh, /^gr1_/)
  t.strictSame(rest, { token_type: 'Bearer', expires_in: 300, refresh_expires_in: 604_800 })
  t.strictSame(user, { id: user.id, username: 'alice', email: null, roles: [], created_at: '2026-03-01T12:00:00.000Z' })
})

t.test('answers a wrong password and an unknown user alike', async (t) => {
  const server = await build(t)
  await withAlice(server)
  const [wrong, unknown] = await Promise.all([
    server.inject({ method: 'POST', url: '/login', payload: { ...alice, password: 'not the password' } }),
    server.inject({ method: 'POST', url: '/login', payload: { ...alice, username: 'nobody' } })
  ])
  t.equal(wrong.statusCode, 401)
  t.match(wrong.json(), { message: 'Invalid username or password' })
  t.equal(unknown.body, wrong.body)
  t.equal(wrong.headers['www-authenticate'], undefined)
})

t.test('knows no least length, and the limits of a request', async (t) => {
  const server = await build(t)
  const login = (payload: object) => server.inject({ method: 'POST', url: '/login', payload })
  for (const payload of [{ username: 'x', password: '' }, { username: 'x'.repeat(254), password: 'x' }, { username: 'not a@ name', password: 'x'.repeat(128) }]) t.equal((await login(payload)).statusCode, 401, JSON.stringify(payload).slice(0, 40))
  for (const payload of [{}, { username: 'alice' }, { username: '', password: 'x' }, { username: 'x'.repeat(255), password: 'x' }, { username: 'a\0b', password: 'x' }, { username: 'a\nb', password: 'x' }, { username: 'a\ud800b', password: 'x' }, { ...alice, password: 'x'.repeat(129) }, { ...alice, password: null }, { ...alice, remember: true }]) {
    t.equal((await login(payload)).json().code, 'invalid_request', JSON.stringify(payload).slice(0, 40))
  }
})
