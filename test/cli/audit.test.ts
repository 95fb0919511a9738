import { DatabaseSync } from 'node:sqlite'
import { Writable } from 'node:stream'
import t, { type Test } from 'tap'
import { run } from '../../cli/program.ts'
import { alone, command, commandWith, done } from '../support/command.ts'

/** Commands that leave events, on a database of their own. */
async function withEvents (t: Test) {
  const environment = alone(t)
  const { client_id: id } = JSON.parse(done(t, await command(environment, 'clients', 'create', 'billing', '--json'), 'create')) as { client_id: string }
  done(t, await command(environment, 'clients', 'rotate', id), 'rotate')
  done(t, await command(environment, 'clients', 'delete', id), 'delete')
  return { environment, id, file: (environment['DATABASE_URL'] as string).slice('sqlite:'.length) }
}

const linesOf = (out: string) => out.trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>)

t.test('says that the chain is what was written, and up to where', async (t) => {
  const { environment } = await withEvents(t)
  t.match(done(t, await command(environment, 'audit', 'verify'), 'verify'), /^The 3 entries from place 1 to 3 are those that were written; signed at \d{4}-\S+Z\.\nThe head is 3:[\w-]{43}\.\n$/)
  const report = JSON.parse(done(t, await command(environment, 'audit', 'verify', '--json'), 'as JSON'))
  t.match(report, { entries: 3, after: 0, head: { place: 3, digest: /^[\w-]{43}$/, signed_at: /Z$/, kid: /./ }, waiting: 0, faults: [], more: 0 })
})

t.test('finds a chain that was cut back, by the head that was told, and one that is gone', async (t) => {
  const { environment, file } = await withEvents(t)
  const [, head = ''] = /The head is (\S+)\.\n/.exec(done(t, await command(environment, 'audit', 'verify'), 'before')) ?? []
  done(t, await command(environment, 'audit', 'verify', '--head', head), 'the head that is there')
  for (const [other, what] of [[head.replace('3:', '4:'), /At place 4 the chain ends, and was told to go up to place 4/], [`3:${'A'.repeat(43)}`, /At place 3 there is another digest than was told/]] as const) {
    t.match(await command(environment, 'audit', 'verify', '--head', other), { code: 1, err: what })
  }
  for (const none of ['', '3', head.slice(2), `0:${head.slice(2)}`, `${head}A`]) t.match(await command(environment, 'audit', 'verify', '--head', none), { code: 2, out: '' }, none)
  const database = new DatabaseSync(file)
  t.teardown(() => database.close())
  database.exec('delete from audit_events; delete from audit_heads')
  t.match(await command(environment, 'audit', 'verify'), { code: 1, err: /At place 0 there is no entry, no head and no start, but keys that have signed heads/ })
  done(t, await commandWith({ environment, input: '{"username":"alice"}' }, 'users', 'import', '-'), 'import')
  database.exec('delete from audit_events; delete from audit_heads; delete from audit_keys')
  t.match(await command(environment, 'audit', 'verify'), { code: 1, err: /no start, but users, whose coming is always written down/ })
})

t.test('says where it is not, and fails', async (t) => {
  const { environment, file } = await withEvents(t)
  const database = new DatabaseSync(file)
  database.exec("update audit_events set actor = 'nobody' where place = 2; delete from audit_events where place = 3")
  database.close()
  t.match(await command(environment, 'audit', 'verify'), {
    code: 1, out: '', err: /^gatehouse: The audit is not what was written\.\n {2}At place 2 the entry \S+ is not the one that was written there\.\n {2}At place 3 the chain was cut off: it is signed up to place 3\.\n$/
  })
  const { code, out } = await command(environment, 'audit', 'verify', '--json')
  t.equal(code, 1)
  t.match(JSON.parse(out).faults, [{ place: 2 }, { place: 3 }])
})

t.test('says how much more is wrong, what has left and what waits', async (t) => {
  const { environment, file } = await withEvents(t)
  const database = new DatabaseSync(file)
  t.teardown(() => database.close())
  database.exec("with recursive n (i) as (select 1 union all select i + 1 from n where i < 30) insert into audit_events (id, at, event, place) select 'x' || i, 1, 'user_created', 3 + i from n")
  t.match(await command(environment, 'audit', 'verify'), { code: 1, err: /\n {2}And so at \d+ more\.\n$/ })
})

t.test('tells of an empty chain', async (t) => {
  const environment = alone(t)
  t.match(await command(environment, 'audit', 'verify'), { code: 1, err: /^gatehouse: There is no database/ })
  done(t, await command(environment, 'migrate'), 'migrate')
  t.equal(done(t, await command(environment, 'audit', 'verify'), 'verify'), 'There are no entries.\n')
})

t.test('prints events as lines of JSON, those that are asked for', async (t) => {
  const { environment, id } = await withEvents(t)
  const all = linesOf(done(t, await command(environment, 'audit', 'export'), 'export'))
  t.match(all, [
    { event: 'sensitive_create', user_id: null, actor: 'cli', ip: null, request_id: null, detail: { object: 'client', client_id: id, scopes: [] }, place: 1, digest: /^[\w-]{43}$/ },
    { event: 'sensitive_update', detail: { object: 'client_secret', client_id: id, overlap: 0 }, place: 2 },
    { event: 'sensitive_delete', detail: { object: 'client', client_id: id }, place: 3 }
  ])
  const some = async (...args: string[]) => {
    const out = done(t, await command(environment, 'audit', 'export', ...args), args.join(' '))
    return out === '' ? [] : linesOf(out).map(({ place }) => place)
  }
  t.strictSame(await some('--event', 'sensitive_update'), [2])
  t.strictSame(await some('--user', 'u'), [])
  t.strictSame([await some('--from', '2999-01-01T00:00:00Z'), await some('--to', '2999-01-01T00:00:00Z'), await some('--to', '2001-01-01T00:00:00Z')], [[], [1, 2, 3], []])
  t.match(await command(environment, 'audit', 'export', '--from', 'yesterday'), { code: 2, out: '' })
  for (const args of [['--event', 'XX'], ['--user', 'a b']]) t.match(await command(environment, 'audit', 'export', ...args), { code: 2, out: '' }, args.join(' '))
})

t.test('waits for who reads slowly', async (t) => {
  const { environment } = await withEvents(t)
  let read = ''
  const slow = new Writable({ highWaterMark: 1, write (chunk, _encoding, written) { read += chunk; setImmediate(written) } })
  t.equal(await run(['audit', 'export'], { environment, input: process.stdin, output: slow, errors: process.stderr }), 0)
  t.equal(linesOf(read).length, 3)
})
