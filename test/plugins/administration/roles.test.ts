import t from 'tap'
import { heldRoles } from '../../../plugins/administration/roles.ts'

t.test('keeps each role once, in alphabetical order', async (t) => {
  t.strictSame(heldRoles([]), [])
  t.strictSame(heldRoles(['editor', 'admin', 'editor', 'a:b', 'B_1', '-', '.']), ['-', '.', 'B_1', 'a:b', 'admin', 'editor'])
})

t.test('refuses what is no name', async (t) => {
  for (const role of ['', ' ', 'two words', 'a,b', 'a\n', 'é', '"', 'a/b', 'x'.repeat(65), 'a\0']) t.equal(heldRoles(['editor', role]), null, JSON.stringify(role))
  t.strictSame(heldRoles(['x'.repeat(64)]), ['x'.repeat(64)])
})

t.test('refuses more than sixteen, and more than 128 characters together', async (t) => {
  const names = (count: number, length: number) => Array.from({ length: count }, (_, index) => String.fromCharCode(97 + index).repeat(length))
  t.equal(heldRoles(names(16, 7))?.join(' ').length, 127)
  t.equal(heldRoles(names(17, 1)), null)
  t.equal(heldRoles([...names(15, 7), '123456789'])?.length, undefined)
  t.equal(heldRoles([...names(15, 7), '12345678'])?.join(' ').length, 128)
})
