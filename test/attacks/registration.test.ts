import { randomBytes, randomInt } from 'node:crypto'
import t, { type Test } from 'tap'
import { startAttacked } from '../support/attacked.ts'
import { type Answer, concludes, createAttacker, takesLessThan } from '../support/attacker.ts'
import { alice, build } from '../support/build.ts'
import { commonPasswords } from '../support/common-passwords.ts'
import { countOf, digestOf, forgetFailures, usernames } from '../support/stored.ts'

const attacker = createAttacker(await startAttacked(t))
const { service, post } = attacker
const registered = await post('/register', alice)

async function registers (t: Test, password: string, what: string): Promise<void> {
  const account = { username: `user-${randomBytes(4).toString('hex')}`, password }
  t.equal((await post('/register', account)).outcome, '201', what)
  t.equal((await post('/login', account)).outcome, '200', `${what}: signs in`)
}

/** How often each outcome came. */
function tally (answers: Answer[]): Record<string, number> {
  return Object.fromEntries(Map.groupBy(answers, ({ outcome }) => outcome).entries().map(([outcome, { length }]) => [outcome, length]))
}

t.test('I158 answers the new account without its password or digest, for nobody to keep', async (t) => {
  t.equal(registered.outcome, '201')
  t.equal(registered.headers['content-type'], 'application/json; charset=utf-8')
  t.equal(registered.headers['cache-control'], 'no-store')
  const { message, user, ...others } = registered.json<{ message: string, user: Record<string, string> }>()
  t.equal(message, 'User registered successfully')
  t.same(others, {})
  t.same(Object.keys(user).sort(), ['created_at', 'email', 'id', 'roles', 'username'])
  t.match(user, { username: 'alice', email: null, roles: [], id: /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/, created_at: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/ })
  t.match(digestOf(service, 'alice'), /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
})

t.test('I159 I160 I161 never gives a name away a second time, nor its account another password', async (t) => {
  const digest = digestOf(service, 'alice')
  const other = 'another one of many words'
  for (const body of [alice, { ...alice, password: other }, { username: 'Alice', password: other }, { username: 'ALICE', password: other }]) {
    t.equal((await post('/register', body)).outcome, '409 username_taken', body.username)
  }
  t.equal(digestOf(service, 'alice'), digest)
  t.equal((await post('/login', alice)).outcome, '200')
  t.equal((await post('/login', { ...alice, password: other })).outcome, '401 invalid_credentials')
})

t.test('I162 I163 refuses what would have to be folded into a name', async (t) => {
  const names = [
    ' alice', 'alice ', 'al ice', 'alice\t', '\u00a0alice', 'ａｌｉｃｅ', 'a\u0301lice', '\u00e1lice', '\ufb00alice', 'al\u0131ce', '\u0430lice', 'ali\u200bce',
    'alice\u202e', '\u212aate', 'alice\u0000', '.alice', 'alice-', '_alice', 'al', 'a'.repeat(33), '', 'alice@example.com', 'al/ice', 'alice\ufeff'
  ]
  for (const username of names) t.equal((await post('/register', { ...alice, username })).outcome, '400 invalid_request', JSON.stringify(username))
  t.same(usernames(service), ['alice'])
})

t.test('I160 gives an address away once, in whatever case', async (t) => {
  t.equal((await post('/register', { username: 'carol', password: alice.password, email: 'Carol@Example.com' })).outcome, '201')
  t.equal((await post('/register', { username: 'mallory', password: alice.password, email: 'carol@example.COM' })).outcome, '409 email_taken')
  t.notOk(usernames(service).includes('mallory'))
})

t.test('I165 makes one account of fifty registrations at once, and its password is the winner\'s', async (t) => {
  const bodies = Array.from({ length: 50 }, (_, index) => ({ username: 'contested', password: `${index} ravens over the harbour` }))
  const answers = await Promise.all(bodies.map((body) => post('/register', body)))
  t.same(tally(answers), { 201: 1, '409 username_taken': 49 })
  const winner = answers.findIndex(({ status }) => status === 201)
  for (const [index, body] of bodies.entries()) {
    forgetFailures(service)
    t.equal((await post('/login', body)).outcome, index === winner ? '200' : '401 invalid_credentials')
  }
})

t.test('I166 does so for every spelling, in four processes on one file', async (t) => {
  const { folder, secretKey } = service
  const others = await Promise.all([1, 2, 3].map(() => startAttacked(t, { folder, secretKey })))
  const attackers = [attacker, ...others.map(createAttacker)]
  const before = countOf(service, 'users')
  const spellings = ['everybody', 'EVERYBODY', 'Everybody', 'everyBody', 'eve\u0301rybody', 'ｅverybody', 'everybody ']
  const bodies = Array.from({ length: 28 }, (_, index) => ({ username: String(spellings[index % spellings.length]), password: `${index} ravens over the harbour` }))
  const answers = await Promise.all(bodies.map((body, index) => (attackers[index % attackers.length] ?? attacker).post('/register', body)))
  t.same(tally(answers), { 201: 1, '409 username_taken': 15, '400 invalid_request': 12 })
  t.equal(countOf(service, 'users'), before + 1)
  const { password } = bodies[answers.findIndex(({ status }) => status === 201)] ?? alice
  const signedIn = await Promise.all(attackers.map(({ post }) => post('/login', { username: 'everybody', password })))
  t.same(tally(signedIn), { 200: 4 }, 'every process knows the account')
  t.same(await Promise.all(others.map((other) => other.stop())), [0, 0, 0])
})

t.test('I168 counts characters from eight on', async (t) => {
  t.equal((await post('/register', { username: 'bob', password: 'xkwvqzj' })).outcome, '400 weak_password')
  t.equal((await post('/register', { username: 'bob', password: '🦊🐙🦉🐝🦀🐬🦔' })).outcome, '400 weak_password', 'seven, in 28 bytes')
  await registers(t, 'xkwvqzjt', 'eight')
  await registers(t, '🦊🐙🦉🐝🦀🐬🦔🐌', 'eight, in 32 bytes')
})

t.test('I169 takes long passwords whole', async (t) => {
  const words = 'the quiet harbour has seven ravens and one lamp that nobody lit since the long winter of the grey boats; '
  await registers(t, words.slice(0, 64), '64 characters')
  await registers(t, (words + words).slice(0, 128), '128 characters')
  await registers(t, '🦊🐙🦉🐝🦀🐬🦔🐌'.repeat(16), '128 characters in 512 bytes')
})

t.test('I170 refuses longer ones before any work', async (t) => {
  const register = (password: string) => post('/register', { username: 'bob', password })
  t.equal((await register('🦊'.repeat(129))).outcome, '400 invalid_request', '516 bytes')
  t.equal((await register('x'.repeat(129))).outcome, '400 invalid_request', '129 characters')
  t.ok(await takesLessThan(20, () => register('🦊'.repeat(129))))
  const head = `POST /register HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${1024 * 1024}\r\n\r\n`
  const body = `{"username":"bob","password":"${'x'.repeat(32 * 1024)}`
  t.same(tally(await attacker.say(head + body)), { '413 payload_too_large': 1 }, '1 MiB')
  t.ok(await takesLessThan(20, () => attacker.say(head + body)))
})

t.test('I170 hashes nothing that is refused', async (t) => {
  const app = await build(t)
  let hashes = 0
  app.passwords.hash = async () => `${hashes++}`
  for (const password of ['🦊'.repeat(129), 'x'.repeat(1024 * 1024), 'short', 'password', 'x\0'.repeat(8), '\ud800'.repeat(8)]) {
    const { statusCode } = await app.inject({ method: 'POST', url: '/register', payload: { username: 'bob', password } })
    t.match(String(statusCode), /^4(00|13)$/)
  }
  t.equal(hashes, 0)
  await app.inject({ method: 'POST', url: '/register', payload: alice })
  t.equal(hashes, 1, 'a good one is')
})

t.test('I171 I178 tells passwords apart to the last character and the outermost space', async (t) => {
  const account = { username: 'dora', password: `${' the quiet harbour'.repeat(4)} X` }
  t.ok(account.password.length > 72)
  t.equal((await post('/register', account)).outcome, '201')
  t.equal((await post('/login', { ...account, password: `${account.password.slice(0, -1)}Y` })).outcome, '401 invalid_credentials')
  t.equal((await post('/login', { ...account, password: account.password.trim() })).outcome, '401 invalid_credentials', 'trimmed')
  t.equal((await post('/login', { ...account, password: `${account.password} ` })).outcome, '401 invalid_credentials', 'with one space more')
  t.equal((await post('/login', { ...account, password: account.password.toUpperCase() })).outcome, '401 invalid_credentials', 'in capitals')
  t.equal((await post('/login', account)).outcome, '200')
})

t.test('I171 tells long passwords of one letter apart', async (t) => {
  const account = { username: 'erik', password: `${'a'.repeat(72)}X` }
  t.equal((await post('/register', account)).outcome, '201')
  t.equal((await post('/login', { ...account, password: `${'a'.repeat(72)}Y` })).outcome, '401 invalid_credentials')
})

t.test('I172 refuses NUL and ill-formed Unicode, so that no two passwords are one', async (t) => {
  for (const password of ['sixteen ravens!!\0', '\0sixteen ravens!!', 'sixteen \0 ravens', 'ravens \ud800 harbour', 'ravens \udfff harbour']) {
    t.equal((await post('/register', { username: 'bob', password })).outcome, '400 invalid_request', JSON.stringify(password))
    t.equal((await post('/login', { ...alice, password })).outcome, '400 invalid_request', JSON.stringify(password))
  }
})

t.test('I173 asks for no kinds of characters', async (t) => {
  await registers(t, 'gravel lantern otter meadow', 'words in lower case')
  await registers(t, Array.from({ length: 19 }, () => randomInt(10)).join('').concat('0'), 'twenty digits by chance')
  await registers(t, `${' '.repeat(11)}q`, 'spaces and one letter')
})

t.test('I173 knows a password in either composition of its letters', async (t) => {
  const account = { username: 'zoe', password: 'dix-sept caf\u00e9s d\u00e9sert\u00e9s' }
  t.equal((await post('/register', account)).outcome, '201')
  t.equal((await post('/login', { ...account, password: account.password.normalize('NFD') })).outcome, '200')
})

t.test('I176 refuses a password made of what goes with the account', async (t) => {
  const username = 'marguerite'
  for (const password of [username, 'MARGUERITE', 'etireugram', `${username}123`, `${username}!`, '2024marguerite', 'gatehouse', 'Gatehouse1', 'gatehouse-2026']) {
    t.equal((await post('/register', { username, password })).outcome, '400 weak_password', password)
  }
  t.equal((await post('/register', { username, password: 'someoneelse1', email: 'someoneelse@example.com' })).outcome, '400 weak_password', 'of the address')
  t.notOk(usernames(service).includes(username))
})

t.test('I174 refuses the hundred commonest passwords', async (t) => {
  const answers = []
  for (const password of commonPasswords.filter((password) => password.length >= 8).slice(0, 100)) answers.push(await post('/register', { username: 'guessed', password }))
  t.same(tally(answers), { '400 weak_password': 100 })
  t.notOk(usernames(service).includes('guessed'))
})

t.test('I174 refuses them in the spellings that guessers try, and hashes none', async (t) => {
  const app = await build(t)
  app.passwords.hash = async () => { throw new Error('hashed') }
  const spellings = [(text: string) => text, (text: string) => text.toUpperCase(), (text: string) => `${text}!?`, (text: string) => text.replaceAll('a', '@').replaceAll('o', '0')]
  for (const [rank, common] of commonPasswords.filter((password) => password.length >= 8).slice(0, 100).entries()) {
    const password = (spellings[rank % spellings.length] as typeof String)(common)
    const reply = await app.inject({ method: 'POST', url: '/register', payload: { username: 'guessed', password } })
    t.match([reply.statusCode, reply.json()], [400, { code: 'weak_password', message: /: use several unrelated words$/ }], password)
  }
})

concludes(t, attacker)
