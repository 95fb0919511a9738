import t from 'tap'
import { alice, aliceSignedIn, build } from '../support/build.ts'

type Line = Record<string, unknown>

const from = { remoteAddress: '192.0.2.7', headers: { 'x-request-id': 'request-7' } }

async function auditedBy (t: Parameters<typeof build>[0], calls: Array<{ url: string, payload: object }>): Promise<Line[]> {
  const log: Line[] = []
  const server = await build(t, { log })
  for (const call of calls) await server.inject({ method: 'POST', ...call, ...from })
  return log.filter(({ msg }) => msg === 'audit')
}

t.test('records who did what, when and from where, in words of the logging vocabulary', async (t) => {
  const lines = await auditedBy(t, [
    { url: '/register', payload: alice },
    { url: '/login', payload: alice },
    { url: '/login', payload: { ...alice, password: 'not the password' } },
    { url: '/login', payload: { ...alice, username: 'nobody' } }
  ])
  t.same(lines.map(({ event }) => event), ['user_created', 'authn_login_success', 'authn_login_fail', 'authn_login_fail'])
  const [{ user_id: id } = {}] = lines
  t.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7/)
  t.same(lines.map(({ user_id: userId }) => userId), [id, id, id, null])
  for (const line of lines) {
    t.match(line, { ip: '192.0.2.7', reqId: 'request-7', level: 30 })
    t.match(line.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  }
})

t.test('records nothing for what was refused before it was tried', async (t) => {
  t.same(await auditedBy(t, [{ url: '/register', payload: { username: 'alice' } }, { url: '/login', payload: { password: 'x' } }]), [])
})

t.test('never names what was typed', async (t) => {
  const lines = await auditedBy(t, [{ url: '/login', payload: { username: 'a password by mistake', password: 'another one' } }])
  t.equal(lines.length, 1)
  t.notMatch(JSON.stringify(lines), /mistake|another one/)
})

t.test('counts refusals by where they come from, and writes one line a minute for each', async (t) => {
  const log: Line[] = []
  const server = await build(t, { log, environment: { REGISTER_LIMIT: '2/1m' } })
  const register = (remoteAddress: string, password: string) => server.inject({ method: 'POST', url: '/register', payload: { ...alice, password }, remoteAddress })
  for (const _ of Array(5)) await register('192.0.2.1', 'password1')
  for (const _ of Array(4)) await register('192.0.2.2', 'password1')
  const audited = () => log.filter(({ msg }) => msg === 'audit').map(({ event, ip, detail: { limit, field, count } = {} }: Line & { detail?: Line }) => [event, ip, limit ?? field, count])
  t.same(audited(), [])
  await server.jobs.run('audit')
  const expected = [
    ['excess_rate_limit_exceeded', '192.0.2.1', 'register', 3], ['excess_rate_limit_exceeded', '192.0.2.2', 'register', 2],
    ['input_validation_fail', '192.0.2.1', 'password', 2], ['input_validation_fail', '192.0.2.2', 'password', 2]
  ]
  t.same(audited().sort(), expected)
  await server.jobs.run('audit')
  t.equal(audited().length, 4)
  await register('192.0.2.2', 'password1')
  await server.close()
  t.equal(audited().length, 5, 'also at the end')
})

t.test('writes an event down in the transaction of what it tells of, and the log once that is committed', async (t) => {
  const log: Line[] = []
  const server = await build(t, { log })
  const lines = () => log.filter(({ msg }) => msg === 'audit').length
  const write = (fails: boolean) => server.database.transaction(async (queries) => {
    await server.audit.record({ event: 'user_updated', userId: 'u', detail: { attributes: ['email'] } }, queries)
    t.equal(lines(), 0)
    if (fails) throw new Error('no')
  })
  await t.rejects(write(true))
  t.strictSame(await server.database.queries.selectFrom('audit_events').selectAll().execute(), [])
  await write(false)
  t.match(await server.database.queries.selectFrom('audit_events').selectAll().execute(), [{ event: 'user_updated', user_id: 'u', actor: 'cli', ip: null, request_id: null, detail: '{"attributes":["email"]}' }])
  t.equal(lines(), 1)
})

t.test('has an entry for each case, told from whom, where and what', async (t) => {
  const server = await build(t)
  const { access_token: token, refresh_token: refreshToken, user } = await aliceSignedIn(server)
  const call = (method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', url: string, payload?: object) => server.inject({ method, url, headers: { authorization: `Bearer ${token}` }, ...payload === undefined ? {} : { payload }, ...{ remoteAddress: '192.0.2.7' } })
  await call('POST', '/login', { ...alice, password: 'not the password' })
  await call('POST', '/refresh', { refresh_token: refreshToken })
  await call('PATCH', '/me', { email: 'alice@example.org', password: alice.password })
  await call('PUT', '/me/password', { current_password: alice.password, new_password: 'another horse battery' })
  await call('POST', '/logout?scope=others')
  await call('DELETE', '/me', { password: 'another horse battery' })
  const rows = await server.database.queries.selectFrom('audit_events').selectAll().orderBy('id').execute()
  const { sid } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
  t.strictSame(rows.map(({ event, user_id: userId, actor, detail }) => [event, userId, actor, JSON.parse(detail ?? 'null')]), [
    ['user_created', null], ['authn_login_success', { session_id: sid }], ['authn_login_fail', null], ['authn_token_created', { session_id: sid }],
    ['user_updated', { attributes: ['email'] }], ['authn_password_change', null], ['authn_token_revoked', { scope: 'others', session_id: sid }], ['user_deleted', null]
  ].map(([event, detail]) => [event, user.id, event === 'authn_login_fail' ? null : user.id, detail]), 'whoever guesses is nobody')
  t.notMatch(JSON.stringify(rows), /horse|example\.org/)
})

t.test('reads all that was recorded, by pages', async (t) => {
  const server = await build(t)
  await server.database.transaction(async (queries) => {
    for (let i = 0; i < 2000; i++) await server.audit.record({ event: 'user_updated', userId: `u${i % 2}` }, queries)
  })
  const read = async (filter: Parameters<typeof server.audit.entries>[0]) => {
    const ids: string[] = []
    for await (const { id } of server.audit.entries(filter)) ids.push(id)
    return ids
  }
  const all = await read({})
  t.equal(new Set(all).size, 2000)
  t.strictSame(all.toSorted(), all)
  t.equal((await read({ userId: 'u1' })).length, 1000)
})
