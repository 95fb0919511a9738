import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { alice, build } from '../support/build.ts'
import { refreshed, worth } from '../support/calls.ts'
import { beside } from '../support/cli.ts'
import { command } from '../support/command.ts'
import { startService } from '../support/service.ts'
import { until } from '../support/until.ts'

// A service is a process of its own: it takes seconds where the machine is busy.
t.setTimeout(600_000)

t.test('backs up beside a service that registers meanwhile; all that was acknowledged before is in it', async (t) => {
  const service = await startService(t)
  const post = (path: string, payload: object) => fetch(service.url + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(payload) })
  const acknowledged: string[] = []
  let going = true
  const register = async (worker: number) => {
    for (let count = 0; going; count++) {
      const username = `user-${worker}-${count}`
      const { status } = await post('/register', { ...alice, username })
      t.equal(status, 201)
      acknowledged.push(username)
    }
  }
  const load = Promise.all([1, 2].map(register))
  await until(() => acknowledged.length >= 4)
  const pair = await (await post('/login', { ...alice, username: acknowledged[0] })).json() as { access_token: string, refresh_token: string }

  const before = [...acknowledged]
  const file = join(service.folder, 'copy.db')
  const ran = await command(beside(service), 'backup', file)
  t.strictSame(ran, { code: 0, out: `The backup is ${file}.\n`, err: '' })
  await until(() => acknowledged.length > before.length + 2)
  going = false
  await load

  t.equal(statSync(file).mode & 0o777, 0o600)
  const copy = new DatabaseSync(file, { readOnly: true })
  t.equal(copy.prepare('pragma integrity_check').get()?.integrity_check, 'ok')
  const kept = new Set(copy.prepare('select username from users').all().map(({ username }) => String(username)))
  copy.close()
  t.strictSame(before.filter((username) => !kept.has(username)), [])

  const bytes = readFileSync(file)
  const [again, nowhere, misused] = await Promise.all([
    command(beside(service), 'backup', file),
    command({ ...beside(service), DATABASE_URL: `sqlite:${join(service.folder, 'another.db')}` }, 'backup', join(service.folder, 'second.db')),
    command(beside(service), 'backup')
  ])
  t.match(again, { code: 1, out: '', err: /^gatehouse: [^\n]+copy\.db is there already[^\n]+\n$/ })
  t.ok(bytes.equals(readFileSync(file)))
  t.match(nowhere, { code: 1, out: '', err: /^gatehouse: There is no database at [^\n]+\n$/ })
  t.match(misused, { code: 2, out: '', err: /Usage:/ })

  await t.rejects(build(t, { environment: { DATABASE_URL: `sqlite:${file}` } }), { message: /copy\.db\.secret is missing/ }, 'the secret is not in it')
  const restored = await build(t, { environment: { ...beside(service), DATABASE_URL: `sqlite:${file}` } })
  t.equal(await worth(restored, pair), 200)
  await refreshed(restored, pair.refresh_token)
})
