import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import Fastify from 'fastify'
import { sql } from 'kysely'
import app, { fastifyOptions } from '../app.ts'
import { readConfig } from '../config.ts'

/** What administrators wait for among a million users: on SQLite, or on the empty PostgreSQL database that `--database` names. */
const { values: { database, users } } = parseArgs({ options: { database: { type: 'string' }, users: { type: 'string', default: '1000000' } } })
const many = Number(users)
const batch = 5000
const rounds = 20

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'))
const config = readConfig({ DATABASE_URL: database ?? `sqlite:${join(folder, 'bench.db')}`, SECRET_KEY: 'a bench has no secrets, and 32 bytes', LOG_LEVEL: 'silent', SQLITE_SYNCHRONOUS: 'normal', DATABASE_TIMEOUT: '60s' })
const service = Fastify(fastifyOptions(config))
await service.register(app, { config })
await service.ready()
const { queries } = service.database

/** Half of the names begin alike, half do not; one in fifty is disabled, every other is an editor, three are administrators. */
function person (n: number) {
  const name = n % 2 === 0 ? `user${String(n).padStart(7, '0')}` : `${(n % 33 + 2).toString(36)}${String(n).padStart(7, '0')}`
  return { id: `019aaf3e-7c1c-7c3e-9a53-${String(n).padStart(12, '0')}`, username: name, email: `${name}@example.org`, email_key: `${name}@example.org`, disabled_at: n % 50 === 0 ? 1 : null, created_at: n }
}

/** One statement with one parameter, however many rows. */
async function fill (table: 'users' | 'user_roles', rows: ReadonlyArray<Record<string, unknown>>): Promise<void> {
  const names = sql.join(Object.keys(rows[0] ?? {}).map((name) => sql.ref(name)))
  const values = sql.join(Object.keys(rows[0] ?? {}).map((name) => sql`value->>${sql.lit(name)}`))
  const text = JSON.stringify(rows)
  if (database === undefined) await sql`insert into ${sql.table(table)} (${names}) select ${values} from json_each(${text})`.execute(queries)
  else await sql`insert into ${sql.table(table)} (${names}) select ${names} from json_populate_recordset(null::${sql.table(table)}, ${text}::json)`.execute(queries)
}

for (let start = 0; start < many; start += batch) {
  const people = Array.from({ length: Math.min(batch, many - start) }, (_, index) => person(start + index))
  await fill('users', people)
  await fill('user_roles', people.flatMap(({ id, created_at: n }) => [...n % 2 === 0 ? ['editor'] : [], ...n < 3 ? ['admin'] : []].map((role) => ({ user_id: id, role }))))
}
if (database !== undefined) {
  await sql`analyze`.execute(queries)
  // What PostgreSQL believes of the roles where one of the three administrators is in the sample that it took, as in one run of six: dearer than none or two.
  await sql`select pg_restore_attribute_stats('schemaname', 'public', 'relname', 'user_roles', 'attname', 'role', 'inherited', false, 'null_frac', 0::real, 'avg_width', 7, 'n_distinct', 2::real, 'most_common_vals', '{editor}'::text, 'most_common_freqs', '{0.999967}'::real[])`.execute(queries)
}

const asks = {
  'the first page': {},
  'a page in the middle': { cursor: Buffer.from('user0500000').toString('base64url') },
  'a whole name': { q: 'user0500000' },
  'a whole address': { q: 'user0500000@example.org' },
  'one letter': { q: 'u' },
  'one letter of few': { q: '1' },
  'four letters that half have': { q: 'user' },
  'nobody': { q: 'zzzzzzzz' },
  'administrators': { role: 'admin' },
  'editors': { role: 'editor' },
  'disabled ones': { disabled: true },
  'enabled ones': { disabled: false },
  'administrators that half begin like': { q: 'user', role: 'admin' },
  'disabled editors': { role: 'editor', disabled: true },
  'disabled ones that half begin like': { q: 'user', disabled: true },
  'disabled administrators that half begin like': { q: 'user', role: 'admin', disabled: true },
  'nobody who is disabled and an administrator and none': { q: 'u', role: 'nobody', disabled: true }
}

for (const limit of [50, 200]) {
  for (const [what, query] of Object.entries(asks)) {
    const times: number[] = []
    for (let round = 0; round < rounds; round++) {
      const begun = performance.now()
      await service.administration.listUsers({ limit, ...query })
      times.push(performance.now() - begun)
    }
    times.sort((one, other) => one - other)
    process.stdout.write(`${`${what}, ${limit} a page`.padEnd(66)} median ${times[rounds / 2]?.toFixed(2).padStart(8)} ms   worst ${times.at(-1)?.toFixed(2).padStart(8)} ms\n`)
  }
}

await service.close()
rmSync(folder, { recursive: true, force: true })
