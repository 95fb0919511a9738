import t from 'tap'
import { commonPasswords } from '../../../plugins/passwords/common.ts'
import { weaknessOf } from '../../../plugins/passwords/policy.ts'

const short = /^This password is too short: use \d+ characters or more$/
const name = /^This password is made of a name/
const common = /^This password is among the first/

function weakness (password: string, words: string[] = ['alice']) {
  return weaknessOf(password, 8, words)
}

t.test('asks for a length in characters, after NFC', async (t) => {
  t.match(weakness('zq7lm4x'), short)
  t.equal(weakness('zq7lm4xk'), null)
  t.match(weakness('🐴🦓🐎🎠🦄🫏🐂'), short, 'seven characters of four bytes')
  t.equal(weakness('🐴🦓🐎🎠🦄🫏🐂🐃'), null)
  t.match(weakness('e\u0301a\u0300u\u0302o'), short, 'four characters in seven code points')
  t.equal(weaknessOf('zebra42 moon', 15, []), 'This password is too short: use 15 characters or more')
  t.match(weaknessOf('', 8, []), short)
})

t.test('asks for no kinds of characters', async (t) => {
  for (const password of ['lampe kabel zebra', '90215537204', 'XQZVBNRT', '        z', 'пароль лошадь', '漢字仮名交じり文', '!?%&/()=', 'alice likes zebras', 'ALICExBOB9', 'алисавстране']) t.equal(weakness(password), null, password)
})

t.test('refuses what is made of a name that goes with the account', async (t) => {
  const cases: [password: string, words: string[]][] = [
    ['alicealice', ['alice']], ['alice123', ['alice']], ['123Alice!', ['alice']], ['ALICE-2026', ['alice']], ['ecila999', ['alice']], ['ecilaecila', ['alice']], ['4l1c3.b0b', ['alice.bob']], ['alice.bob', ['alice.bob']],
    ['gatehouse', []], ['Gatehouse1!', []], ['g4t3h0u5e', []], ['esuohetag', []], ['gatehousegatehouse', []], ['jane.doe.99', ['user', 'jane.doe']], ['janedoe1', ['user', 'jane.doe']],
    ['bob.1984', ['bob.1984']], ['4891.bob', ['bob.1984']], ['90210-4711', ['90210-4711']], ['0123-abc', ['ABC-0123', 'x', '0123-abc']]
  ]
  for (const [password, words] of cases) t.match(weakness(password, words), name, password)
  t.equal(weakness('bob bob bob!', ['bob']), null, 'names that are short mean too much')
  t.equal(weakness('alice приветмир', ['alice']), null, 'letters of any alphabet count')
})

t.test('refuses what everybody tries first', async (t) => {
  const cases = [
    'password', 'PASSWORD', 'Password1', 'password123', 'password!!!', 'p4ssw0rd', 'P@ssw0rd', 'P@$$w0rd2026!', 'iloveyou', 'trustno1', 'sunshine99', '5unsh1ne', 'letmein1',
    'aaaaaaaa', '11111111', '🐴🐴🐴🐴🐴🐴🐴🐴', '        ', 'passpass', 'abcdabcd', '12341234', '98769876', 'abcdefgh', 'hgfedcba', '12345678', '87654321', '1234567890', '0987654321', '123456789012', 'abcdefghijklmnopqrstuvwxyzabc',
    'qwertyui', 'poiuytrewq', 'asdfghjkl', 'zxcvbnmzxcvbnm', '1qaz2wsx', '1qaz2wsx3edc', 'qazwsxedc'
  ]
  for (const password of cases) t.match(weakness(password), common, password)
  for (const password of ['abcdabcf zx', 'lampkabelamp', 'qwertyux zebra', '12345679 86', 'a1b2k3a1b2k3', 'sunshine and kettles']) t.equal(weakness(password), null, password)
})

t.test('knows every listed password in any case and with digits behind', async (t) => {
  for (const password of commonPasswords) {
    const forms = [password, password.toUpperCase(), ...(/^[a-z]+$/.test(password) ? [`${password}7`, `${password}2026!`] : [])]
    for (const form of forms) t.match(weakness(form), common, form)
  }
})

t.test('is quick on anything', async (t) => {
  const before = performance.now()
  for (const text of ['a'.repeat(128), '1a'.repeat(64), 'ab'.repeat(64), '!'.repeat(127), '\u0301'.repeat(128), `${'a1'.repeat(63)}!!`]) weakness(text, [text, 'x'.repeat(254)])
  t.ok(performance.now() - before < 200)
})
