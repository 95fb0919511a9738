import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { alice, aliceSignedIn, build } from '../../support/build.ts'
import { call, createClock, signIn, start } from '../../support/calls.ts'

interface Page { events: Array<Record<string, unknown>>, next_cursor: string | null }

/** alice is an administrator. */
async function withAdmin (t: Test, options: Parameters<typeof build>[1] = {}) {
  const server = await build(t, options)
  const { user } = await aliceSignedIn(server)
  await server.database.queries.insertInto('user_roles').values({ user_id: user.id, role: 'admin' }).execute()
  const { access_token: token } = await signIn(server)
  const ask = (query = '') => call(server, `GET /admin/audit${query}`, token)
  const page = async (query = ''): Promise<Page> => (await ask(query)).json()
  return { server, user, ask, page }
}

async function record (server: FastifyInstance, count: number, userId = 'u'): Promise<void> {
  for (let i = 1; i <= count; i++) await server.audit.record({ event: 'user_updated', userId, detail: { attributes: [`${i}`] } })
}

const numbers = ({ events }: Page) => events.map(({ detail }) => Number((detail as { attributes: string[] }).attributes[0]))

t.test('shows what happened, the newest first, as soon as the request for it was answered', async (t) => {
  const { server, user, ask } = await withAdmin(t)
  await server.inject({ method: 'POST', url: '/login', payload: { ...alice, password: 'not the password' }, remoteAddress: '192.0.2.7', headers: { 'x-request-id': 'request-7' } })
  const { statusCode, headers, body } = await ask()
  t.equal(statusCode, 200)
  t.equal(headers['cache-control'], 'no-store')
  const { events: [failed, signedIn], next_cursor: cursor } = JSON.parse(body) as Page
  t.equal(cursor, null)
  t.match(failed, { id: /^[0-9a-f]{8}-[0-9a-f]{4}-7/, at: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/ })
  const { id, at, ...rest } = failed ?? {}
  t.strictSame(rest, { event: 'authn_login_fail', user_id: user.id, actor: null, ip: '192.0.2.7', request_id: 'request-7', detail: null })
  t.match(signedIn, { event: 'authn_login_success', detail: { session_id: /^[0-9a-f-]{36}$/ } })
})

t.test('shows what was counted, too, as soon as the request for it was answered', async (t) => {
  const { server, page } = await withAdmin(t)
  for (const _ of Array(3)) await server.inject({ method: 'POST', url: '/register', payload: { username: 'bob', password: 'password1' } })
  t.match((await page()).events[0], { event: 'input_validation_fail', actor: null, detail: { field: 'password', count: 3 } })
})

t.test('names the administrator who did it, and where', async (t) => {
  const { server, user, page } = await withAdmin(t)
  const { access_token: token } = await signIn(server)
  const { client_id: id } = (await call(server, 'POST /admin/clients', token, { name: 'billing', scopes: ['read'] })).json()
  await call(server, `POST /admin/clients/${id}/secret`, token, { overlap: 60 })
  await call(server, `DELETE /admin/clients/${id}`, token)
  const { keys: [, next] } = (await call(server, 'POST /admin/keys/rotate', token, {})).json()
  await call(server, `POST /admin/keys/${next.kid}/revoke`, token)
  const { events } = await page('?limit=5')
  t.strictSame(events.map(({ event, detail }) => [event, detail]).reverse(), [
    ['sensitive_create', { object: 'client', client_id: id, scopes: ['read'] }], ['sensitive_update', { object: 'client_secret', client_id: id, overlap: 60 }], ['sensitive_delete', { object: 'client', client_id: id }],
    ['sensitive_update', { object: 'signing_key', rotated: true, now: false }], ['sensitive_delete', { object: 'signing_key', kid: next.kid }]
  ])
  for (const event of events) t.match(event, { actor: user.id, user_id: null, ip: '127.0.0.1', request_id: /./ })
})

t.test('is for administrators', async (t) => {
  const server = await build(t)
  const { access_token: token } = await aliceSignedIn(server)
  t.equal((await server.inject('/admin/audit')).statusCode, 401)
  t.match((await call(server, 'GET /admin/audit', token)).json(), { statusCode: 403, code: 'forbidden' })
})

