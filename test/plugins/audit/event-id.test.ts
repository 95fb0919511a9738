import t from 'tap'
import { createEventIds, firstIdOf } from '../../../plugins/audit/event-id.ts'

const moment = Date.parse('2026-03-01T12:00:00.123Z')

t.test('makes UUIDv7s of the moment that sort as they were made', async (t) => {
  const nextId = createEventIds()
  const ids = [moment, moment, moment, moment + 1, moment + 1, moment + 500].map(nextId)
  for (const id of ids) t.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  t.strictSame(ids.toSorted(), ids)
  t.equal(Number.parseInt(ids[0]?.replaceAll('-', '').slice(0, 12) ?? '', 16), moment)
})

t.test('repeats none, however many there are in a moment', async (t) => {
  const nextId = createEventIds()
  t.equal(new Set(Array.from({ length: 10_000 }, () => nextId(moment))).size, 10_000)
})

t.test('says what sorts between the ids of two moments', async (t) => {
  const nextId = createEventIds()
  t.ok(nextId(moment - 1) < firstIdOf(moment))
  t.ok(firstIdOf(moment) < nextId(moment))
  t.equal(firstIdOf(-5), '00000000-0000')
})
