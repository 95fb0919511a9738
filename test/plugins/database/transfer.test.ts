import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { run } from '../../../plugins/database/statement.ts'
import { carried, type Progress, transfer } from '../../../plugins/database/transfer.ts'
import type { Queries } from '../../../plugins/database.ts'
import { createSessionRepository } from '../../../plugins/sessions/repository.ts'
import { alice, aliceSignedIn, build } from '../../support/build.ts'
import { clientToken, origin, refresh, refreshed, registerClient, signIn, worth } from '../../support/calls.ts'
import { openDatabase } from '../../support/database.ts'
import { addressOf, open, startPostgres } from '../../support/postgres.ts'
import { temporaryFolder } from '../../support/service.ts'

t.setTimeout(120_000)
const server = await startPostgres(t)

async function target (t: Test): Promise<{ url: string, to: Queries }> {
  const url = await server.createDatabase()
  const to = open(url)
  t.teardown(() => to.destroy())
  return { url, to }
}

const rowsOf = async (queries: Queries, table: string) => {
  const { rows } = await sql<object>`select * from ${sql.table(table)}`.execute(queries)
  return rows.map((row) => JSON.stringify(Object.entries(row).sort())).sort()
}

/** A row in every table at least, and more sessions than are read at a time. */
async function fill (queries: Queries): Promise<void> {
  await queries.insertInto('users').values(['a', 'b'].map((id) => ({
    id, username: `name-${id}`, email: id === 'a' ? 'Zoë@example.org' : null, email_key: id === 'a' ? 'zoë@example.org' : null, password_hash: '$argon2id$', disabled_at: id === 'b' ? 9007199254740991 : null, sessions_not_before: null, created_at: 1
  }))).execute()
  await queries.insertInto('user_roles').values({ user_id: 'a', role: 'admin' }).execute()
  await queries.insertInto('signing_keys').values({ kid: 'k', alg: 'ES256', public_jwk: '{"kty":"EC"}', private_key: null, created_at: 1, signs_from: 2 }).execute()
  await queries.insertInto('revocations').values([7, 12].map((id) => ({ id, subject: 'user', subject_id: 'a', not_before: 5, expires_at: 6 }))).execute()
  await queries.insertInto('clients').values({ id: 'c', name: 'B"il\\ling\n', scopes: '', secret_digest: 'd', former_digest: null, former_until: null, created_at: 1 }).execute()
  await queries.insertInto('failures').values({ key: 'f', count: 3, last_at: 4, expires_at: 5 }).execute()
  await queries.insertInto('known_networks').values({ user_id: 'a', network: '192.0.2.0', seen_at: 1 }).execute()
  await queries.insertInto('audit_events').values([null, 7].map((place) => ({ id: `e${place}`, at: 1, event: 'user_created', user_id: null, actor: 'cli', ip: null, request_id: null, detail: '{"a":"\\u0000"}', place, digest: null }))).execute()
  await queries.insertInto('audit_heads').values({ kind: 'head', place: 7, digest: 'd', signed_at: 1, kid: 'k', signature: 's' }).execute()
  await queries.insertInto('audit_keys').values({ kid: 'k', public_jwk: '{"kty":"EC"}', seal: 's' }).execute()
  const sessions = createSessionRepository(queries, { run })
  for (let index = 0; index < 2345; index++) {
    await sessions.add({ id: String(index), userId: 'a', clientId: 'gatehouse', counter: index, createdAt: 1, rotatedAt: 2, lastUsedAt: 3, idleExpiresAt: 4, expiresAt: 5, ip: '::1', userAgent: index % 2 === 0 ? null : 'tap' })
  }
}

t.test('carries every row of every table as it is, and goes on counting where the source is', async (t) => {
  const from = await openDatabase(t)
  await fill(from)
  await sql`delete from sessions where id = '17'`.execute(from)
  const { to } = await target(t)
  const heard: Progress[] = []
  const counts = await from.transaction().execute((source) => to.transaction().execute((inside) => transfer(source, inside, (progress) => heard.push(progress))))
  t.strictSame(counts, { users: 2, user_roles: 1, signing_keys: 1, sessions: 2344, revocations: 2, clients: 1, failures: 1, known_networks: 1, audit_events: 2, audit_heads: 1, audit_keys: 1 })
  for (const table of carried) t.strictSame(await rowsOf(to, table), await rowsOf(from, table), table)
  t.strictSame(heard.filter(({ table }) => table === 'sessions'), [1000, 2000, 2344].map((done) => ({ table: 'sessions', done, total: 2344 })))
  const added = await to.insertInto('revocations').values({ subject: 'user', subject_id: 'a', not_before: 5, expires_at: 6 }).returning('id').executeTakeFirst()
  t.equal(added?.id, 13)
})

