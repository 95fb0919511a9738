import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setImmediate as turn } from 'node:timers/promises'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { createSharedCommit } from '../../../plugins/database/shared-commit.ts'
import { add as addUser, names as namesOf, newFile, openDatabase, unavailable } from '../../support/database.ts'
import { temporaryFolder } from '../../support/service.ts'

/** A table of names, through the connection that shares its commits and through another one. */
function open (t: Test) {
  const file = join(temporaryFolder(t), 'shared.db')
  const [database, other] = [new DatabaseSync(file), new DatabaseSync(file)]
  t.teardown(() => { database.close(); other.close() })
  database.exec('pragma journal_mode = wal; create table names (name text primary key); create table pets (owner text references names (name) deferrable initially deferred)')
  const commits = createSharedCommit(database, (cause, shared) => new Error(shared ? 'shared' : 'alone', { cause }))

  async function add (name: string, how: 'commit' | 'rollback' = 'commit'): Promise<string> {
    commits.begin()
    database.exec(`insert into names values ('${name}')`)
    await commits.end(how)
    return name
  }

  const names = () => other.prepare('select name from names order by name').all().map(({ name }) => name)
  return { database, other, commits, add, names }
}

t.test('commits together what begins in one turn of the loop, and ends none before', async (t) => {
  const { add, names } = open(t)
  const ended: string[] = []
  const all = ['alice', 'bob', 'carol'].map((name) => add(name).then((done) => ended.push(done)))
  await Promise.resolve()
  t.same([names(), ended], [[], []])
  await turn()
  t.same(names(), ['alice', 'bob', 'carol'])
  await Promise.all(all)
  t.same(ended, ['alice', 'bob', 'carol'])
  await add('dave')
  t.same(names(), ['alice', 'bob', 'carol', 'dave'], 'the next turn has a commit of its own')
})

t.test('undoes one that is rolled back, wherever it stands, and none beside it', async (t) => {
  const { add, names } = open(t)
  await Promise.all([add('first', 'rollback'), add('alice'), add('bob', 'rollback'), add('carol'), add('last', 'rollback')])
  t.same(names(), ['alice', 'carol'])
})

t.test('holds the lock no longer where the first is rolled back', async (t) => {
  const { other, add } = open(t)
  const ended = add('alice', 'rollback')
  other.exec('begin immediate; rollback')
  await ended
})

t.test('commits at its end what goes on beyond the turn', async (t) => {
  const { database, commits, add, names } = open(t)
  const before = add('alice')
  commits.begin()
  database.exec(`insert into names values ('bob')`)
  await turn()
  await turn()
  t.same(names(), [], 'what came before it waits for it')
  const ended = commits.end('commit')
  t.same(names(), ['alice', 'bob'])
  await Promise.all([before, ended])
})

t.test('commits at once when it is told to, but for what goes on', async (t) => {
  const { database, commits, add, names } = open(t)
  const ended = add('alice')
  commits.close()
  t.same(names(), ['alice'])
  commits.close()
  commits.begin()
  database.exec(`insert into names values ('half')`)
  commits.close()
  t.same(names(), ['alice'])
  await commits.end('rollback')
  const next = add('bob')
  await turn()
  t.same(names(), ['alice', 'bob'], 'the turn that is over ends nothing of the next')
  await Promise.all([ended, next])
})

t.test('fails all where the commit fails, also what was rolled back, and goes on', async (t) => {
  const { database, commits, add, names } = open(t)
  const orphan = () => {
    commits.begin()
    database.exec(`insert into pets values ('nobody')`)
    return commits.end('commit')
  }
  await t.rejects(orphan(), { message: 'alone', cause: { errcode: 787 } })
  await Promise.all([orphan(), add('alice'), add('bob', 'rollback')].map((ended) => t.rejects(async () => { await ended }, { message: 'shared', cause: { errcode: 787 } })))
  t.same(names(), [])
  await add('carol')
  t.same(names(), ['carol'])
})

