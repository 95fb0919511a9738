import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { aliceSignedIn, build } from '../support/build.ts'
import { refreshed, worth } from '../support/calls.ts'
import { alone, command, done } from '../support/command.ts'
import { holdWriteLock } from '../support/database.ts'
import { startPostgres } from '../support/postgres.ts'
import { programFolder } from '../support/program.ts'
import { temporaryFolder } from '../support/service.ts'

// PostgreSQL takes seconds where the machine is busy.
t.setTimeout(600_000)

t.test('moves a SQLite database to PostgreSQL, secret kept beside it and all', async (t) => {
  const folder = temporaryFolder(t)
  const environment = { DATABASE_URL: `sqlite:${join(folder, 'auth.db')}` }
  const before = await build(t, { environment })
  const pair = await aliceSignedIn(before)
  await before.close()
  const server = await startPostgres(t)
  const [url, other] = [await server.createDatabase({ empty: true }), await server.createDatabase({ empty: true })]
  writeFileSync(join(folder, 'url'), `${url}\n`)

  const { code, out, err } = await command(environment, 'migrate', '--to-file', join(folder, 'url'), '--json')
  t.equal(code, 0)
  t.match(JSON.parse(out), { users: 1, sessions: 1, signing_keys: 2, user_roles: 0 })
  t.match(err, /^users: 1 of 1\nsigning_keys: 2 of 2\nsessions: 1 of 1\n/)

  const after = await build(t, { environment: { DATABASE_URL: url, SECRET_KEY_FILE: join(folder, 'auth.db.secret') } })
  t.equal(await worth(after, pair), 200)
  await refreshed(after, pair.refresh_token)

  const { release } = holdWriteLock(t, join(folder, 'auth.db'))
  t.match(await command({ ...environment, DATABASE_TIMEOUT: '200ms' }, 'migrate', '--to', other), { code: 1, out: '', err: /^gatehouse: [^\n]+\(database is locked\)\n$/ }, 'while another program writes')
  release()

  const password = 'never-to-be-printed'
  const misused = [['--to', `mysql://u:${password}@h/d`], ['--to', `postgres://u:${password}@h/d?pool=1`], ['--to', `sqlite:${password}`], ['--to', other.replace('//postgres', `//postgres:${password}`)], ['--to', other, '--to-file', join(folder, 'url')]]
  t.match((await command(environment, 'migrate', '--to', 'postgres://u:p@h/d')).err, /^error: the address of the target has a password in it, [^\n]+ --to-file, [^\n]+ PGPASSWORD\n/)
  const [again, people, nowhere, ...misuses] = await Promise.all([
    command(environment, 'migrate', '--to', url),
    command(environment, 'migrate', '--to', other),
    command({ DATABASE_URL: `sqlite:${join(folder, 'another.db')}` }, 'migrate', '--to', other),
    ...misused.map((args) => command(environment, 'migrate', ...args))
  ])
  t.match(again, { code: 1, out: '', err: 'gatehouse: The target is not empty, there are rows in users: nothing was moved\n' })
  t.match(people, { code: 0, out: /SECRET_KEY/ })
  t.match(nowhere, { code: 1, out: '', err: /^gatehouse: There is no database at [^\n]+another\.db\n$/ })
  t.notOk(existsSync(join(folder, 'another.db')))
  for (const ran of misuses) {
    t.match(ran, { code: 2, out: '', err: /^error: [^\n]+\n\nUsage:/ })
    t.notMatch(ran.err, password)
  }
})

t.test('takes the password of the target from PGPASSWORD or from a file', async (t) => {
  const folder = programFolder(t, 'passwords')
  writeFileSync(join(folder, 'hba'), 'host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n')
  const server = await startPostgres(t, { hba_file: join(folder, 'hba') })
  await server.run('create role mover superuser login password \'the password of mover\'')
  const environment = alone(t)
  await (await build(t, { environment })).close()
  const [one, other] = (await Promise.all([1, 2].map(() => server.createDatabase({ empty: true })))).map((url) => url.replace('postgres@', 'mover@')) as [string, string]
  t.match(await command(environment, 'migrate', '--to', one), { code: 1, out: '' }, 'without')
  t.match(await command({ ...environment, PGPASSWORD: 'the password of mover' }, 'migrate', '--to', one), { code: 0 })
  writeFileSync(join(folder, 'url'), other.replace('mover@', 'mover:the%20password%20of%20mover@'))
  t.match(await command(environment, 'migrate', '--to-file', join(folder, 'url')), { code: 0 })
})

t.test('says for programs that the database is up to date', async (t) => {
  t.strictSame(JSON.parse(done(t, await command(alone(t), 'migrate', '--json'), 'migrate')), { up_to_date: true })
})
