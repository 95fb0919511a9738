import t from 'tap'
import { alice } from '../support/build.ts'
import { beside } from '../support/cli.ts'
import { command } from '../support/command.ts'
import { startService } from '../support/service.ts'
import { until } from '../support/until.ts'

// A service is a process of its own: it takes seconds where the machine is busy.
t.setTimeout(600_000)

t.test('ends sessions of one or of all beside a running service, which refuses them soon', async (t) => {
  const service = await startService(t)
  const post = (path: string, payload: object) => fetch(service.url + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(payload) })
  const bob = { ...alice, username: 'bob' }
  for (const who of [alice, bob]) await post('/register', who)
  const signIn = async (who: typeof alice) => await (await post('/login', who)).json() as { access_token: string, refresh_token: string }
  const worth = async ({ access_token: token }: { access_token: string }) => {
    const { status, body } = await fetch(`${service.url}/protected`, { headers: { authorization: `Bearer ${token}` } })
    await body?.cancel()
    return status
  }
  const [hers, his] = [await signIn(alice), await signIn(bob)]

  t.strictSame(await command(beside(service), 'sessions', 'revoke', 'alice', '--json'), { code: 0, out: '{"ended":1}\n', err: '' })
  await until(async () => await worth(hers) === 401)
  t.equal(await worth(his), 200)

  const time = new Date().toISOString()
  const again = await signIn(alice)
  t.strictSame(await command(beside(service), 'sessions', 'revoke', '--before', time), { code: 0, out: 'Sessions ended: 1.\n', err: '' })
  await until(async () => await worth(his) === 401)
  t.equal((await post('/refresh', { refresh_token: his.refresh_token })).status, 401)
  t.equal(await worth(again), 200, 'begun later')
  t.equal(await worth(await signIn(bob)), 200)

  const wrong = [[1, 'nobody'], [1, '--before', '2999-01-01T00:00:00Z'], [2], [2, 'alice', '--before', time], [2, '--before', 'yesterday'], [2, '--before', '2026-13-01T00:00:00Z']] as const
  const refusals = await Promise.all(wrong.map(([_, ...args]) => command(beside(service), 'sessions', 'revoke', ...args)))
  for (const [index, [code, ...args]] of wrong.entries()) {
    t.match(refusals[index], { code, out: '', err: code === 1 ? /^gatehouse: [^\n]+\n$/ : /Usage:/ }, args.join(' '))
  }
  t.equal(await worth(again), 200, 'nothing else ended')
})
