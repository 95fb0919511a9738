import { PassThrough } from 'node:stream'
import t from 'tap'
import { build } from '../support/build.ts'
import { signIn as signInTo } from '../support/calls.ts'
import { beside } from '../support/cli.ts'
import { alone, command, commandWith, done } from '../support/command.ts'
import { startService } from '../support/service.ts'
import { until } from '../support/until.ts'
import { visitorOf } from '../support/visitor.ts'

// A service is a process of its own: it takes seconds where the machine is busy.
t.setTimeout(600_000)

const password = 'seven lamps by the harbour wall'

t.test('makes accounts, with a password from standard input or from a prompt', async (t) => {
  const environment = alone(t)
  const made = JSON.parse(done(t, await commandWith({ environment, input: `${password}\n` }, 'users', 'create', 'Alice', '--email', 'Alice@example.org', '--role', 'editor', '--role', 'admin', '--json'), 'create'))
  t.match(made, { username: 'alice', email: 'Alice@example.org', disabled: false, last_login_at: null })
  t.strictSame(made.roles, ['admin', 'editor'])

  const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => {} })
  const running = commandWith({ environment, input, columns: 20 }, 'users', 'create', 'bob')
  for (let time = 0; time < 2; time++) {
    input.write(`${password}\r`)
    await until(() => input.readableLength === 0)
  }
  const { code, out, err } = await running
  t.strictSame({ code, err }, { code: 0, err: 'Password: \nThe same again: \n' })
  t.match(out, /^id +[0-9a-f-]{36}\nusername +bob\nemail +-\nroles\ncreated_at +\S+Z\ndisabled +false\nlast_login_at +-\n$/)

  const server = await build(t, { environment: { ...environment, REGISTRATION: 'closed' } })
  for (const username of ['alice', 'bob']) await signInTo(server, { username, password })

  const refused = [['alice', password, /taken/], ['carol', 'short', /character/], ['carol', 'x'.repeat(129), /user\.password/], ['carol', '', /No password was given/]] as const
  for (const [name, given, reason] of refused) t.match(await commandWith({ environment, input: given }, 'users', 'create', name), { code: 1, out: '', err: reason }, name)
  t.match(await commandWith({ environment, input: password }, 'users', 'create', 'dora', '--role', 'a b'), { code: 2, err: /roles/ })
  t.match(await commandWith({ environment, input: password }, 'users', 'create', 'dora', '--email', 'nothing'), { code: 2, err: /email/ })
  const closed = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => {} })
  t.match(await commandWith({ environment, input: closed }, 'users', 'create', 'a b'), { code: 2, out: '', err: 'gatehouse: user.username has characters that are not allowed here\n' }, 'before it is asked for a password')
})

t.test('lists users by filter, page after page', async (t) => {
  const environment = alone(t)
  const lines = Array.from({ length: 205 }, (_, index) => JSON.stringify({ username: `user-${String(index).padStart(3, '0')}`, roles: index % 100 === 0 ? ['admin'] : [], disabled: index === 7 }))
  done(t, await commandWith({ environment, input: lines.join('\n') }, 'users', 'import', '-'), 'import')
  const listed = async (...args: string[]) => JSON.parse(done(t, await command(environment, 'users', 'list', '--json', ...args), args.join(' '))) as { users: Array<{ username: string }>, next_cursor: string | null }
  const all = await listed()
  t.equal(all.users.length, 205)
  t.equal(all.next_cursor, null)
  t.strictSame((await listed('--role', 'admin')).users.map(({ username }) => username), ['user-000', 'user-100', 'user-200'])
  t.strictSame((await listed('--disabled')).users.map(({ username }) => username), ['user-007'])
  t.equal((await listed('--enabled', '--query', 'USER-00')).users.length, 9)
  const first = await listed('--limit', '202')
  t.equal(first.users.length, 202)
  t.equal((await listed('--cursor', String(first.next_cursor))).users.length, 3)

  const { code, out, err } = await command(environment, 'users', 'list', '--limit', '2')
  t.equal(code, 0)
  t.strictSame(out.split('\n').map((line) => line.split(/ {2,}/)[0]), ['username', 'user-000', 'user-001', ''])
  t.match(err, /^There are more: --cursor \S+\n$/)
  for (const args of [['--disabled', '--enabled'], ['--limit', '0'], ['--limit', 'all']]) t.match(await command(environment, 'users', 'list', ...args), { code: 2, out: '' }, args.join(' '))
  t.match(await command(environment, 'users', 'list', '--cursor', 'x'), { code: 2, out: '' })
})