t.test('leaves out no table but what processes keep for themselves', async (t) => {
  const tables = (await (await openDatabase(t)).introspection.getTables({ withInternalKyselyTables: true })).map(({ name }) => name)
  t.strictSame(tables.filter((name) => !(carried as readonly string[]).includes(name) && !name.startsWith('sqlite_')).sort(), ['leases', 'migrations', 'migrations_lock'])
})

t.test('refuses a target that holds anything', async (t) => {
  const from = await openDatabase(t)
  const full = await openDatabase(t)
  await fill(full)
  for (const table of carried) {
    const { to } = await target(t)
    const { rows: [row] } = await sql`select * from ${sql.table(table)} limit 1`.execute(full)
    await to.transaction().execute(async (inside) => {
      // The row alone, without what it refers to.
      await sql`set local session_replication_role = replica`.execute(inside)
      await sql`insert into ${sql.table(table)} select * from json_populate_record(null::${sql.table(table)}, ${JSON.stringify(row)}::json)`.execute(inside)
    })
    await t.rejects(to.transaction().execute((inside) => transfer(from, inside, () => {})), { message: `The target is not empty, there are rows in ${table}: nothing was moved` })
  }
})

t.test('moves all or nothing', async (t) => {
  const from = await openDatabase(t)
  await fill(from)
  await from.updateTable('known_networks').set({ network: 'a\0b' }).execute()
  const { to } = await target(t)
  await t.rejects(to.transaction().execute((inside) => transfer(from, inside, () => {})), { code: '22P05' })
  for (const table of carried) t.strictSame(await rowsOf(to, table), [], table)
})

t.test('lets everybody go on with what they hold, on the same SECRET_KEY', async (t) => {
  const file = join(temporaryFolder(t), 'auth.db')
  const environment = { SECRET_KEY: randomBytes(32).toString('base64url') }
  const before = await build(t, { environment: { ...environment, DATABASE_URL: `sqlite:${file}` } })
  const first = await aliceSignedIn(before)
  const pair = await refreshed(before, first.refresh_token)
  const [ended, client] = [await signIn(before), await registerClient(before)]
  const machine = await clientToken(before, client)
  await before.signOut.logout(before.tokens.verify(ended.access_token), 'local', origin)

  const url = await server.createDatabase({ empty: true })
  const other = new DatabaseSync(file)
  t.teardown(() => other.close())
  let looks = 0
  const rows = await before.database.moveTo(addressOf(url), () => {
    looks++
    t.throws(() => other.exec('begin immediate'), { message: /locked/ }, 'nobody writes to the source meanwhile')
  })
  t.match(rows, { users: 1, sessions: 1, signing_keys: 2, clients: 1, revocations: 1 })
  t.ok(looks > 0)
  other.exec('begin immediate; rollback')
  await t.rejects(before.database.moveTo(addressOf(url), () => {}), { message: /not empty/ }, 'once')

  const after = await build(t, { environment: { ...environment, DATABASE_URL: url } })
  t.strictSame(await Promise.all([first, pair, ended, { access_token: machine }].map((one) => worth(after, one))), [200, 200, 401, 403])
  const next = await refreshed(after, pair.refresh_token)
  t.equal((await refresh(after, ended.refresh_token)).statusCode, 401)
  t.equal(await worth(after, { access_token: await clientToken(after, client) }), 403)
  const again = await signIn(after)
  t.equal(again.user.id, first.user.id)
  t.equal((await refresh(after, first.refresh_token)).statusCode, 401, 'a used one that comes back still ends its session')
  t.strictSame([await worth(after, next), await worth(after, await signIn(after, alice))], [401, 200])

  t.ok(await after.signOut.endBefore(Date.now()) > 0)
  t.equal(await worth(after, again), 401)

  await t.rejects(after.database.moveTo(addressOf(url), () => {}), { message: /PostgreSQL database already/ })
  await t.rejects(after.database.backUp('copy.db'), { message: /pg_dump/ })
})
