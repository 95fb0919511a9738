import t from 'tap'
import { beganAt, firstIdOf, sessionId } from '../../../plugins/sessions/session-id.ts'

t.test('is a UUIDv7 of the moment that is asked for', async (t) => {
  for (const moment of [0, 1, Date.parse('2026-03-01T12:00:00.123Z'), 2 ** 48 - 1]) {
    const id = sessionId(moment)
    t.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    t.equal(beganAt(id), moment)
  }
})

t.test('is another one each time, also in the same millisecond', async (t) => {
  t.equal(new Set(Array.from({ length: 10_000 }, () => sessionId(1))).size, 10_000)
})

t.test('sorts by its moment', async (t) => {
  const ids = [1, 15, 16, 255, 256, 65_536, 2 ** 32, 2 ** 40].map(sessionId)
  t.strictSame(ids.toSorted(), ids)
})

t.test('tells what lies between the ids of a moment and those before it', async (t) => {
  for (const moment of [1, 16, 65_536, 2 ** 32, Date.parse('2026-03-01T12:00:00.123Z')]) {
    t.ok(sessionId(moment - 1) < firstIdOf(moment))
    t.ok(firstIdOf(moment) < sessionId(moment))
  }
  t.equal(firstIdOf(-1), firstIdOf(0))
})
