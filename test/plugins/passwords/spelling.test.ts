import t from 'tap'
import { fold, kindsOfSigns, readings, withoutSigns } from '../../../plugins/passwords/spelling.ts'

t.test('undoes the usual swaps, and tells no i from an l', async (t) => {
  t.equal(fold('p@$$w0rd'), 'password')
  t.equal(fold('5ea77ie'), 'seattie')
  for (const text of ['michelle', 'm1ch3113', 'm!chel!e', 'micheiie']) t.equal(fold(text), 'micheiie', text)
  t.equal(fold('26899'), '26899', 'other digits stand for themselves')
})

t.test('leaves out digits and signs at the ends', async (t) => {
  t.same(readings('dragon'), ['dragon'])
  t.same(readings('dragon299!').toSorted(), ['dragon', 'dragon299', 'dragon299!'])
  t.same(readings('(12)dragon').at(-1), 'dragon')
  t.same(readings('12345678!!'), ['12345678!!', '12345678'], 'with no letter the digits are the word')
  t.same(readings('!?%&'), ['!?%&'])
  t.same(readings('dragon🐴'), ['dragon🐴'], 'emoji are no signs')
  t.same(readings(''), [])
})

t.test('keeps swapped letters at the ends of a word beside leaving them out', async (t) => {
  for (const [text, word] of [['princ3$$1', 'princ3$$'], ['$unshin3!', '$unshin3'], ['29@pple', '@pple'], ['h3110', 'h3110'], ['b3457!!', 'b3457']] as const) t.ok(readings(text).includes(word), text)
  t.same(readings('dragon2$9'), ['dragon2$9', 'dragon'], 'a digit that is no swap ends the word')
  t.ok(readings('!!!!!!!!a!!!!!!!!').length <= 49)
  t.equal(readings('1!@$x$@!1').length, 25)
})

t.test('takes the signs away, and counts their kinds', async (t) => {
  t.equal(withoutSigns('i love-you_2, p@ss!'), 'iloveyou2pss')
  t.equal(withoutSigns('p@ss-w0rd', '@$!'), 'p@ssw0rd')
  t.equal(kindsOfSigns('!!aa!! "b" '), 3)
  t.equal(kindsOfSigns('abc🐴12'), 0)
})
