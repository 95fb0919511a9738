import t from 'tap'
import { alice, build } from '../support/build.ts'

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
  const audited = () => log.filter(({ msg }) => msg === 'audit').map(({ event, ip, limit, field, count }) => [event, ip, limit ?? field, count])
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
