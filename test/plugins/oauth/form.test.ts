import t from 'tap'
import { parseForm } from '../../../plugins/oauth/form.ts'

const parse = (text: string | Uint8Array) => parseForm(typeof text === 'string' ? Buffer.from(text) : text)

t.test('reads a form', async (t) => {
  t.strictSame(parse('a=1&b=x+y&c=%26%3D%C3%A9'), { a: '1', b: 'x y', c: '&=é' })
  t.strictSame(parse(''), {})
  t.strictSame(parse('a=1&'), { a: '1' })
  t.strictSame(parse('a=%zz'), { a: '%zz' }, 'what is no code stands for itself')
})

t.test('leaves out what has no value', async (t) => {
  t.strictSame(parse('a=&b&c=1'), { c: '1' })
})

t.test('takes any name for a name', async (t) => {
  const form = parse('__proto__=1&constructor=2&toString=3')
  t.strictSame(Object.entries(form), [['__proto__', '1'], ['constructor', '2'], ['toString', '3']])
  t.equal(Object.getPrototypeOf(form), Object.prototype)
})

t.test('throws at a repeated parameter, also one without a value', async (t) => {
  for (const text of ['a=1&a=1', 'a=1&b=2&a=', 'a&a', '%61=1&a=2', 'a=1&__proto__=1&__proto__=2']) t.throws(() => parse(text), text)
})

t.test('throws at what is no UTF-8', async (t) => {
  for (const text of ['a=%ff', '%ff=a', 'a=%c3', Buffer.from([0x61, 0x3d, 0xff]), Buffer.from([0xc3])]) t.throws(() => parse(text))
})
