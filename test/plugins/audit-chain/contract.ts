import type { Test } from 'tap'
import { createEventIds } from '../../../plugins/audit/event-id.ts'
import { createAuditRepository } from '../../../plugins/audit/repository.ts'
import type { Head } from '../../../plugins/audit-chain/link.ts'
import { createChainRepository } from '../../../plugins/audit-chain/repository.ts'
import { given } from '../../../plugins/database/dialect.ts'
import { run } from '../../../plugins/database/statement.ts'
import type { Queries } from '../../../plugins/database.ts'

const nextId = createEventIds()
const newEntry = () => ({ id: nextId(1_772_366_400_123), at: 1_772_366_400_123, event: 'user_created', userId: null, actor: 'a', ip: null, requestId: null, detail: '{"text":"\\u0000\'"}' })
const head = (place: number, members: Partial<Head> = {}): Head => ({ kind: 'head', place, digest: `digest ${place}`, signedAt: place * 10, kid: 'k', signature: 's', ...members })

/** What the repository of the chain promises, whatever database it is on. `open` gives a new empty one. */
export function chainContract (t: Test, open: (t: Test) => Promise<Queries>): void {
  t.test('gives entries their places, however many at once, and knows those that have none', async (t) => {
    const queries = await open(t)
    const chain = createChainRepository(queries, { given })
    t.strictSame([await chain.hasNews(), await chain.countNews(), await chain.news(9), await chain.lastPlace()], [false, 0, [], 0])
    const entries = Array.from({ length: 250 }, newEntry)
    await createAuditRepository(queries, { run }).add(entries.toReversed())
    t.strictSame([await chain.hasNews(), await chain.countNews()], [true, 250])
    t.strictSame(await chain.news(3), entries.slice(0, 3), 'in the order of their ids')
    await chain.link(entries.slice(0, 249).map(({ id }, index) => ({ id, place: index + 1, digest: `digest ${index + 1}` })))
    t.strictSame([await chain.countNews(), await chain.news(9), await chain.lastPlace()], [1, entries.slice(249), 249])
    const links = entries.slice(0, 249).map((entry, index) => ({ ...entry, place: index + 1, digest: `digest ${index + 1}` }))
    t.strictSame(await chain.linksAfter({ place: 0, id: '' }, 1000), links)
    t.strictSame(await chain.linksAfter({ place: 2, id: links[1]?.id ?? '' }, 2), links.slice(2, 4))
    await chain.link([])
    t.equal(await chain.lastPlace(), 249)
    await createAuditRepository(queries, { run }).add([{ ...newEntry(), at: 2 ** 60 }])
    t.match(await chain.news(9), [entries[249], { at: Number.MAX_SAFE_INTEGER }], 'what cannot be read exactly keeps no others from being linked')
  })

  t.test('keeps heads, and cuts off what is old', async (t) => {
    const queries = await open(t)
    const chain = createChainRepository(queries, { given })
    t.strictSame([await chain.start(), await chain.newestHeads(2), await chain.headsAfter(0, null)], [null, [], []])
    const entries = Array.from({ length: 6 }, newEntry)
    await createAuditRepository(queries, { run }).add(entries)
    await chain.link(entries.slice(0, 5).map(({ id }, index) => ({ id, place: index + 1, digest: '' })))
    for (const place of [1, 3, 5]) await chain.addHead(head(place))
    t.strictSame(await chain.newestHeads(2), [head(5), head(3)])
    t.strictSame([await chain.headsAfter(1, null), await chain.headsAfter(1, 4), await chain.headsAfter(5, null)], [[head(3), head(5)], [head(3)], []])
    for (const place of [2, 3]) await chain.cut(head(place, { kind: 'start' }))
    t.strictSame(await chain.start(), head(3, { kind: 'start' }))
    t.strictSame(await chain.headsAfter(0, null), [head(3), head(5)])
    t.strictSame((await chain.linksAfter({ place: 0, id: '' }, 9)).map(({ place }) => place), [4, 5])
    t.strictSame(await chain.news(9), entries.slice(5), 'what is no link stays')
    await chain.removeHead(3)
    t.strictSame([await chain.newestHeads(9), await chain.start()], [[head(5)], head(3, { kind: 'start' })])
  })

  t.test('keeps a key as it came first', async (t) => {
    const chain = createChainRepository(await open(t), { given })
    const key = { kid: 'k', publicJwk: '{}', seal: 'first' }
    for (const seal of ['first', 'second']) await chain.addKey({ ...key, seal })
    t.strictSame(await chain.keys(), [key])
    await chain.reseal('k', 'third')
    await chain.reseal('none', 'third')
    t.strictSame(await chain.keys(), [{ ...key, seal: 'third' }])
  })
}