t.test('fails all where one takes the whole with it', async (t) => {
  for (const how of ['commit', 'rollback'] as const) {
    const { database, commits, add, names } = open(t)
    const fatal = () => {
      commits.begin()
      // As SQLite does by itself where the disk is full or fails.
      database.exec('rollback')
      return commits.end(how)
    }
    await Promise.all([add('alice'), fatal()].map((ended) => t.rejects(async () => { await ended }, { message: 'shared' })))
    t.same(names(), [])
    const [alone, next] = [fatal(), add('bob')]
    if (how === 'commit') await t.rejects(alone, { message: 'alone' })
    else await alone
    await next
    t.same(names(), ['bob'])
  }
})

t.test('says for what SQLite has taken the whole back', async (t) => {
  const { database, commits, add } = open(t)
  const full = new Error('database or disk is full')
  const fatal = (how: 'commit' | 'rollback') => {
    commits.begin()
    database.exec('rollback')
    return commits.end(how, full)
  }
  for (const how of ['commit', 'rollback'] as const) await Promise.all([add('alice'), fatal(how)].map((ended) => t.rejects(async () => { await ended }, { message: 'shared', cause: full })))
  await t.rejects(fatal('commit'), { message: 'alone', cause: full })
})

t.test('rejects, and nothing else, what goes on when the database is closed', async (t) => {
  const { database, commits } = open(t)
  commits.begin()
  await turn()
  database.close()
  await t.rejects(commits.end('commit'), { message: 'alone', cause: { message: 'database is not open' } })
  database.open()
})

t.test('passes on that another has the lock, and begins when it is free', async (t) => {
  const { other, commits, add, names } = open(t)
  other.exec('begin immediate')
  t.throws(() => commits.begin(), { message: 'database is locked' })
  other.exec('rollback')
  await add('alice')
  t.same(names(), ['alice'])
})

t.test('commits together what comes in together, and fails each for itself', async (t) => {
  for (const file of [null, newFile(t)]) {
    const queries = await openDatabase(t, { file })
    await addUser(queries, 'alice')
    const ended = await Promise.allSettled(['bob', 'alice', 'carol', 'bob', 'dave'].map((name) => queries.transaction().execute(async (inside) => {
      await addUser(inside, `friend of ${name}`)
      await addUser(inside, name)
    })))
    t.strictSame(ended.map((one) => one.status === 'fulfilled' || (one.reason as { errcode: number }).errcode), [true, 2067, true, 2067, true])
    t.same(await namesOf(queries), ['alice', 'bob', 'carol', 'dave', 'friend of bob', 'friend of carol', 'friend of dave'])
  }
})

t.test('answers none of those that share a commit which the disk does not take, and keeps none', async (t) => {
  const queries = await openDatabase(t, { file: newFile(t) })
  await addUser(queries, 'alice')
  await sql`pragma max_page_count = 1`.execute(queries)
  const ended = await Promise.allSettled(['b', 'c'.repeat(200_000), 'd'].map((name) => queries.transaction().execute((inside) => addUser(inside, name))))
  const kept = await namesOf(queries)
  t.same(kept, ['alice', ...['b', 'd'].filter((_, index) => ended[index * 2]?.status === 'fulfilled')], 'what is answered is there, and what is there is answered')
  for (const one of ended) if (one.status === 'rejected') t.match(one, { reason: { ...unavailable, cause: { message: 'database or disk is full' } } })
  t.equal(ended[1]?.status, 'rejected')
  await sql`pragma max_page_count = 100000`.execute(queries)
  await addUser(queries, 'eve')
  t.same(await namesOf(queries), [...kept, 'eve'])
})

t.test('commits what has ended in the turn in which it closes', async (t) => {
  const file = newFile(t)
  const queries = await openDatabase(t, { file })
  let begun = false
  const ended = queries.transaction().execute(async (inside) => { await addUser(inside, 'alice'); begun = true }).catch(() => {})
  while (!begun) await Promise.resolve()
  for (let left = 20; left > 0; left--) await Promise.resolve()
  await queries.destroy()
  await ended
  t.same(await namesOf(await openDatabase(t, { file })), ['alice'])
})
