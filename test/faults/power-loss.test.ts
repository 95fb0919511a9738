import fs from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import t from 'tap'
import { alice, aliceSignedIn, build } from '../support/build.ts'
import { startPostgres } from '../support/postgres.ts'
import { temporaryFolder } from '../support/service.ts'
import { witness } from '../support/witness.ts'

// No power is cut here: these show what the database is told, as it reads it back, and in which order things happen.

t.test('R02 answers no write before its commit is in the log of SQLite and the log is on the disk', async (t) => {
  const seen = witness(t, { fault: 'power loss, by what is read back and by the order of events', store: 'SQLite' })
  const file = join(temporaryFolder(t), 'gatehouse.db')
  const app = await build(t, { environment: { DATABASE_URL: `sqlite:${file}` } })
  const { refresh_token: refreshToken } = await aliceSignedIn(app)
  const settings: Record<string, unknown> = {}
  for (const pragma of ['journal_mode', 'synchronous', 'wal_autocheckpoint']) settings[pragma] = Object.values((await sql<Record<string, unknown>>`pragma ${sql.raw(pragma)}`.execute(app.database.queries)).rows[0] ?? {})[0]
  t.same(settings, { journal_mode: 'wal', synchronous: 1, wal_autocheckpoint: 1000 }, 'a checkpoint waits for the disk too: a page of the database is overwritten when the log is on it')

  const events: string[] = []
  const log = `${file}-wal`
  const { fdatasync } = fs
  fs.fdatasync = ((descriptor: number, done: (error: Error | null) => void) => {
    events.push(fs.readlinkSync(`/proc/self/fd/${descriptor}`) === log ? 'the log is written out' : 'another file is')
    fdatasync(descriptor, (error) => {
      events.push('it is on the disk')
      done(error)
    })
  }) as typeof fs.fdatasync
  t.teardown(() => { fs.fdatasync = fdatasync })

  const inOrder = ['the log is written out', 'it is on the disk', 'answered']
  const writes = {
    register: () => app.inject({ method: 'POST', url: '/register', payload: { ...alice, username: 'bob' } }),
    login: () => app.inject({ method: 'POST', url: '/login', payload: alice }),
    refresh: () => app.inject({ method: 'POST', url: '/refresh', payload: { refresh_token: refreshToken } })
  }
  for (const [what, write] of Object.entries(writes)) {
    events.length = 0
    t.ok((await write()).statusCode < 300, what)
    events.push('answered')
    t.same(events.slice(-3), inOrder, what)
    t.equal(events.includes('another file is'), false)
  }
  seen.note(`${JSON.stringify(settings)}; ${inOrder.join(', ')}`)
})

t.test('R02 leaves PostgreSQL to wait for its disk, and is told so', async (t) => {
  const seen = witness(t, { fault: 'power loss, by what is read back', store: 'PostgreSQL' })
  const server = await startPostgres(t, { fsync: 'on', full_page_writes: 'on' })
  const app = await build(t, { environment: { DATABASE_URL: await server.createDatabase(), SECRET_KEY: 'a secret that is long enough, for a test' } })
  const settings: Record<string, unknown> = {}
  for (const name of ['fsync', 'synchronous_commit', 'full_page_writes']) settings[name] = Object.values((await sql<Record<string, unknown>>`show ${sql.raw(name)}`.execute(app.database.queries)).rows[0] ?? {})[0]
  t.same(settings, { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on' })
  seen.note(JSON.stringify(settings))
})
