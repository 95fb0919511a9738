import t from 'tap'
import { build } from '../support/build.ts'
import { basic, clientToken, createClock, post, registerClient, start } from '../support/calls.ts'

const origin = { ip: '192.0.2.1', network: '192.0.2.1', userAgent: null, requestId: 'r', signal: new AbortController().signal }

t.test('registers a client, tells its secret this once and keeps a digest', async (t) => {
  const server = await build(t, { now: () => start })
  const { client, secret } = await server.clients.create('Billing – nightly', ['orders:read', 'a', 'orders:read'])
  t.match(client.id, /^[0-9a-f]{8}-[0-9a-f]{4}-7/)
  t.strictSame(client, { id: client.id, name: 'Billing – nightly', scopes: ['a', 'orders:read'], createdAt: start })
  t.strictSame(await server.clients.list(), [client])
  t.notOk(JSON.stringify(await server.database.queries.selectFrom('clients').selectAll().execute()).includes(secret))
  t.strictSame(await server.clients.authenticate(basic(client.id, secret), origin), client)
})

t.test('refuses names and scopes that are not well-formed', async (t) => {
  const server = await build(t)
  for (const name of ['', 'x'.repeat(101), 'a\0b', 'a\nb', 'a\ud800b', '\u007f', ' ', '\u00a0\u3000', 'a\u202eb', 'a\u200bb', '\ufeff']) await t.rejects(server.clients.create(name, []), { code: 'invalid_request' }, JSON.stringify(name))
  for (const scope of ['', 'a b', '"', '\\', 'é', 'x'.repeat(65), 'a\n']) await t.rejects(server.clients.create('billing', [scope]), { code: 'invalid_request' }, JSON.stringify(scope))
  await t.rejects(server.clients.create('billing', Array.from({ length: 9 }, (_, index) => `${index}`.repeat(60))), { code: 'invalid_request' }, 'too many')
  t.strictSame(await server.clients.list(), [])
  await t.resolves(server.clients.create('x'.repeat(100), Array.from({ length: 8 }, (_, index) => `${index}`.repeat(index === 0 ? 62 : 63)).concat('!')))
})

t.test('authenticates nobody by anything else', async (t) => {
  const server = await build(t)
  const [one, other] = [await registerClient(server), await registerClient(server)]
  for (const header of [undefined, '', 'Basic', `Bearer ${one.secret}`, basic(one.id, other.secret), basic(one.id, ''), basic('', one.secret), basic(one.id, `${one.secret}x`), basic(one.id.toUpperCase(), one.secret), basic('nobody', one.secret), basic('billing', one.secret)]) {
    t.equal(await server.clients.authenticate(header, origin), null, String(header))
  }
})

t.test('records a wrong secret as a guess at the client, by nobody', async (t) => {
  const server = await build(t)
  const { id, secret } = await registerClient(server)
  for (let guess = 0; guess < 40; guess++) await server.clients.authenticate(basic(id, `${secret}x`), origin).catch(({ code }) => t.equal(code, 'too_many_attempts'))
  await server.clients.authenticate(basic('nobody', secret), { ...origin, network: '192.0.2.9' })
  const { events } = await server.audit.list({ limit: 200 })
  const told = events.filter(({ event }) => event === 'authn_login_fail' || event === 'excess_rate_limit_exceeded')
  t.match(told[0], { event: 'excess_rate_limit_exceeded', user_id: null, actor: null, ip: '192.0.2.1', detail: { limit: 'account', client_id: id, count: 41 - told.length } })
  t.ok(told.length > 2)
  for (const { actor, user_id: userId, detail, event } of told.slice(1)) t.strictSame({ actor, userId, detail, event }, { actor: null, userId: null, detail: { client_id: id }, event: 'authn_login_fail' })
})

t.test('gives a new secret, and lets the old one go at once or after an overlap', async (t) => {
  const clock = createClock()
  const server = await build(t, { now: clock.now })
  const { id, secret: first } = await registerClient(server)
  const good = async (...secrets: string[]) => Promise.all(secrets.map(async (secret) => await server.clients.authenticate(basic(id, secret), origin) !== null))
  const { secret: second } = await server.clients.rotate(id, 0)
  t.strictSame(await good(first, second), [false, true])
  const { secret: third } = await server.clients.rotate(id, 60)
  t.strictSame(await good(first, second, third), [false, true, true])
  clock.turn(59)
  t.strictSame(await good(second, third), [true, true])
  clock.turn(1)
  t.strictSame(await good(second, third), [false, true])
  const { secret: fourth } = await server.clients.rotate(id, 604_800)
  const { secret: fifth } = await server.clients.rotate(id, 604_800)
  t.strictSame(await good(third, fourth, fifth), [false, true, true], 'two at most')
})

t.test('refuses overlaps that are none, and ids of nobody', async (t) => {
  const server = await build(t)
  const { id } = await registerClient(server)
  for (const overlap of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 604_801]) await t.rejects(server.clients.rotate(id, overlap), { code: 'invalid_request' }, String(overlap))
  await t.rejects(server.clients.rotate('nobody', 0), { code: 'not_found', message: 'There is no such client' })
  await t.rejects(server.clients.remove('nobody'), { code: 'not_found' })
})

t.test('ends a client\'s own tokens with the client, at once, and no other\'s', async (t) => {
  const server = await build(t)
  const [one, other] = [await registerClient(server), await registerClient(server)]
  const [token, stays] = [await clientToken(server, one), await clientToken(server, other)]
  const active = async (text: string) => (await post(server, '/oauth/introspect', other.basic, { token: text })).json().active
  t.strictSame([await active(token), await active(stays)], [true, true])
  await server.clients.remove(one.id)
  t.strictSame([await active(token), await active(stays)], [false, true])
  t.equal(await server.clients.authenticate(one.basic, origin), null)
  t.equal((await server.inject({ url: '/protected', headers: { authorization: `Bearer ${token}` } })).json().code, 'invalid_token')
})
