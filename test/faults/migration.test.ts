import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { migrations } from '../../plugins/database/migrate.ts'
import { startPostgres } from '../support/postgres.ts'
import { startService, temporaryFolder } from '../support/service.ts'
import { type Fault, witness } from '../support/witness.ts'

t.setTimeout(600_000)

/** `npm run faults` asks for 20. */
const kills = Number(process.env['CRASH_ROUNDS'] ?? 2)
const run = promisify(execFile)
const root = resolve(import.meta.dirname, '../..')
const secretKey = randomBytes(32).toString('base64url')

/** Where a database begins empty, and which migrations it has been through; `null` where it knows of none. */
interface Place {
  url: string
  done (): Promise<string[] | null>
}

const places: Record<Fault['store'], (t: Test) => Promise<() => Promise<Place>>> = {
  SQLite: async (t) => async () => {
    const file = join(temporaryFolder(t), 'gatehouse.db')
    return { url: `sqlite:${file}`, done: async () => readNames((sql) => reading(file, sql)) }
  },
  PostgreSQL: async (t) => {
    const server = await startPostgres(t)
    return async () => {
      const url = await server.createDatabase({ empty: true })
      return { url, done: () => readNames((sql) => server.run(sql, url)) }
    }
  }
}

for (const what of ['SQLite', 'PostgreSQL'] as const) {
  t.test(`R22 a first start on ${what} that is killed in its migrations leaves all of them or none, and the next one goes on`, async (t) => {
    const seen = witness(t, { fault: `kill -9 of a first start in its migrations, ${kills} times`, store: what })
    const next = await places[what](t)
    const { url } = await next()
    const { out } = await start(url)
    const statements = Number(out)
    const left = new Set<number>()
    for (let kill = 0; kill < kills; kill++) {
      const place = await next()
      const moment = 1 + Math.floor((kill + 0.5) * statements / kills)
      t.equal((await start(place.url, moment)).signal, 'SIGKILL', `at statement ${moment} of ${statements}`)
      const names = await place.done() ?? []
      t.ok([0, Object.keys(migrations).length].includes(names.length), `${names.length} migrations are there`)
      left.add(names.length)
      t.equal((await start(place.url)).signal, null)
      t.same(await place.done(), Object.keys(migrations))
      if (kill === kills - 1) await startService(t, { environment: { DATABASE_URL: place.url, SECRET_KEY: secretKey } })
    }
    seen.note(`${statements} statements are the whole`)
    t.ok(left.has(0), 'some were killed before the end of the migrations')
  })
}

async function start (url: string, moment?: number): Promise<{ out: string, signal: string | null }> {
  const env = { PATH: process.env['PATH'], DATABASE_URL: url, SECRET_KEY: secretKey, LOG_LEVEL: 'silent', ...moment === undefined ? {} : { DIES_AT: String(moment) } }
  return run(process.execPath, ['--import', './check-node.js', 'test/support/dying-migration.ts'], { cwd: root, env })
    .then(({ stdout }) => ({ out: stdout, signal: null }), (error: { signal: string | null }) => ({ out: '', signal: error.signal ?? 'failed' }))
}

async function readNames (read: (sql: string) => Promise<Array<Record<string, unknown>>>): Promise<string[] | null> {
  return read('select name from migrations order by name').then((rows) => rows.map(({ name }) => String(name)), () => null)
}

async function reading (file: string, sql: string): Promise<Array<Record<string, unknown>>> {
  const database = new DatabaseSync(file)
  try {
    return database.prepare(sql).all()
  } finally {
    database.close()
  }
}