t.test('shows those of one user, of one name and of some time', async (t) => {
  const clock = createClock()
  const { server, user, page } = await withAdmin(t, { now: clock.now })
  const before = countOf(await page(`?user_id=${user.id}`))
  t.equal(before, 3)
  clock.turn(60)
  await record(server, 2)
  clock.turn(60)
  await record(server, 3, user.id)
  const time = (seconds: number) => encodeURIComponent(new Date(start + seconds * 1000).toISOString())
  t.equal(countOf(await page(`?user_id=${user.id}`)), 6)
  t.equal(countOf(await page('?user_id=nobody')), 0)
  t.equal(countOf(await page('?event=user_updated')), 5)
  t.equal(countOf(await page('?event=no_such_event')), 0)
  t.equal(countOf(await page(`?event=user_updated&user_id=${user.id}`)), 3)
  t.equal(countOf(await page(`?from=${time(60)}`)), 5)
  t.equal(countOf(await page(`?from=${time(60.001)}`)), 3)
  t.equal(countOf(await page(`?to=${time(60)}`)), 5)
  t.equal(countOf(await page(`?to=${time(59.999)}`)), 3)
  t.equal(countOf(await page(`?from=${time(60)}&to=${time(60)}`)), 2)
  t.equal(countOf(await page(`?from=${encodeURIComponent('2026-03-01T14:01:00+02:00')}&to=2026-03-01t12:01:00z`)), 2, 'in any zone, in any case')
  t.equal(countOf(await page('?from=0001-01-01T00:00:00Z&to=9999-12-31T23:59:59Z')), 8)
})

t.test('gives pages that do not move while events come', async (t) => {
  const { server, page } = await withAdmin(t)
  await record(server, 55)
  const first = await page('?event=user_updated')
  t.strictSame(numbers(first), Array.from({ length: 50 }, (_, index) => 55 - index), '50 where nothing is said')
  await record(server, 7)
  const second = await page(`?event=user_updated&cursor=${first.next_cursor}`)
  t.strictSame(numbers(second), [5, 4, 3, 2, 1])
  t.equal(second.next_cursor, null)
  const whole = await page('?event=user_updated&limit=62')
  t.strictSame([whole.events.length, whole.next_cursor], [62, null], 'none follow where all fit')
  t.equal((await page('?limit=1')).events.length, 1)
  t.equal((await page('?limit=200')).events.length, 65)
})

t.test('shows the rest where somebody changed an entry into what cannot be read', async (t) => {
  const { server, page } = await withAdmin(t)
  const { queries } = server.database
  await record(server, 3)
  const wrong = [{ detail: '{' }, { detail: '[1]' }, { detail: '7', at: 9_000_000_000_000_000, place: 9_007_199_254_740_991 }]
  for (const [index, { id }] of (await page('?event=user_updated')).events.entries()) await queries.updateTable('audit_events').set(wrong[index] ?? {}).where('id', '=', String(id)).execute()
  const { events } = await page('?event=user_updated')
  t.strictSame(events.map(({ detail }) => detail), Array(3).fill({ unreadable: true }))
  t.equal(events[2]?.['at'], '1970-01-01T00:00:00.000Z')
  t.equal((await Array.fromAsync(server.audit.entries({ event: 'user_updated' }))).length, 3)
})

t.test('refuses what it does not know', async (t) => {
  const { ask } = await withAdmin(t)
  const wrong = ['limit=0', 'limit=201', 'limit=1.5', 'limit=x', 'limit=', 'cursor=', 'cursor=x', 'cursor=00000000-0000-0000-0000-000000000000', 'cursor=%00', 'user_id=', 'user_id=a%00b', 'user_id=a&user_id=b',
    'event=', 'event=DROP', 'event=a%00', 'from=', 'from=yesterday', 'from=2026-02-30T00:00:00Z', 'from=2026-13-01T00:00:00Z', 'from=2026-03-01', 'from=2026-03-01T00:00:00', 'to=2026-03-01T25:00:00Z', 'to=1', 'who=alice', 'userid=a', `user_id=${'a'.repeat(65)}`]
  for (const query of wrong) t.match((await ask(`?${query}`)).json(), { statusCode: 400, code: 'invalid_request' }, query)
})

function countOf ({ events }: Page): number {
  return events.length
}
