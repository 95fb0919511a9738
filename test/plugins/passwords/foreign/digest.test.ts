import t from 'tap'
import { equal } from '../../../../plugins/passwords/foreign/digest.ts'

t.test('compares bytes, and lengths first', async (t) => {
  const one = Buffer.from('0123456789')
  t.equal(equal(one, Buffer.from('0123456789')), true)
  for (const other of ['1123456789', '012345678x', '012345678', '01234567890', '']) t.equal(equal(one, Buffer.from(other)), false, other)
})
