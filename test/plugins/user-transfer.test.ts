import { randomUUIDv7 } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import type { Line } from '../../plugins/user-transfer.ts'
import { build } from '../support/build.ts'
import { createClock, origin, signIn } from '../support/calls.ts'
import { hostile, vectors } from '../support/foreign-digests.ts'
import { startPostgres } from '../support/postgres.ts'

const by = { actor: 'an operator', origin }
const { password, digest } = vectors.bcrypt.at(-1) as { password: string, digest: string }

async function * numbered (values: readonly unknown[]): AsyncGenerator<Line> {
  for (const [index, value] of values.entries()) yield { number: index + 1, value }
}

async function takeIn (server: FastifyInstance, values: readonly unknown[], dryRun = false) {
  const refusals: Array<[number, string]> = []
  const steps: number[] = []
  const count = await server.userTransfer.takeIn(numbered(values), { dryRun, refused: (...refusal) => { refusals.push(refusal) }, progress: (lines) => { steps.push(lines) } }, by)
  return { count, refusals, steps }
}

const contract = (name: string, database: (t: Test) => Promise<Record<string, string>>) => t.test(`users of another system: ${name}`, async (t) => {
  const log: Array<Record<string, unknown>> = []
  const clock = createClock()
  const server = await build(t, { environment: await database(t), log, now: clock.now })
  const id = randomUUIDv7()
  const all = { id, username: 'Alice', email: 'Alice@example.org', password_hash: digest, roles: ['editor', 'admin', 'editor'], created_at: '2020-01-01T00:00:00+01:00' }
  const values = [all, { username: 'bob', password_hash: digest, disabled: true }, { username: 'carol', email: null, password_hash: null }]

  t.strictSame(await takeIn(server, values, true), { count: { added: 3, refused: 0 }, refusals: [], steps: [3] })
  t.strictSame(await Array.fromAsync(server.userTransfer.giveOut()), [], 'a dry run keeps nothing')
  t.strictSame(log.filter(({ msg }) => msg === 'audit'), [])

  t.strictSame(await takeIn(server, values), { count: { added: 3, refused: 0 }, refusals: [], steps: [3] })
  t.strictSame(log.filter(({ event }) => event === 'user_created').map(({ detail }) => detail), [['admin', 'editor'], [], []].map((roles) => ({ imported: true, roles })))
  t.match((await signIn(server, { username: 'alice', password })).user, { id, email: 'Alice@example.org', roles: ['admin', 'editor'], created_at: '2019-12-31T23:00:00.000Z' })
  await t.rejects(signIn(server, { username: 'bob', password }), { message: /401|invalid_credentials/ }, 'disabled')
  const [, bob, carol] = await Array.fromAsync(server.userTransfer.giveOut())
  t.match(bob, { username: 'bob', password_hash: digest, disabled: true, email: null, roles: [], created_at: '2026-03-01T12:00:00.000Z' })
  t.match(carol, { username: 'carol', password_hash: null })

  for (const dryRun of [true, false]) {
    const { count, refusals } = await takeIn(server, [
      { ...all, id: undefined, username: 'dora' }, { ...all, username: 'dora', email: null }, { username: 'ALICE' },
      { username: 'eve', email: 'eve@example.org' }, { username: 'EVE' }, { username: 'frank', email: 'Eve@example.org' },
      ...Array.from({ length: 100 }, (_, index) => ({ username: `filler-${index}` })), { username: 'eve' }
    ].map((value) => JSON.parse(JSON.stringify(value))), dryRun)
    t.strictSame(count, { added: 101, refused: 6 })
    t.strictSame(refusals, [[1, 'the e-mail address is taken'], [2, 'the id is taken'], [3, 'the username is taken'], [5, 'the username is taken'], [6, 'the e-mail address is taken'], [107, 'the username is taken']])
  }

  await server.administration.deleteUser(String(bob?.id), by)
  for (const dryRun of [true, false]) t.strictSame((await takeIn(server, [{ username: 'bob', id: bob?.id }], dryRun)).refusals, [[1, 'the id is that of a user who was deleted']])
  t.strictSame(await takeIn(server, [{ username: 'bob' }]), { count: { added: 1, refused: 0 }, refusals: [], steps: [1] })

  const out = await Array.fromAsync(server.userTransfer.giveOut())
  t.equal(out.length, 104)
  const other = await build(t)
  t.strictSame((await takeIn(other, out)).count, { added: 104, refused: 0 })
  t.strictSame(await Array.fromAsync(other.userTransfer.giveOut()), out, 'they arrive as they left')
})

