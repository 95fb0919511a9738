import t from 'tap'
import { cursorAfter, readCursor } from '../../../plugins/administration/cursor.ts'

t.test('carries a key there and back', async (t) => {
  for (const key of ['alice', 'a', 'alice@example.org', 'é漢', ' ']) {
    t.match(cursorAfter(key), /^[\w-]+$/)
    t.equal(readCursor(cursorAfter(key)), key)
  }
})

t.test('reads nothing that nobody wrote', async (t) => {
  for (const cursor of ['', '=', 'YWxpY2U=', 'YWxpY2V', '!', ' ', 'YWxp Y2U', 'a', '_w', cursorAfter('a\0'), 'é']) t.equal(readCursor(cursor), null, cursor)
})
