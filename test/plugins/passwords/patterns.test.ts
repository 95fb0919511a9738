import t from 'tap'
import { isRuns, repeatedIn } from '../../../plugins/passwords/patterns.ts'

t.test('knows rows of keys and characters, in either direction and in a circle, one after the other', async (t) => {
  const runs = [
    'abcdefgh', 'hgfedcba', '12345678', '0987654321', '901234', 'xyzabc', 'qwertyui', 'poiuytrewq', 'asdfghjkl', 'zxcvbnmzxcvbnm', 'qwertzuiop', 'azertyuiop', 'йцукенгш', 'абвгд',
    '1qaz2wsx3edc', '1q2w3e4r', 'qazwsxedc', 'qwer1234', 'asdfqwer', 'abc123xyz', 'qweasdzxc', 'aaa111', '!@#$%^&*', 'qwe!@#', '!qaz@wsx'
  ]
  for (const text of runs) t.ok(isRuns(text), text)
  for (const text of ['ab', 'abcde1', 'qwertyux', '12345679', 'abdefg', 'acegik', 'dragon', '!?%&/()=', '1112221']) t.notOk(isRuns(text), text)
})

t.test('knows what a text repeats', async (t) => {
  const repetitions = [['aaaaaaaa', 'a'], ['121212121', '12'], ['monkeymonkey', 'monkey'], ['abcabcab', 'abc'], ['🐴🐎🐴🐎', '🐴🐎'], ['x y x y ', 'x y ']] as const
  for (const [text, unit] of repetitions) t.equal(repeatedIn(text), unit, text)
  for (const text of ['', 'a', 'ab', 'abcabd', 'lampkabelamp', 'aaaaaaab', 'abcab']) t.equal(repeatedIn(text), null, text)
})
