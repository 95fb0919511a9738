import t, { type Test } from 'tap'
import { startAttacked } from '../support/attacked.ts'
import { concludes, createAttacker, takesLessThan } from '../support/attacker.ts'
import { alice } from '../support/build.ts'
import { segment } from '../support/forge.ts'
import { countOf, usernames } from '../support/stored.ts'

const attacker = createAttacker(await startAttacked(t))
const { service, send, post, get, secrets } = attacker
await post('/register', alice)
const { access_token: token } = (await post('/login', alice)).json<{ access_token: string }>()

const paths = ['/register', '/login']
/** Who is never made. */
const mallory = { username: 'mallory', password: 'a raven over the harbour' }
secrets.add(mallory.password)

/** Sends each body to both routes and asserts that each is refused and that nothing was made. */
async function refuses (t: Test, bodies: Record<string, unknown>, outcome = '400 invalid_request', headers: string[] = []): Promise<void> {
  for (const [name, body] of Object.entries(bodies)) {
    for (const path of paths) t.equal((await send({ method: 'POST', path, body, headers })).outcome, outcome, `${path}: ${name}`)
  }
  t.same(usernames(service), ['alice'], 'no account was made')
  t.equal(countOf(service, 'sessions'), 1, 'no session was begun')
}

/** A text of JSON with members as they are written, where an object could not hold them. */
function members (...texts: string[]): string {
  return `{${texts.join(',')}}`
}

const name = '"username":"mallory"'
const password = `"password":"${mallory.password}"`

t.test('H137 parses no other media type than JSON', async (t) => {
  const types = [
    'text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/jsonx', 'application/xml', 'text/json',
    'application/vnd.api+json', 'application/json, text/plain', 'application/json; charset=utf-16', 'application/json; charset=latin1', '*/*'
  ]
  for (const type of types) await refuses(t, { [type]: mallory }, '415 unsupported_media_type', [`Content-Type: ${type}`])
  await refuses(t, { empty: mallory }, '415 unsupported_media_type', ['Content-Type:'])
  const untyped = `POST /register HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${JSON.stringify(mallory).length}\r\n\r\n${JSON.stringify(mallory)}`
  t.equal((await attacker.say(untyped))[0]?.outcome, '415 unsupported_media_type', 'absent')
})

t.test('H138 validates under every spelling of the media type', async (t) => {
  const types = [
    ' application/json', 'application/json\t', 'application/json;', 'APPLICATION/JSON', 'application/json ; charset=utf-8', 'application/json;charset="UTF-8"',
    'application/json; boundary=x', 'Application/Json;;', 'application/json; charset=utf-8; x=y'
  ]
  for (const type of types) await refuses(t, { [type]: { username: 1 } }, '400 invalid_request', [`Content-Type:${type}`])
})

t.test('H140 refuses a body that is not an object', async (t) => {
  await refuses(t, { null: 'null', array: '[]', string: '"x"', number: '5', boolean: 'true', empty: '', space: ' ' })
})

t.test('H141 refuses what is not JSON', async (t) => {
  await refuses(t, {
    'trailing comma': `{${name},${password},}`,
    'not a number': members(name, password, '"email":NaN'),
    'single quotes': "{'username':'mallory','password':'a raven over the harbour'}",
    comment: `{${name},${password}}// and more`,
    'comment within': `{/* */${name},${password}}`,
    'two documents': `{${name},${password}}{}`,
    'member without quotes': `{username:"mallory",${password}}`,
    unfinished: `{${name},${password}`,
    'byte order mark': `\ufeff{${name},${password}}`,
    'raw line feed': members('"username":"mal\nlory"', password)
  })
})

t.test('H141 refuses what is not UTF-8', async (t) => {
  const [before, after] = [`{${name},"password":"a raven over `, ' the harbour"}']
  for (const bytes of ['ff', 'c0af', 'eda080', 'f4908080', 'c3']) {
    const body = Buffer.concat([Buffer.from(before), Buffer.from(bytes, 'hex'), Buffer.from(after)])
    const head = `POST /register HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`
    t.equal((await attacker.say(Buffer.concat([Buffer.from(head), body])))[0]?.outcome, '400 invalid_request', bytes)
  }
})

t.test('H142 refuses a member that comes twice', async (t) => {
  await refuses(t, {
    'another value': members('"username":"alice"', '"username":"admin"', password),
    'the same value': members(name, name, password),
    'password twice': members(name, password, '"password":"another one of many words"')
  })
})

t.test('H143 refuses a member that comes twice under two spellings', async (t) => {
  await refuses(t, {
    password: members(name, password, '"p\\u0061ssword":"another one of many words"'),
    username: members('"\\u0075sername":"admin"', name, password)
  })
})

