import t, { type Test } from 'tap'
import { administrator, root } from '../../support/administrator.ts'
import { build } from '../../support/build.ts'
import { call, createClock, signIn } from '../../support/calls.ts'

async function setUp (t: Test) {
  const clock = createClock()
  const server = await build(t, { now: clock.now })
  const { access_token: token } = await administrator(server)
  return { server, clock, token, ask: (what: string, payload?: object) => call(server, what, token, payload) }
}

const states = (reply: { json: () => { keys: Array<{ state: string }> } }) => reply.json().keys.map(({ state }) => state)

t.test('shows every key and where it stands, and nothing of its private part', async (t) => {
  const { ask } = await setUp(t)
  const reply = await ask('GET /admin/keys')
  t.equal(reply.statusCode, 200)
  const [active, next] = reply.json().keys
  t.match([active, next], [{ state: 'active', alg: 'ES256', ends_at: /^2026-.*Z$/ }, { state: 'next', signs_from: /Z$/ }])
  for (const key of [active, next]) t.strictSame(Object.keys(key), ['kid', 'alg', 'state', 'created_at', 'signs_from', 'ends_at'])
})

t.test('begins a change of keys, or signs with the next one at once', async (t) => {
  const { server, clock, ask } = await setUp(t)
  clock.turn(1)
  const begun = await ask('POST /admin/keys/rotate')
  t.equal(begun.statusCode, 202, 'without a body')
  t.strictSame(states(begun), ['active', 'next'])
  const before = begun.json().keys[0].kid
  const done = await ask('POST /admin/keys/rotate', { now: true })
  t.strictSame(states(done), ['retired', 'active', 'next'])
  t.equal(done.json().keys[0].kid, before)
  t.match((await call(server, 'GET /protected', (await signIn(server, root)).access_token)).statusCode, 200)
  for (const body of [{ now: 'true' }, { now: null }, { later: true }, { alg: 'none' }]) t.match((await ask('POST /admin/keys/rotate', body)).json(), { statusCode: 400, code: 'invalid_request' }, JSON.stringify(body))
})

t.test('revokes a key: it is gone, and so are its tokens', async (t) => {
  const { server, ask } = await setUp(t)
  const [{ kid }] = (await ask('GET /admin/keys')).json().keys
  t.equal((await ask('POST /admin/keys/nobody/revoke')).statusCode, 404)
  t.equal((await ask('POST /admin/keys/%00/revoke')).statusCode, 404)
  t.equal((await ask(`POST /admin/keys/${kid}/revoke`)).statusCode, 204)
  t.equal((await ask('GET /admin/keys')).statusCode, 401, 'the token was signed by it')
  const { access_token: token } = await signIn(server, root)
  t.notOk((await call(server, 'GET /admin/keys', token)).body.includes(kid))
  t.equal((await call(server, `POST /admin/keys/${kid}/revoke`, token)).statusCode, 404)
})
