import { join } from 'node:path'
import t, { type Test } from 'tap'
import { workAlone } from '../../../plugins/database/lease.ts'
import type { Queries } from '../../../plugins/database.ts'
import { openDatabase } from '../../support/database.ts'
import { open, startPostgres } from '../../support/postgres.ts'
import { temporaryFolder } from '../../support/service.ts'

const minute = 60_000

async function worksAlone (t: Test, [one, other]: readonly [Queries, Queries]): Promise<void> {
  let finish = () => {}
  const work = new Promise<void>((resolve) => { finish = resolve })
  let begun = () => {}
  const started = new Promise<void>((resolve) => { begun = resolve })
  const first = workAlone(one, 'sweep', 'one', () => 0, () => { begun(); return work })
  await started
  t.equal(await workAlone(other, 'sweep', 'other', () => 0, async () => { t.fail('both work') }), false)
  t.equal(await workAlone(other, 'another', 'other', () => 0, async () => {}), true)
  finish()
  t.equal(await first, true)
  t.equal(await workAlone(other, 'sweep', 'other', () => 0, async () => {}), true)
}

t.test('lets one of several processes work at a time, each under its name', async (t) => {
  const file = join(temporaryFolder(t), 'leases.db')
  await worksAlone(t, [await openDatabase(t, { file }), await openDatabase(t, { file })])
})

t.test('does so on PostgreSQL, and of twenty at once one works', async (t) => {
  const server = await startPostgres(t)
  const url = await server.createDatabase()
  const pools = [open(url), open(url)] as const
  t.teardown(() => Promise.all(pools.map((queries) => queries.destroy())))
  await worksAlone(t, pools)
  const { promise: finished, resolve: finish } = Promise.withResolvers<void>()
  const all = Array.from({ length: 20 }, (_, index) => workAlone(pools[index % 2] as Queries, 'crowd', `${index}`, () => 0, () => finished))
  let refused = 0
  for (const one of all) void one.then((did) => { if (!did && ++refused === 19) finish() })
  t.equal((await Promise.all(all)).filter(Boolean).length, 1)
})

t.test('frees the name where the work fails', async (t) => {
  const queries = await openDatabase(t)
  await t.rejects(workAlone(queries, 'sweep', 'one', () => 0, () => Promise.reject(new Error('broken'))), { message: 'broken' })
  t.equal(await workAlone(queries, 'sweep', 'other', () => 0, async () => {}), true)
})

t.test('goes to another ten minutes after its holder was last heard of, and is not freed by the former one', async (t) => {
  const queries = await openDatabase(t)
  let finish = () => {}
  let begun = () => {}
  const started = new Promise<void>((resolve) => { begun = resolve })
  const slow = workAlone(queries, 'sweep', 'slow', () => 0, () => new Promise<void>((resolve) => { begun(); finish = resolve }))
  await started
  t.equal(await workAlone(queries, 'sweep', 'other', () => 10 * minute - 1, async () => { t.fail('too early') }), false)
  t.equal(await workAlone(queries, 'sweep', 'other', () => 10 * minute, async () => {
    finish()
    await slow
    t.equal(await workAlone(queries, 'sweep', 'third', () => 11 * minute, async () => { t.fail('it is the other\'s') }), false)
  }), true)
})