t.test('H144 refuses members that reach for prototypes, and nothing is different afterwards', async (t) => {
  await refuses(t, {
    'the prototype itself': members(name, password, '"__proto__":{"roles":["admin"]}'),
    'constructor.prototype': members(name, password, '"constructor":{"prototype":{"roles":["admin"]}}'),
    prototype: members(name, password, '"prototype":{}'),
    escaped: members(name, password, '"\\u005f\\u005fproto__":{"roles":["admin"]}'),
    alone: members('"__proto__":{"username":"mallory","password":"a raven over the harbour"}')
  })
  t.same((await get('/me', token)).json().roles, [])
  t.equal((await post('/register', { username: 'mallory' })).outcome, '400 invalid_request')
})

t.test('H145 refuses members that a client may not set, and makes no account', async (t) => {
  const extras = { role: 'admin', is_admin: true, id: '0', created_at: '2020-01-01T00:00:00Z', verified: true, scope: 'admin', aud: 'api', disabled: false, roles: ['admin'] }
  for (const [member, value] of Object.entries(extras)) await refuses(t, { [member]: { ...mallory, [member]: value } })
})

t.test('H146 refuses them under other spellings, and reads nothing from the query', async (t) => {
  const extras = { Role: 'admin', 'roles[]': 'admin', user: { role: 'admin' }, password_hash: '$argon2id$', token_version: 1, $set: { roles: ['admin'] }, Username: 'admin', '': 1 }
  for (const [member, value] of Object.entries(extras)) await refuses(t, { [member]: { ...mallory, [member]: value } })
  const { user, access_token: other } = (await post('/login?role=admin&roles[]=admin&username=admin&scope=admin', alice)).json<{ user: { username: string, roles: string[] }, access_token: string }>()
  t.match(user, { username: 'alice', roles: [] })
  const claims = JSON.parse(Buffer.from(other.split('.')[1] ?? '', 'base64url').toString())
  t.same([claims.roles, claims.scope], [[], ''])
})

t.test('H147 takes no username that is not a string', async (t) => {
  const before = countOf(service, 'sessions')
  for (const username of [['alice'], { name: 'alice' }, 12345, null, true]) {
    for (const path of paths) t.equal((await post(path, { ...mallory, username })).outcome, '400 invalid_request', `${path}: ${JSON.stringify(username)}`)
  }
  t.same([usernames(service), countOf(service, 'sessions')], [['alice'], before])
})

t.test('H148 takes no password that is not a string', async (t) => {
  const before = countOf(service, 'sessions')
  for (const value of [{ $ne: null }, true, 123456789012345, ['a raven over the harbour'], null]) {
    for (const path of paths) {
      for (const username of ['alice', 'mallory']) t.equal((await post(path, { username, password: value })).outcome, '400 invalid_request', `${path}: ${JSON.stringify(value)}`)
    }
  }
  t.same([usernames(service), countOf(service, 'sessions')], [['alice'], before])
})

t.test('H147 H148 takes no address that is not a string, and needs both members', async (t) => {
  for (const email of [['a@example.com'], {}, 1, true]) t.equal((await post('/register', { ...mallory, email })).outcome, '400 invalid_request', JSON.stringify(email))
  for (const path of paths) {
    for (const body of [{}, { username: 'mallory' }, { password: mallory.password }]) t.equal((await post(path, body)).outcome, '400 invalid_request', JSON.stringify(body))
  }
  t.same(usernames(service), ['alice'])
})

t.test('H150 refuses control characters and broken Unicode in a username', async (t) => {
  for (const char of ['\u0000', '\u0001', '\u001b', '\r\n', '\t', '\u007f', '\ud800', '\udc00']) {
    for (const username of [`mal${char}lory`, `mallory${char}`, `${char}alice`]) {
      for (const path of paths) t.equal((await post(path, { ...mallory, username })).outcome, '400 invalid_request', JSON.stringify(username))
    }
  }
})

const injections = [
  "' OR 1=1--", "' OR '1'='1", "alice'--", "alice' #", "alice'/*", "';DROP TABLE users;--", "\" OR \"\"=\"", "') OR ('1'='1", "' UNION SELECT null,null--",
  "' UNION SELECT id, username, password_hash FROM users--", '\\\'; DROP TABLE users; --', "1; UPDATE users SET username='admin'", "alice' AND 1=0 UNION SELECT 'a'--",
  "'; INSERT INTO user_roles VALUES ('x','admin');--", "%' OR '%'='", "'||(SELECT password_hash FROM users)||'", "$1", ':username', '?', "x'); DELETE FROM sessions;--"
]

t.test('H152 takes SQL for what it is: no name at all', async (t) => {
  const counts = () => (['users', 'user_roles', 'sessions'] as const).map((table) => countOf(service, table))
  const before = counts()
  for (const username of injections) {
    t.equal((await post('/register', { ...mallory, username })).outcome, '400 invalid_request', username)
    t.equal((await post('/login', { username, password: alice.password })).outcome, '401 invalid_credentials', username)
  }
  for (const text of injections.slice(0, 6)) {
    t.equal((await post('/login', { username: 'alice', password: text })).outcome, '401 invalid_credentials', `password: ${text}`)
  }
  t.same(counts(), before)
  t.equal((await post('/login', alice)).outcome, '200')
})

