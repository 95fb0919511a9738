import { readFileSync } from 'node:fs'
import t from 'tap'
import { readBlocklist } from '../../../plugins/passwords/blocklist.ts'
import { createPolicy } from '../../../plugins/passwords/policy.ts'
import { commonPasswords } from '../../support/common-passwords.ts'

const short = /^This password is too short: use \d+ characters or more$/
const name = /^This password is made of a name.*: use words that do not$/
const common = /^This password is among the first.*: use several unrelated words$/

const blocklist = readBlocklist(readFileSync(new URL('../../../plugins/passwords/blocklist.bin', import.meta.url)))
const weaknessOf = createPolicy({ minLength: 8, blocklist, names: ['gatehouse', 'login.kestrel-bank.example', 'kestrel-bank'] })

function weakness (password: string, words: string[] = ['alice']) {
  return weaknessOf(password, words)
}

t.test('asks for a length in characters, after NFC', async (t) => {
  t.match(weakness('zq7lm4x'), short)
  t.equal(weakness('zq7lm4xk'), null)
  t.match(weakness('🐴🦓🐎🎠🦄🫏🐂'), short, 'seven characters of four bytes')
  t.equal(weakness('🐴🦓🐎🎠🦄🫏🐂🐃'), null)
  t.match(weakness('e\u0301a\u0300u\u0302o\u0303'), short, 'four characters in eight code points')
  t.match(weakness(''), short)
  const strict = createPolicy({ minLength: 15, blocklist, names: [] })
  t.equal(strict('zebra42 moon', []), 'This password is too short: use 15 characters or more')
  t.match(strict('password20262026', []), common, 'and the rest holds as before')
})

t.test('asks for no kinds of characters', async (t) => {
  for (const password of ['lampe kabel zebra', '90215537204', 'XQZVBNRT', '        z', 'пароль лошадь', '漢字仮名交じり文', '!?%&/()=', 'alice likes zebras', 'ALICExBOB9', 'алисавстране']) t.equal(weakness(password), null, password)
})

t.test('refuses what is made of a name that goes with the account', async (t) => {
  const cases: [password: string, words: string[]][] = [
    ['alicealice', ['alice']], ['alice123', ['alice']], ['123Alice!', ['alice']], ['ALICE-2026', ['alice']], ['ecila999', ['alice']], ['ecilaecila', ['alice']], ['4l1c3.b0b', ['alice.bob']], ['alice.bob', ['alice.bob']],
    ['al1ce!2026', ['alice']], ['alice2026', ['4lice']], ['jane1984', ['jane.doe']], ['a.l.i.c.e.1', ['alice']], ['e\u0301lodie99', ['Élodie']],
    ['jane.doe.99', ['user', 'jane.doe']], ['janedoe1', ['user', 'jane.doe']], ['bob.1984', ['bob.1984']], ['4891.bob', ['bob.1984']], ['90210-4711', ['90210-4711']], ['0123-abc', ['ABC-0123', 'x', '0123-abc']]
  ]
  for (const [password, words] of cases) t.match(weakness(password, words), name, password)
  t.equal(weakness('bob-90215537', ['bob']), null, 'names that are short mean too much')
  t.equal(weakness('alice приветмир', ['alice']), null, 'letters of any alphabet count')
})

t.test('refuses what is made of the service\'s own name or host', async (t) => {
  for (const password of ['gatehouse', 'Gatehouse1!', 'g4t3h0u5e', 'esuohetag', 'gatehousegatehouse', 'kestrel-bank', 'KestrelBank1', 'kestrel2026', 'k3str3l!!', 'login.kestrel-bank.example']) t.match(weakness(password), name, password)
  for (const password of ['kestrel over the harbour', 'gatehouse by the river']) t.equal(weakness(password), null, password)
})

t.test('refuses what everybody tries first, in every usual spelling', async (t) => {
  const cases = [
    'password', 'PASSWORD', 'Password1', 'password123', 'password!!!', 'p4ssw0rd', 'P@ssw0rd', 'P@ssw0rd!', 'P@$$w0rd2026!', 'pass-word', 'p.a.s.s.w.o.r.d', '2026password', 'ｐassword'.normalize('NFKC'),
    'iloveyou', 'I love you', '1loveyou!', 'trustno1', 'tru5tn01', 'sunshine99', '5unsh1ne', '$unshin3!', 'letmein1', 'abc12345!', '12345678!!', '1234-5678', 'm1ch3113', 'MICHE!!E1',
    'Dragon123!', 'monkey2024', 'dr4g0n-77', 'princ3$$1', 'Summer2024!', '!2024summer', 'admin!@#$', 'test12345678', 'lisa19840712'
  ]
  for (const password of cases) t.match(weakness(password), common, password)
})

