import type { Test } from 'tap'
import { createEventIds } from '../../../plugins/audit/event-id.ts'
import { createAuditRepository, type StoredEvent } from '../../../plugins/audit/repository.ts'
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
    await createAuditRepository(queries).add(events)
    await createAuditRepository(queries).add([])
    const rows = await queries.selectFrom('audit_events').selectAll().orderBy('id').execute()
    t.strictSame(rows.map(({ id, at, event, user_id: userId, actor, ip, request_id: requestId, detail }) => ({ id, at, event, userId, actor, ip, requestId, detail })), events)
    t.ok(rows.every(({ place, digest }) => place === null && digest === null))
  })
}