t.test('H153 runs no SQL that would take its time', async (t) => {
  const sleepers = ["'||randomblob(1000000000)||'", "'; SELECT pg_sleep(5);--", "' OR 1=(SELECT count(*) FROM sqlite_master a, sqlite_master b, sqlite_master c)--"]
  const fake = (kid: string, jti: string) => `${segment({ alg: 'ES256', kid, typ: 'at+jwt' })}.${segment({ jti })}.${'A'.repeat(86)}`
  const begun = performance.now()
  await post('/login', { username: 'nobody', password: mallory.password })
  const limit = performance.now() - begun + 200
  for (const text of sleepers) {
    t.ok(await takesLessThan(limit, () => post('/login', { username: text, password: mallory.password })), `username: ${text}`)
    t.ok(await takesLessThan(limit, () => post('/login', { username: 'nobody', password: text })), `password: ${text}`)
    t.ok(await takesLessThan(200, () => get('/protected', fake(text, 'x'))), `kid: ${text}`)
    t.ok(await takesLessThan(200, () => get('/protected', fake('x', text))), `jti: ${text}`)
  }
})

t.test('H155 refuses long texts made to slow down a pattern', async (t) => {
  const length = 15 * 1024
  const texts = [`${'a'.repeat(length)}!`, '('.repeat(length), '.@'.repeat(length / 2), 'a-'.repeat(length / 2), `a@${'a.'.repeat(length / 2)}`, `${'.'.repeat(length)}@`]
  for (const text of texts) {
    for (const [path, body] of [
      ['/register', { ...mallory, username: text }], ['/register', { ...mallory, password: text }], ['/register', { ...mallory, email: text }],
      ['/login', { ...mallory, username: text }], ['/login', { ...mallory, password: text }]
    ] as const) {
      t.equal((await post(path, body)).outcome, '400 invalid_request')
      t.ok(await takesLessThan(20, () => post(path, body)), `${path}: ${text.slice(0, 8)}`)
    }
  }
})

t.test('H155 checks texts of allowed length as fast', async (t) => {
  const emails = [`${'a'.repeat(250)}!`, `${'.@'.repeat(125)}`, `a@${'a-'.repeat(120)}.`, `a@${'a.'.repeat(120)}`]
  const names = [`${'a'.repeat(31)}!`, `${'a.'.repeat(15)}a!`, `${'._'.repeat(15)}a!`, `a${'-'.repeat(31)}`]
  const passwords = ['a'.repeat(128), '1'.repeat(128), '!'.repeat(128), '@4a$5s1!'.repeat(16), 'ab'.repeat(64)]
  const logins = ['a', '.', '@', ' '].map((letter) => `${letter.repeat(253)}\u007f`)
  for (const [path, body, outcome] of [
    ...emails.map((email) => ['/register', { ...mallory, email }, '400 invalid_request'] as const),
    ...names.map((username) => ['/register', { ...mallory, username }, '400 invalid_request'] as const),
    ...passwords.map((password) => ['/register', { ...mallory, password }, '400 weak_password'] as const),
    ...logins.map((username) => ['/login', { ...mallory, username }, '400 invalid_request'] as const)
  ]) {
    t.equal((await post(path, body)).outcome, outcome, JSON.stringify(body).slice(0, 60))
    t.ok(await takesLessThan(20, () => post(path, body)), JSON.stringify(body).slice(0, 60))
  }
})

t.test('H156 refuses deep nesting at once', async (t) => {
  for (const body of ['['.repeat(8192), '['.repeat(16_000), '{"a":'.repeat(3000), `{"username":${'['.repeat(4000)}${']'.repeat(4000)}}`, `{"username":${'['.repeat(9)}${']'.repeat(9)}}`]) {
    t.equal((await post('/login', body)).outcome, '400 invalid_request')
    t.ok(await takesLessThan(20, () => post('/login', body)), body.slice(0, 20))
  }
})

t.test('H157 never says what was submitted', async (t) => {
  const marks = ['mark-of-the-password', 'mark-of-the-name']
  const bodies = [
    { username: 'mallory', password: { deep: marks[0] } }, { username: 'mallory', password: `${marks[0]}\0` }, { username: 'mallory', password: `${marks[0]}${'x'.repeat(128)}` },
    { username: `${marks[1]}!`, password: 'x' }, { ...mallory, [marks[1] as string]: marks[0] }, { ...mallory, email: marks[1] }, `{"password":"${marks[0]}"`, `{"${marks[1]}":1,"${marks[1]}":2}`
  ]
  for (const body of bodies) {
    const answer = await post('/register', body)
    t.equal(answer.outcome, '400 invalid_request', JSON.stringify(body))
    t.notOk(marks.some((mark) => JSON.stringify([answer.headers, answer.body]).includes(mark)), answer.body)
  }
  for (const mark of marks) secrets.add(mark)
})

concludes(t, attacker)
