import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { createSharedCommit } from '../../../plugins/database/shared-commit.ts'
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
    if (how === 'commit') await t.rejects(fatal(), { message: 'alone' })
    else await fatal()
    await add('bob')
    t.same(names(), ['bob'])
  }
})

t.test('passes on that another has the lock, and begins when it is free', async (t) => {
  const { other, commits, add, names } = open(t)
  other.exec('begin immediate')
  t.throws(() => commits.begin(), { message: 'database is locked' })
  other.exec('rollback')
  await add('alice')
  t.same(names(), ['alice'])
})