t.test('refuses one character, a word or a run of keys again and again, with digits and signs around it as well', async (t) => {
  const cases = [
    'aaaaaaaa', '11111111', 'aaaaaaa1', '🐴🐴🐴🐴🐴🐴🐴🐴', '        ', 'passpass', 'abcdabcd', '12341234', '98769876', 'lampelampe', 'лампалампа', 'lampelampe99!', 'monkey7monkey7', 'a1a1a1a1a', 'bob bob bob!',
    'abcdefgh', 'hgfedcba', '12345678', '87654321', '1234567890', '0987654321', '123456789012', 'abcdefghijklmnopqrstuvwxyzabc', 'qwertyui', 'poiuytrewq', 'asdfghjkl', 'zxcvbnmzxcvbnm', '1qaz2wsx', '!QAZ2wsx', '1qaz2wsx3edc', 'qazwsxedc',
    'qwer1234', 'abc@1234', 'Qwertyui1!', 'asdf 1234', '!@#$%^&*', 'йцукенгш'
  ]
  for (const password of cases) t.match(weakness(password), common, password)
  for (const password of ['abcdabcf zx', 'lampkabelamp', 'qwertyux zebra', '12345679 86', 'a1b2k3a1b2k3']) t.equal(weakness(password), null, password)
})

t.test('refuses a hundred of the commonest at every rank, in the spellings people give them', async (t) => {
  const eligible = commonPasswords.filter((password) => password.length >= 8)
  const ranks = [...Array.from({ length: 50 }, (_, index) => index), ...Array.from({ length: 50 }, (_, index) => 100 + index * 4079)]
  const spellings = [(text: string) => text, (text: string) => text.toUpperCase(), (text: string) => `${text}!`, (text: string) => text.replaceAll('o', '0').replaceAll('e', '3').replaceAll('s', '$'), (text: string) => text.replaceAll(/[il]/g, '1').replaceAll('a', '@')]
  for (const rank of ranks) for (const spell of spellings) t.match(weakness(spell(eligible[rank] as string)), common, `${rank}: ${spell(eligible[rank] as string)}`)
  const words = commonPasswords.filter((password) => /^[a-z]{4,7}$/.test(password))
  for (let rank = 0; rank < 10_000; rank += 499) for (const tail of ['2026', '12345', '123!!', '#9876']) t.match(weakness(`${words[rank]}${tail}`), common, `${words[rank]}${tail}`)
})

t.test('lets pass what only begins with or holds something common', async (t) => {
  const cases = [
    'correct horse battery staple', 'correct horse battery', 'correct horse', 'seven lamps by the harbour wall', 'not the password', 'sunshine and kettles', 'password for the harbour', 'monkeys eat tulips', 'dragon kettle', 'my 2 dogs and 3 cats',
    'kx7wq2mz', 'p7#kQ!v2&xT9', 'f3x0-9sle-wq28', 'n8$Lq2!vR', 'Vrk-tulip-29-oem', 'password🐴🦓🎠', 'zebra42 moon'
  ]
  for (const password of cases) t.equal(weakness(password), null, password)
})

t.test('refuses hardly anything that chance makes', async (t) => {
  let state = 1
  const chance = (below: number) => {
    state = state * 48_271 % 2_147_483_647
    return Math.floor(state / 2_147_483_647 * below)
  }
  const text = (alphabet: string, length: number) => Array.from({ length }, () => alphabet[chance(alphabet.length)]).join('')
  const words = commonPasswords.filter((password) => /^[a-z]{4,7}$/.test(password)).slice(0, 10_000)
  const kinds: [what: string, make: () => string, most: number][] = [
    ['ten letters and digits', () => text('abcdefghijklmnopqrstuvwxyz0123456789', 10), 4],
    ['four of the commonest words', () => Array.from({ length: 4 }, () => words[chance(words.length)]).join(' '), 1],
    ['four of them without spaces', () => Array.from({ length: 4 }, () => words[chance(words.length)]).join(''), 0]
  ]
  for (const [what, make, most] of kinds) {
    const refused = Array.from({ length: 10_000 }, make).filter((password) => weakness(password) !== null)
    t.ok(refused.length <= most, what, { refused })
  }
})

t.test('answers anything, however it is made', async (t) => {
  const texts = ['a'.repeat(128), '1a'.repeat(64), 'ab'.repeat(64), '!'.repeat(127), '\u0301'.repeat(128), `${'a1'.repeat(63)}!!`, `${'!'.repeat(63)}x${'$'.repeat(64)}`, `${'a'.repeat(127)}b`, '🐴'.repeat(128), 'ﷺ'.repeat(128)]
  for (const text of texts) t.doesNotThrow(() => weakness(text, [text, 'x'.repeat(254), '', '...']))
})
