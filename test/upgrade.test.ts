import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import { migrations } from '../plugins/database/migrate.ts'
import { type Api, createApi } from './support/api.ts'
import { alice } from './support/build.ts'
import { startPostgres } from './support/postgres.ts'
import { checkOut } from './support/release.ts'
import { startService, temporaryFolder } from './support/service.ts'
import { until } from './support/until.ts'

t.setTimeout(180_000)

/** The release before: the first that starts on the schema of the one after it. Each release moves this on to the tag before it. */
const before = 'bfd9c9a7e36f052f08ec5d8f1226766fa644691b'

const next = `${String(Object.keys(migrations).length + 1).padStart(3, '0')}-ranks`

/** What the release to come may add, so that there is always something that the one before does not know. */
const additions = [
  'alter table users add column rank text',
  'alter table sessions add column device text not null default \'unknown\'',
  'create index users_rank on users (rank)',
  'create table ranks (user_id text primary key references users (id) on delete cascade, since bigint)',
  `insert into migrations (name, timestamp) values ('${next}', '2026-03-01T12:00:00.000Z')`
]

interface Store {
  url: string
  run (statement: string): unknown
}

const stores: Record<string, (t: Test) => Promise<Store>> = {
  SQLite: async (t) => {
    const file = join(temporaryFolder(t), 'auth.db')
    return {
      url: `sqlite:${file}`,
      run (statement) {
        const database = new DatabaseSync(file, { timeout: 5000 })
        database.exec(statement)
        database.close()
      }
    }
  },
  PostgreSQL: async (t) => {
    const server = await startPostgres(t)
    const url = await server.createDatabase({ empty: true })
    return { url, run: (statement) => server.run(statement, url) }
  }
}

/** The life of an account at one process. */
async function live (t: Test, api: Api, username: string): Promise<void> {
  const account = { ...alice, username }
  t.equal(await api.register(account), 201)
  const first = await api.signedIn(account)
  t.equal(await api.visit(first.access_token), 200)
  t.equal((await api.call('GET', '/me', { token: first.access_token })).status, 200)
  const { status, body } = await api.refresh(first.refresh_token)
  t.equal(status, 200)
  t.equal(await api.logout(body.access_token), 204)
  t.same([await api.visit(body.access_token), (await api.refresh(body.refresh_token)).status], [401, 401])
  const { access_token: token } = await api.signedIn(account)
  t.equal((await api.call('DELETE', '/me', { token, body: { password: alice.password } })).status, 204)
}

/** What one process begins, the other goes on with and ends. */
async function share (t: Test, here: Api, there: Api, username: string): Promise<void> {
  const account = { ...alice, username }
  t.equal(await here.register(account), 201)
  const { access_token: token, refresh_token: first } = await there.signedIn(account)
  t.equal(await here.visit(token), 200)
  const second = await here.refresh(first)
  t.equal(second.status, 200)
  const third = await there.refresh(second.body.refresh_token)
  t.equal(third.status, 200)
  t.equal(await there.visit(third.body.access_token), 200)
  t.equal(await here.logout(third.body.access_token), 204)
  await until(async () => await there.visit(third.body.access_token) === 401)
  t.equal((await there.refresh(third.body.refresh_token)).status, 401)
  const stolen = await there.signedIn(account)
  const used = await here.refresh(stolen.refresh_token)
  await there.refresh(used.body.refresh_token)
  t.equal((await there.refresh(stolen.refresh_token)).status, 401, 'a used token that returns')
  await until(async () => await here.visit(used.body.access_token) === 401)
}

for (const [store, open] of Object.entries(stores)) {
  t.test(`R22 R23 the release before runs on today's schema and what may be added to it, alone and beside today's, on ${store}`, async (t) => {
    const release = checkOut(t, before)
    if (release.sources === null) return t.comment(`not tried: ${release.reason}`)
    const { url, run } = await open(t)
    const options = { secretKey: randomBytes(32).toString('base64url'), environment: { DATABASE_URL: url, LOG_LEVEL: 'info' } }
    const first = await startService(t, options)
    t.equal(await createApi(first).register(alice), 201)
    t.equal(await first.stop(), 0)
    for (const statement of additions) await run(statement)

    const former = await startService(t, { ...options, sources: release.sources })
    t.match(former.output(), new RegExp(`"migrations":\\[[^\\]]*"${next}"\\]`))
    const old = createApi(former)
    await live(t, old, 'bob')
    const pair = await old.signedIn(alice)

    const today = createApi(await startService(t, options))
    t.equal(await today.visit(pair.access_token), 200)
    await live(t, today, 'carol')
    await share(t, old, today, 'dave')
    await share(t, today, old, 'erin')
    t.equal(await former.stop(), 0)
    t.equal((await today.refresh(pair.refresh_token)).status, 200)
  })
}
