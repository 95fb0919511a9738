import { createPublicKey } from 'node:crypto'
import { existsSync, rmSync } from 'node:fs'
import t from 'tap'
import { build, withAlice } from '../support/build.ts'
import { signIn as signInTo, worth } from '../support/calls.ts'
import { beside } from '../support/cli.ts'
import { alone, command, done, secretOf } from '../support/command.ts'
import { startService } from '../support/service.ts'
import { until } from '../support/until.ts'
import { kidOf, visitorOf } from '../support/visitor.ts'

// A service is a process of its own: it takes seconds where the machine is busy.
t.setTimeout(600_000)

interface Row {
  kid: string
  alg: string
  state: string
  created_at: string
  signs_from: string
  ends_at: string | null
}

const keysOf = (out: string) => (JSON.parse(out) as { keys: Row[] }).keys

t.test('lists keys as a table and as JSON', async (t) => {
  const environment = alone(t)
  done(t, await command(environment, 'migrate'), 'migrate')
  const keys = keysOf(done(t, await command(environment, 'keys', 'list', '--json'), 'as JSON'))
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
  t.match(keys, [{ alg: 'ES256', state: 'active', created_at: time, signs_from: time, ends_at: time }, { alg: 'ES256', state: 'next', ends_at: null }])
  const [head, ...rows] = done(t, await command(environment, 'keys', 'list'), 'as a table').trimEnd().split('\n')
  t.match(head, /^kid +alg +state +created_at +signs_from +ends_at$/)
  t.strictSame(rows.map((row) => row.split(/ +/)), keys.map(({ kid, alg, state, created_at: created, signs_from: from, ends_at: ends }) => [kid, alg, state, created, from, ends ?? '-']))
})

t.test('exports the key set, or one key as PEM', async (t) => {
  const environment = alone(t)
  done(t, await command(environment, 'migrate'), 'migrate')
  const { keys } = JSON.parse(done(t, await command(environment, 'keys', 'export'), 'all')) as { keys: Array<Record<string, string>> }
  t.equal(keys.length, 2)
  for (const key of keys) t.strictSame(Object.keys(key).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
  const [{ kid, x }] = keys as [{ kid: string, x: string }]
  const pem = done(t, await command(environment, 'keys', 'export', kid), 'one')
  t.match(pem, /^-----BEGIN PUBLIC KEY-----\n[\s\S]+\n-----END PUBLIC KEY-----\n$/)
  t.equal(createPublicKey(pem).export({ format: 'jwk' }).x, x)
  t.match(await command(environment, 'keys', 'export', 'another'), { code: 1, out: '', err: /^gatehouse: / })
})

t.test('takes a key id that begins as an option does', async (t) => {
  const environment = alone(t)
  done(t, await command(environment, 'migrate'), 'migrate')
  for (const kid of ['-hNqdTYkP5CUq1VnnAkSXOTQyfS-NB8qc0pVsJ7xw3g', '-'.repeat(43)]) {
    t.strictSame(await command(environment, 'keys', 'revoke', kid), { code: 1, out: '', err: 'gatehouse: There is no such key\n' })
    t.match(await command(environment, 'keys', 'export', kid), { code: 1, out: '', err: /^gatehouse: [^\n]+\n$/ })
  }
})

t.test('says in one line that the secret is another one, and changes nothing', async (t) => {
  const environment = alone(t)
  done(t, await command(environment, 'migrate'), 'migrate')
  const before = done(t, await command(environment, 'keys', 'list'), 'before')
  for (const args of [['keys', 'list'], ['keys', 'rotate', '--now'], ['migrate']]) {
    t.match(await command({ ...environment, SECRET_KEY: secretOf() }, ...args), { code: 1, out: '', err: /^gatehouse: SECRET_KEY is not the one [^\n]+ keys reset --yes"\n$/ })
  }
  t.equal(done(t, await command(environment, 'keys', 'list'), 'after'), before)
})

t.test('makes new keys for a lost secret, ends every session and keeps passwords', async (t) => {
  const { DATABASE_URL } = alone(t) as { DATABASE_URL: string }
  const file = DATABASE_URL.slice('sqlite:'.length)
  const before = await build(t, { environment: { DATABASE_URL } })
  await withAlice(before)
  const pair = await signInTo(before)
  await signInTo(before)
  await before.close()
  t.ok(existsSync(`${file}.secret`), 'the secret was kept beside the database')
  rmSync(`${file}.secret`)
  await t.rejects(build(t, { environment: { DATABASE_URL } }), { message: /SECRET_KEY is not set and [^\n]+ is missing/ })

  t.match(await command({ DATABASE_URL }, 'keys', 'list'), { code: 1, err: /^gatehouse: SECRET_KEY is not set and [^\n]+ is missing/ })
  t.equal((await command({ DATABASE_URL }, 'keys', 'reset')).code, 2, 'it wants to be told that this is meant')
  t.notOk(existsSync(`${file}.secret`))
  t.match(done(t, await command({ DATABASE_URL }, 'keys', 'reset', '--yes'), 'reset'), /sessions ended: 2\.\n$/)
  t.ok(existsSync(`${file}.secret`))
  t.strictSame(JSON.parse(done(t, await command({ DATABASE_URL }, 'keys', 'reset', '--yes', '--json'), 'reset once more')), { ended: 0 })

  const after = await build(t, { environment: { DATABASE_URL } })
  t.equal(await worth(after, pair), 401)
  t.equal(await worth(after, await signInTo(after)), 200, 'with the password of before')
})

t.test('changes the keys beside a running service, which sees it within a second or so', async (t) => {
  const service = await startService(t)
  const environment = beside(service)
  const { register, signIn, visit, published } = visitorOf(service)
  await register()
  const { token } = await signIn()
  const [first, next] = keysOf(done(t, await command(environment, 'keys', 'list', '--json'), 'list')) as [Row, Row]
  t.equal(kidOf(token), first.kid)

  const planned = keysOf(done(t, await command(environment, 'keys', 'rotate', '--json'), 'rotate'))
  t.match(planned, [{ kid: first.kid, state: 'active' }, { kid: next.kid, state: 'next', signs_from: new Date(Date.parse(next.created_at) + 2 * 86_400_000).toISOString() }])

  t.match(done(t, await command(environment, 'keys', 'rotate', '--now'), 'rotate --now'), new RegExp(`^${next.kid} +ES256 +active`, 'm'))
  await until(async () => kidOf((await signIn()).token) === next.kid)
  t.equal(await visit(token), 200)
  await until(async () => (await published()).length === 3)

  t.match(done(t, await command(environment, 'keys', 'revoke', first.kid), 'revoke'), /gone/)
  await until(async () => await visit(token) === 401)
  t.notOk((await published()).includes(first.kid))
  t.match(await command(environment, 'keys', 'revoke', first.kid), { code: 1, out: '', err: /^gatehouse: [^\n]+\n$/ })

  const { token: last } = await signIn()
  const secretKey = secretOf()
  done(t, await command({ ...environment, SECRET_KEY: secretKey }, 'keys', 'reset', '--yes'), 'reset')
  await until(async () => await visit(last) === 503)
  t.equal((await signIn()).status, 503, 'until it is started with the new secret')
  await service.stop()
  const again = visitorOf(await startService(t, { folder: service.folder, secretKey }))
  t.equal(await again.visit(last), 401)
  t.equal((await again.signIn()).status, 200)
})
