import t from 'tap'
import { beside } from '../support/cli.ts'
import { command, commandWith, done } from '../support/command.ts'
import { startService } from '../support/service.ts'
import { until } from '../support/until.ts'
import { visitorOf } from '../support/visitor.ts'

// A service is a process of its own: it takes seconds where the machine is busy.
t.setTimeout(600_000)

t.test('registers, lists, rotates and deletes clients beside a running service', async (t) => {
  const service = await startService(t)
  const environment = beside(service)
  const { visit, grant } = visitorOf(service)
  const created = JSON.parse(done(t, await command(environment, 'clients', 'create', 'Billing', '--scope', 'orders:write', '--scope', 'orders:read', '--json'), 'create'))
  t.strictSame(Object.keys(created), ['client_id', 'client_secret', 'name', 'scopes', 'created_at'])
  t.match(created, { client_id: /^[0-9a-f-]{36}$/, client_secret: /^[\w-]{43}$/, name: 'Billing', created_at: /^\d{4}-\d\d-\d\dT[\d:.]+Z$/ })
  t.strictSame(created.scopes, ['orders:read', 'orders:write'])
  const { status, token } = await grant(created.client_id, created.client_secret)
  t.equal(status, 200)

  const plain = done(t, await commandWith({ environment, columns: 20 }, 'clients', 'create', 'plain'), 'create for people')
  t.match(plain, /^client_id +[0-9a-f-]{36}\nclient_secret +[\w-]{43}\nname +plain\nscopes\ncreated_at +\S+Z\n$/, 'nothing is cut, however narrow the terminal')
  const { client_secret: _, ...shown } = created
  const listed = done(t, await command(environment, 'clients', 'list', '--json'), 'list')
  t.match(JSON.parse(listed), { clients: [shown, { name: 'plain', scopes: [] }] })
  t.notMatch(listed, created.client_secret)
  const [head, row] = done(t, await command(environment, 'clients', 'list'), 'list for people').split('\n')
  t.match(head, /^client_id +name +created_at +scopes$/)
  t.strictSame(row?.split(/ {2,}/), [created.client_id, 'Billing', created.created_at, 'orders:read orders:write'])

  const statuses = async (...secrets: Array<{ client_secret: string }>) => (await Promise.all(secrets.map(({ client_secret: secret }) => grant(created.client_id, secret)))).map(({ status }) => status)
  const rotated = JSON.parse(done(t, await command(environment, 'clients', 'rotate', created.client_id, '--overlap', '600', '--json'), 'rotate'))
  t.match(rotated, { ...shown, client_secret: /^[\w-]{43}$/ })
  t.strictSame(await statuses(created, rotated), [200, 200])
  const last = JSON.parse(done(t, await command(environment, 'clients', 'rotate', created.client_id, '--json'), 'rotate at once'))
  t.strictSame(await statuses(created, rotated, last), [401, 401, 200])

  t.equal(await visit(token), 403)
  t.equal(done(t, await command(environment, 'clients', 'delete', created.client_id), 'delete'), 'The client is gone.\n')
  await until(async () => await visit(token) === 401)
  t.strictSame(await statuses(last), [401])
  for (const args of [['delete', created.client_id], ['rotate', created.client_id]]) {
    t.match(await command(environment, 'clients', ...args), { code: 1, out: '', err: /^gatehouse: [^\n]+\n$/ }, args.join(' '))
  }
  for (const args of [[], [''], ['x', '--scope', 'a b']]) t.match(await command(environment, 'clients', 'create', ...args), { code: 2, out: '' }, args.join(' '))
  for (const overlap of ['', 'long', '0x10', '1e3', ' 1', '1.0', '-1', '604801']) t.match(await command(environment, 'clients', 'rotate', created.client_id, '--overlap', overlap), { code: 2, out: '' }, overlap)
})