contract('in memory', async () => ({}))
contract('PostgreSQL', async (t) => ({ DATABASE_URL: await (await startPostgres(t)).createDatabase(), SECRET_KEY: 'a secret of no value that is long enough for this' }))

t.test('gives out more users than a page holds', async (t) => {
  const server = await build(t)
  const names = Array.from({ length: 1001 }, (_, index) => `user-${String(index).padStart(4, '0')}`)
  const { steps } = await takeIn(server, names.map((username) => ({ username })))
  t.strictSame(steps.slice(-2), [1000, 1001])
  t.strictSame((await Array.fromAsync(server.userTransfer.giveOut())).map(({ username }) => username), names)
})

t.test('refuses what is not well-formed, and says where and never what', async (t) => {
  const server = await build(t)
  const form = 'line.password_hash has a form that is not known here, is beyond its bounds, or needs a pepper that is not set'
  const refused: Array<[unknown, string | RegExp]> = [
    ['alice', 'line must be object'],
    [{}, 'line must have required property \'username\''],
    [{ username: 'al' }, 'line.username must NOT have fewer than 3 characters'],
    [{ username: 'a lice' }, 'line.username has characters that are not allowed here'],
    [{ username: 'alice', email: 'alice' }, /^line\.email /],
    [{ username: 'alice', password: 'a secret in clear' }, 'line has a member that is not known here'],
    [{ username: 'alice', password_hash: 'a secret in clear' }, form],
    [{ username: 'alice', password_hash: '$argon2id$v=19$m=19456,t=2,p=1,keyid=AAAAAAAA$c29tZSBzYWx0IGhlcmUhIQ$MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE' }, form],
    ...Object.values(hostile).map(([worst]) => [{ username: 'alice', password_hash: worst }, form] as [unknown, string]),
    [{ username: 'alice', id: '1' }, 'line.id has characters that are not allowed here'],
    [{ username: 'alice', roles: 'admin' }, 'line.roles must be array'],
    [{ username: 'alice', roles: ['a b'] }, 'line.roles are not well-formed, or too many or too long together'],
    [{ username: 'alice', disabled: 'yes' }, 'line.disabled must be boolean'],
    [{ username: 'alice', created_at: 'yesterday' }, 'line.created_at has characters that are not allowed here'],
    [{ username: 'alice', created_at: '2020-13-01T00:00:00Z' }, 'line.created_at is no time that has been'],
    [{ username: 'alice', created_at: '2999-01-01T00:00:00Z' }, 'line.created_at is no time that has been']
  ]
  const { count, refusals } = await takeIn(server, refused.map(([value]) => value))
  t.strictSame(count, { added: 0, refused: refused.length })
  for (const [index, [value, reason]] of refused.entries()) t.match(refusals[index]?.[1], reason, JSON.stringify(value))
})

t.test('keeps what was in whole batches where the file cannot be read to its end', async (t) => {
  const server = await build(t)
  const broken = (async function * () {
    for (let number = 1; number <= 150; number++) yield { number, value: { username: `user-${number}` } }
    throw new Error('the disk is gone')
  })()
  await t.rejects(server.userTransfer.takeIn(broken, { dryRun: false, refused: () => {}, progress: () => {} }, by), { message: 'the disk is gone' })
  t.equal((await Array.fromAsync(server.userTransfer.giveOut())).length, 100)
})
