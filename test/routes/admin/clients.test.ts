import t, { type Test } from 'tap'
import { administrator } from '../../support/administrator.ts'
import { build } from '../../support/build.ts'
import { basic, call, createClock, post } from '../../support/calls.ts'

async function setUp (t: Test) {
  const clock = createClock()
  const server = await build(t, { now: clock.now })
  const { access_token: token } = await administrator(server)
  const ask = (what: string, payload?: object) => call(server, what, token, payload)
  const works = async (id: string, secret: string) => (await post(server, '/oauth/token', basic(id, secret), { grant_type: 'client_credentials' })).statusCode
  return { server, clock, ask, works }
}

t.test('registers a client, and tells its secret this once', async (t) => {
  const { ask, works } = await setUp(t)
  const made = await ask('POST /admin/clients', { name: 'billing', scopes: ['orders:write', 'orders:read'] })
  t.equal(made.statusCode, 201)
  t.equal(made.headers['cache-control'], 'no-store')
  const { client_id: id, client_secret: secret, ...rest } = made.json()
  t.strictSame(rest, { name: 'billing', scopes: ['orders:read', 'orders:write'], created_at: '2026-03-01T12:00:00.000Z' })
  t.equal(await works(id, secret), 200)
  t.strictSame((await ask('GET /admin/clients')).json(), { clients: [{ client_id: id, ...rest }] })
  t.match((await ask('POST /admin/clients', { name: 'no scopes' })).json(), { scopes: [] })
})

t.test('refuses a query that it does not know', async (t) => {
  const { ask } = await setUp(t)
  for (const what of ['GET /admin/clients', 'DELETE /admin/clients/nobody', 'GET /admin/keys', 'POST /admin/keys/rotate', 'GET /admin/users/nobody']) {
    t.match((await ask(`${what}?limit=1`)).json(), { statusCode: 400, code: 'invalid_request', message: 'querystring has a member that is not known here' }, what)
  }
})

t.test('refuses what makes no client', async (t) => {
  const { ask } = await setUp(t)
  for (const body of [undefined, {}, { name: '' }, { name: 'x'.repeat(101) }, { name: 1 }, { name: 'x', scopes: 'a b' }, { name: 'x', scopes: ['a b'] }, { name: 'x', scopes: [1] }, { name: 'x', id: 'y' }, { name: 'a\nb' }, { name: 'x', client_secret: 'mine' }]) {
    t.match((await ask('POST /admin/clients', body)).json(), { statusCode: 400, code: 'invalid_request' }, JSON.stringify(body))
  }
  t.strictSame((await ask('GET /admin/clients')).json(), { clients: [] })
})

t.test('gives a new secret at once, or beside the old one for a while', async (t) => {
  const { clock, ask, works } = await setUp(t)
  const { client_id: id, client_secret: first, ...rest } = (await ask('POST /admin/clients', { name: 'billing' })).json()
  const second = await ask(`POST /admin/clients/${id}/secret`)
  t.equal(second.statusCode, 200, 'without a body')
  const { client_secret: secret, ...same } = second.json()
  t.strictSame(same, { client_id: id, ...rest })
  t.strictSame([await works(id, first), await works(id, secret)], [401, 200])
  const third = (await ask(`POST /admin/clients/${id}/secret`, { overlap: 60 })).json().client_secret
  t.strictSame([await works(id, secret), await works(id, third)], [200, 200])
  clock.turn(60)
  t.strictSame([await works(id, secret), await works(id, third)], [401, 200])
  t.equal((await ask(`POST /admin/clients/${id}/secret`, { overlap: 604_800 })).statusCode, 200)
  for (const body of [{ overlap: -1 }, { overlap: 604_801 }, { overlap: 1.5 }, { overlap: '60' }, { overlap: null }, { secret: 'x' }]) t.match((await ask(`POST /admin/clients/${id}/secret`, body)).json(), { statusCode: 400, code: 'invalid_request' }, JSON.stringify(body))
})

t.test('deletes a client, with its tokens, and knows none by another id', async (t) => {
  const { server, ask, works } = await setUp(t)
  const { client_id: id, client_secret: secret } = (await ask('POST /admin/clients', { name: 'billing' })).json()
  const { access_token: token } = (await post(server, '/oauth/token', basic(id, secret), { grant_type: 'client_credentials' })).json()
  t.equal((await call(server, 'GET /verify', token)).statusCode, 200)
  t.equal((await ask(`DELETE /admin/clients/${id}`)).statusCode, 204)
  t.strictSame([(await call(server, 'GET /verify', token)).statusCode, await works(id, secret)], [401, 401])
  for (const gone of [id, 'nobody', '%00', '019aaf3e-7c1c-7c3e-9a53-0d2f6c1b2a3d']) {
    t.match((await ask(`DELETE /admin/clients/${gone}`)).json(), { statusCode: 404, code: 'not_found' }, gone)
    t.match((await ask(`POST /admin/clients/${gone}/secret`)).json(), { statusCode: 404, code: 'not_found' }, gone)
  }
})
