import type { Test } from 'tap'
import { createEventIds } from '../../../plugins/audit/event-id.ts'
import { createAuditRepository, type StoredEvent } from '../../../plugins/audit/repository.ts'
import { run } from '../../../plugins/database/statement.ts'
import type { Queries } from '../../../plugins/database.ts'

const nextId = createEventIds()
const at = Date.parse('2026-03-01T12:00:00Z')

const newEvent = (members: Partial<StoredEvent> = {}): StoredEvent => ({
  id: nextId(members.at ?? at), at, event: 'user_created', userId: 'u', actor: 'a', ip: '192.0.2.1', requestId: 'r', detail: null, ...members
})

/** What the repository of events promises, whatever database it is on. `open` gives a new empty one. */
export function auditContract (t: Test, open: (t: Test) => Promise<Queries>): void {
  t.test('keeps what was added as it was, however many at once', async (t) => {
    const queries = await open(t)
    const events = [newEvent({ userId: null, actor: null, ip: null, requestId: null }), newEvent({ detail: JSON.stringify({ text: 'a\0"b' }) }), ...Array.from({ length: 250 }, () => newEvent())]
    await createAuditRepository(queries, { run }).add(events)
    await createAuditRepository(queries, { run }).add([])
    const rows = await queries.selectFrom('audit_events').selectAll().orderBy('id').execute()
    t.strictSame(rows.map(({ id, at, event, user_id: userId, actor, ip, request_id: requestId, detail }) => ({ id, at, event, userId, actor, ip, requestId, detail })), events)
    t.ok(rows.every(({ place, digest }) => place === null && digest === null))
  })

  t.test('finds those that are asked for, in both orders', async (t) => {
    const audit = createAuditRepository(await open(t), { run })
    const events = [
      newEvent({ at, userId: 'u' }), newEvent({ at: at + 1, userId: 'other' }), newEvent({ at: at + 1, event: 'user_deleted' }), newEvent({ at: at + 2, userId: null }), newEvent({ at: at + 5 })
    ]
    await audit.add(events)
    const chained = events.map((event) => ({ ...event, place: null, digest: null }))
    t.strictSame(await audit.after(null, {}, 9), chained)
    t.strictSame(await audit.before(null, {}, 9), chained.toReversed())
    const id = (index: number) => events[index]?.id ?? ''
    const found = async (...[from, filter, limit]: Parameters<typeof audit.after>) => (await audit.after(from, filter, limit)).map((event) => events.findIndex((one) => one.id === event.id))
    const back = async (...[from, filter, limit]: Parameters<typeof audit.after>) => (await audit.before(from, filter, limit)).map((event) => events.findIndex((one) => one.id === event.id))
    t.strictSame([await found(id(1), {}, 2), await back(id(3), {}, 2)], [[2, 3], [2, 1]])
    t.strictSame([await found(null, { userId: 'u' }, 9), await back(id(4), { userId: 'u', event: 'user_created' }, 9)], [[0, 2, 4], [0]])
    t.strictSame([await found(null, { from: at + 1 }, 9), await found(null, { to: at + 1 }, 9), await found(null, { from: at + 2, to: at + 4 }, 9)], [[1, 2, 3, 4], [0, 1, 2], [3]])
  })
}