t.test('changes accounts beside a running service, which sees it within a second or so', async (t) => {
  const service = await startService(t)
  const environment = beside(service)
  const { register, signIn, visit } = visitorOf(service)
  const run = async (said: string, ...args: string[]) => t.equal(done(t, await commandWith({ environment, input: 'nine boats on a quiet river' }, 'users', ...args), args.join(' ')), `${said}\n`)
  for (const username of ['alice', 'root']) await register({ username, password })
  const tokenOf = async (secret = password) => (await signIn({ username: 'alice', password: secret })).token
  const refusedAfter = async (token: string, begun: number) => {
    await until(async () => await visit(token) === 401)
    return performance.now() - begun
  }

  const token = await tokenOf()
  t.equal(await visit(token), 200)
  await run('The user is disabled, and every session has ended.', 'disable', 'ALICE')
  const waited = await refusedAfter(token, performance.now())
  t.comment(`refused ${Math.round(waited)} ms after the command`)
  t.ok(waited < 1000)
  t.equal((await signIn({ username: 'alice', password })).status, 401)
  await run('The user may sign in again.', 'enable', 'alice')
  const again = await tokenOf()
  t.equal(await visit(again), 200)

  await run('The password is set, and every session has ended.', 'set-password', 'alice')
  await refusedAfter(again, 0)
  const last = await tokenOf('nine boats on a quiet river')
  await run('The roles are set.', 'set-role', 'root', 'admin')
  await run('The roles are set.', 'set-role', 'alice', 'admin', 'editor')
  await run('The roles are set.', 'set-role', 'alice', '--none')
  t.equal(await visit(last), 200, 'it names no role that was taken')
  t.match(await command(environment, 'users', 'delete', 'root'), { code: 1, out: '', err: /^gatehouse: [^\n]+\n$/ }, 'the last administrator')
  await run('The user is gone.', 'delete', 'alice')
  await refusedAfter(last, 0)

  t.match(await command(environment, 'users', 'disable', 'alice'), { code: 1, out: '', err: /no such user/ })
  for (const args of [['set-role', 'root'], ['set-role', 'root', 'admin', '--none'], ['disable']]) t.match(await command(environment, 'users', ...args), { code: 2, out: '' }, args.join(' '))
})

t.test('tells programs what a user is after a change', async (t) => {
  const environment = alone(t)
  const run = async (...args: string[]) => JSON.parse(done(t, await commandWith({ environment, input: 'nine boats on a quiet river' }, 'users', ...args, '--json'), args.join(' ')))
  const { id } = await run('create', 'alice')
  t.match(await run('disable', 'alice'), { id, disabled: true, roles: [] })
  t.match(await run('enable', 'alice'), { id, disabled: false })
  t.match(await run('set-role', 'alice', 'admin', 'editor'), { id, roles: ['admin', 'editor'] })
  t.strictSame(await run('set-password', 'alice'), (await run('list')).users[0])
})

t.test('has nothing secret among its arguments', async (t) => {
  for (const args of [['create', 'alice', password], ['set-password', 'alice', password], ['create', 'alice', '--password', password]]) {
    t.match(await command(alone(t), 'users', ...args), { code: 2, out: '' })
  }
})
