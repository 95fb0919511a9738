import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { type World, withApp } from '../../cli/service.ts'
import { alone, command, secretOf } from '../support/command.ts'
import { temporaryFolder } from '../support/service.ts'

const world = (environment: World['environment']) => ({ environment }) as World

t.test('gives a command the app and its configuration, and closes it whatever comes of the work', async (t) => {
  const environment = alone(t)
  const url = await withApp(world(environment), (app, { openapi }) => {
    t.ok(app.keys.active())
    t.notOk(app.server.listening)
    return openapi.publicUrl
  })
  t.equal(url, 'http://localhost:3000')
  const opened: FastifyInstance[] = []
  await t.rejects(withApp(world(environment), (app) => {
    opened.push(app)
    throw new Error('of the work')
  }), { message: 'of the work' })
  await t.rejects(Promise.resolve(opened[0]?.database.ping(500)), 'it is closed')
})

t.test('makes a database by those commands alone that bring something', async (t) => {
  const environment = alone(t)
  const others = ['users list', 'users export', 'users disable alice', 'users delete alice', 'sessions revoke alice', 'clients list', 'clients rotate x', 'clients delete x', 'keys list', 'keys rotate', 'keys revoke x', 'keys export', 'keys reset --yes', 'audit verify', 'audit export', 'backup copy.db']
  for (const line of others) t.match(await command(environment, ...line.split(' ')), { code: 1, out: '', err: /^gatehouse: There is no database at / }, line)
  t.notOk(existsSync(String(environment['DATABASE_URL']).slice('sqlite:'.length)))
})

t.test('makes no database for a command that wants one that is there', async (t) => {
  const file = join(temporaryFolder(t), 'none.db')
  const work = () => t.fail('it was run')
  await t.rejects(withApp(world({ DATABASE_URL: `sqlite:${file}`, SECRET_KEY: secretOf() }), work, { existing: true }), { message: `There is no database at ${file}` })
  await t.rejects(withApp(world({ DATABASE_URL: 'sqlite::memory:' }), work, { existing: true }), { message: 'There is no database on a disk' })
  t.notOk(existsSync(file))
})

t.test('makes no administrator of BOOTSTRAP_ADMIN_USERNAME, and is not stopped by it', async (t) => {
  const environment = alone(t)
  for (const first of [{ BOOTSTRAP_ADMIN_USERNAME: 'root', BOOTSTRAP_ADMIN_PASSWORD: 'a password of the first administrator' }, { BOOTSTRAP_ADMIN_USERNAME: 'a b' }, { BOOTSTRAP_ADMIN_PASSWORD_FILE: '/nowhere' }]) {
    t.notOk(await withApp(world({ ...environment, ...first }), ({ users }) => users.isHeld('admin')))
  }
})

t.test('writes nothing for a command that looks', async (t) => {
  const environment = alone(t)
  const file = String(environment['DATABASE_URL']).slice('sqlite:'.length)
  const inFile = (sql: string) => {
    const database = new DatabaseSync(file)
    const rows = database.prepare(sql).all()
    database.close()
    return rows
  }
  await t.rejects(withApp(world(environment), () => t.fail('it was run'), { looking: true }), { message: 'There is no database of Gatehouse' })
  t.notOk(existsSync(file))
  await withApp(world(environment), ({ audit }) => audit.record({ event: 'user_updated', userId: null }))
  inFile('update audit_events set place = null, digest = null')
  inFile('delete from audit_heads')
  inFile('delete from signing_keys where kid not in (select kid from signing_keys order by signs_from limit 1)')
  const before = ['audit_events', 'audit_heads', 'audit_keys', 'signing_keys'].map((table) => inFile(`select * from ${table}`))
  t.match(await withApp(world({ ...environment, SECRET_KEY: secretOf(), SECRET_KEY_PREVIOUS: environment['SECRET_KEY'] }), async ({ auditChain, keys }) => [(await auditChain.verify()).waiting, keys.list().length], { looking: true }), [1, 1])
  t.strictSame(['audit_events', 'audit_heads', 'audit_keys', 'signing_keys'].map((table) => inFile(`select * from ${table}`)), before)
  t.equal(await withApp(world({ DATABASE_URL: 'sqlite::memory:' }), ({ keys }) => keys.list().length, { looking: true }), 2, 'in memory there is nothing to be careful with')
  inFile("delete from migrations where name = '006-administration'")
  await t.rejects(withApp(world(environment), () => t.fail('it was run'), { looking: true }), { message: /^The database lacks 006-administration: .+ migrate" brings it up to date$/ })
})

t.test('opens nothing for a command that describes the service', async (t) => {
  const environment = { DATABASE_URL: 'postgres://nobody@nowhere.test/none', SECRET_KEY: 'short', SECRET_KEY_PREVIOUS_FILE: '/nowhere' }
  t.ok(await withApp(world(environment), ({ routeTable }) => routeTable.entries.length, { describing: true }))
})
