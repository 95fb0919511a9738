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
