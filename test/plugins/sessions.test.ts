import t from 'tap'
import { alice, build, withAlice } from '../support/build.ts'

const start = Date.parse('2026-03-01T12:00:00Z')

t.test('begins a session at sign-in, with both of its lifetimes and where it came from', async (t) => {
  const server = await build(t, { now: () => start, environment: { CLIENT_ID: 'web', REFRESH_IDLE_TTL: '1h', REFRESH_ABSOLUTE_TTL: '2h' } })
  await withAlice(server)
  const reply = await server.inject({ method: 'POST', url: '/login', payload: alice, remoteAddress: '192.0.2.7', headers: { 'user-agent': 'curl/8' } })
  const rows = await server.database.queries.selectFrom('sessions').selectAll().execute()
  t.match(rows, [{
    id: /^[0-9a-f]{8}-[0-9a-f]{4}-7/, user_id: reply.json().user.id, client_id: 'web', counter: 0, created_at: start, rotated_at: start, last_used_at: start,
    idle_expires_at: start + 3_600_000, expires_at: start + 7_200_000, ip: '192.0.2.7', user_agent: 'curl/8'
  }])
  t.equal(reply.json().refresh_expires_in, 3600)
})

t.test('begins another at each sign-in', async (t) => {
  const server = await build(t)
  await withAlice(server)
  const replies = await Promise.all([1, 2, 3].map(() => server.inject({ method: 'POST', url: '/login', payload: alice })))
  t.equal(new Set(replies.map((reply) => reply.json().refresh_token)).size, 3)
  const rows = await server.database.queries.selectFrom('sessions').select('id').distinct().execute()
  t.equal(rows.length, 3)
})

t.test('keeps nothing from which a token could be made', async (t) => {
  const server = await build(t)
  await withAlice(server)
  const { refresh_token: token } = (await server.inject({ method: 'POST', url: '/login', payload: alice })).json()
  const proof = Buffer.from(token.slice(4), 'base64url').subarray(0, 32)
  const stored = JSON.stringify(await server.database.queries.selectFrom('sessions').selectAll().execute())
  for (const form of [token, token.slice(4, 30), proof.toString('hex'), proof.toString('base64')]) t.notOk(stored.includes(form))
})

t.test('begins no session where the transaction it belongs to goes back', async (t) => {
  const server = await build(t)
  await withAlice(server)
  const { id } = await server.users.findByLogin('alice') ?? { id: '' }
  const origin = { ip: '192.0.2.1', userAgent: null, requestId: 'r' }
  await t.rejects(server.database.transaction(async (queries) => {
    const session = await server.sessions.open(id, origin, queries)
    t.match(session, { clientId: 'gatehouse', refreshToken: /^gr1_/, refreshExpiresIn: 604_800 })
    throw new Error('no')
  }), { message: 'no' })
  t.same(await server.database.queries.selectFrom('sessions').selectAll().execute(), [])
})

t.test('ends every session of everybody, and says how many there were', async (t) => {
  const server = await build(t)
  await withAlice(server)
  for (let count = 0; count < 2; count++) await server.inject({ method: 'POST', url: '/login', payload: alice })
  t.equal(await server.sessions.endAll(), 2)
  t.equal(await server.sessions.endAll(), 0)
  t.same(await server.database.queries.selectFrom('sessions').selectAll().execute(), [])
})
