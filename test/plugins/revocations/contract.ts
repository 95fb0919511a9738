import type { Test } from 'tap'
import type { Queries } from '../../../plugins/database.ts'
import { createRevocationRepository, type Revocation } from '../../../plugins/revocations/repository.ts'

const now = Date.parse('2026-03-01T12:00:00Z')

const revocation = (members: Partial<Revocation> = {}): Revocation => ({ subject: 'session', subjectId: 's', notBefore: null, roles: null, expiresAt: now, ...members })
const withoutId = ({ id, ...rest }: Revocation & { id: number }) => rest

/** What the revocation repository promises, whatever database it is on. `open` gives a new empty one. */
export function revocationsContract (t: Test, open: (t: Test) => Promise<Queries>): void {
  t.test('keeps them in the order in which they came', async (t) => {
    const repository = createRevocationRepository(await open(t))
    const first = [revocation({ subjectId: 'b' }), revocation({ subject: 'user', subjectId: 'a', notBefore: now - 1 })]
    const second = [revocation({ subject: 'client', subjectId: 'b' }), revocation({ subject: 'token', subjectId: 'b' }), revocation({ subject: 'roles', subjectId: 'u', roles: ['a', 'b'] }), revocation({ subject: 'roles', subjectId: 'u', roles: [] })]
    await repository.add([])
    await repository.add(first)
    await repository.add(second)
    const all = await repository.after(0, 10)
    t.strictSame(all.map(withoutId), [...first, ...second])
    t.strictSame(await repository.after(all[1]?.id ?? 0, 10), all.slice(2))
    t.strictSame(await repository.after(all[0]?.id ?? 0, 2), all.slice(1, 3), 'so many at a time')
    t.strictSame(await repository.after(all[5]?.id ?? 0, 10), [])
  })

  t.test('takes any number at once', async (t) => {
    const repository = createRevocationRepository(await open(t))
    await repository.add(Array.from({ length: 10_001 }, (_, index) => revocation({ subjectId: String(index) })))
    const all = await repository.after(0, 20_000)
    t.equal(all.length, 10_001)
    t.equal(all[10_000]?.subjectId, '10000')
  })

  t.test('never gives an id again, whatever was swept', async (t) => {
    const repository = createRevocationRepository(await open(t))
    await repository.add([revocation(), revocation()])
    const last = (await repository.after(0, 10)).at(-1)?.id ?? 0
    t.equal(await repository.sweep(now, 10), 2)
    await repository.add([revocation()])
    t.ok((await repository.after(0, 10)).every(({ id }) => id > last))
    t.equal((await repository.after(last, 10)).length, 1, 'who had read to the end reads it')
  })

  t.test('sweeps what is over, so many at a time', async (t) => {
    const repository = createRevocationRepository(await open(t))
    await repository.add([0, 0, 0, 1].map((later) => revocation({ expiresAt: now + later })))
    t.equal(await repository.sweep(now, 2), 2)
    t.equal(await repository.sweep(now, 2), 1)
    t.equal(await repository.sweep(now, 2), 0)
    t.strictSame((await repository.after(0, 10)).map(withoutId), [revocation({ expiresAt: now + 1 })])
  })

  t.test('goes back with the transaction it belongs to', async (t) => {
    const queries = await open(t)
    await t.rejects(queries.transaction().execute(async (inside) => {
      await createRevocationRepository(inside).add([revocation()])
      throw new Error('no')
    }), { message: 'no' })
    t.strictSame(await createRevocationRepository(queries).after(0, 10), [])
  })
}
