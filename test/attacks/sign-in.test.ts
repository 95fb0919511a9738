import { createPublicKey, verify } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { argon2id, hash } from 'argon2'
import t, { type Test } from 'tap'
import type { TokenReply } from '../../schemas/login.ts'
import { startAttacked } from '../support/attacked.ts'
import { type Answer, concludes, createAttacker, takesLessThan } from '../support/attacker.ts'
import { alice, build } from '../support/build.ts'
import { found } from '../support/secrets.ts'
import { issuer } from '../support/service.ts'
import { countOf, digestOf, forgetFailures, plant } from '../support/stored.ts'

const attacker = createAttacker(await startAttacked(t, { environment: { MAX_SESSIONS: '10000' } }))
const { service, post, get, send, secrets } = attacker
await post('/register', alice)
const nobody = { ...alice, username: 'nobody' }
const bob = { ...alice, username: 'bob' }
const wrong = { ...alice, password: 'not her password at all' }

/** All of an answer but what is new each time. */
function shapeOf ({ status, headers: { date, 'x-request-id': _id, ...headers }, body }: Answer): string {
  return JSON.stringify([status, headers, body])
}

await post('/register', bob)
const unknown = shapeOf(await post('/login', nobody))

function segmentOf (token: string, index: number) {
  return JSON.parse(Buffer.from(token.split('.')[index] ?? '', 'base64url').toString())
}

/** Does something to bob's row and asserts that neither password signs him in, in the words that nobody is answered with. */
async function failsAlike (t: Test, column: 'password_hash' | 'disabled_at', value: string | number | null): Promise<void> {
  plant(service, bob.username, column, value)
  forgetFailures(service)
  for (const { password } of [bob, wrong]) t.equal(shapeOf(await post('/login', { ...bob, password })), unknown, String(value).slice(0, 32))
}

t.test('J181 answers tokens that nobody may keep', async (t) => {
  const answer = await post('/login', alice)
  t.equal(answer.outcome, '200')
  t.equal(answer.headers['cache-control'], 'no-store')
  t.match(answer.json(), { access_token: /^[\w-]+\.[\w-]+\.[\w-]{86}$/, token_type: 'Bearer', expires_in: 600, refresh_token: /^\S{40,}$/, refresh_expires_in: 604_800, user: { username: 'alice' } })
  t.same(Object.keys(answer.json()).sort(), ['access_token', 'expires_in', 'refresh_expires_in', 'refresh_token', 'token_type', 'user'])
  t.notMatch(answer.body, /argon2|password/)
})

t.test('J182 answers a wrong password and an unknown user alike, to the byte', async (t) => {
  const answers = [await post('/login', wrong), await post('/login', nobody), await post('/login', { ...nobody, username: 'nobody@example.com' }), await post('/login', { ...wrong, username: 'ALICE' })]
  t.equal(answers[0]?.outcome, '401 invalid_credentials')
  t.equal(answers[0]?.json().message, 'Invalid username or password')
  t.same([...new Set(answers.map(shapeOf))].length, 1)
})

t.test('J185 answers a disabled user as it answers nobody', async (t) => {
  t.equal((await post('/login', bob)).outcome, '200')
  await failsAlike(t, 'disabled_at', Date.now())
  plant(service, bob.username, 'disabled_at', null)
})

t.test('J185 J182 answers an account without a usable digest as it answers nobody', async (t) => {
  const digest = digestOf(service, bob.username)
  t.equal((await post('/login', bob)).outcome, '200')
  const hostile = [
    null, '', 'x', 'kept in clear', '$2b$12$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuvwxyzabcdefghij', digest.replace('m=19456', 'm=4194304'), digest.replace('t=2', 't=4000000'),
    digest.replace('p=1', 'p=64'), digest.replace('argon2id', 'argon2d'), digest.slice(0, -20), digest.replace('m=19456', 'm=0'), digest.replace('v=19', 'v=16'), `${digest}$`
  ]
  for (const value of hostile) await failsAlike(t, 'password_hash', value)
  forgetFailures(service)
  t.equal((await post('/login', '{"username":"bob","password":"kept in clear"}')).outcome, '401 invalid_credentials')
})

t.test('J194 refuses passwords beyond reason before any work', async (t) => {
  const head = (length: number) => `POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n{"username":"alice","password":"${'x'.repeat(32 * 1024)}`
  for (const mebibytes of [1, 16]) {
    t.same((await attacker.say(head(mebibytes * 1024 * 1024))).map(({ outcome }) => outcome), ['413 payload_too_large'], `${mebibytes} MiB`)
    t.ok(await takesLessThan(20, () => attacker.say(head(mebibytes * 1024 * 1024))))
  }
  t.equal((await post('/login', { ...alice, password: 'x'.repeat(15 * 1024) })).outcome, '400 invalid_request')
})

t.test('J194 checks nothing that is refused', async (t) => {
  const app = await build(t)
  const { verify } = app.passwords
  let verifications = 0
  app.passwords.verify = async (password, digest, turn) => {
    verifications++
    return verify(password, digest, turn)
  }
  const login = async (password: unknown) => (await app.inject({ method: 'POST', url: '/login', payload: { username: 'alice', password } })).statusCode
  for (const password of ['x'.repeat(129), 'x'.repeat(1024 * 1024), 'x\0y', '\ud800', 1, null]) t.match(String(await login(password)), /^4(00|13)$/)
  t.equal(verifications, 0)
  t.equal(await login('x'), 401)
  t.equal(verifications, 1, 'a short one is')
})

t.test('J196 makes a digest of weaker parameters anew at the next sign-in', async (t) => {
  const account = { ...alice, username: 'imported' }
  await post('/register', account)
  const old = await hash(alice.password, { type: argon2id, memoryCost: 4096, timeCost: 1, parallelism: 1 })
  plant(service, 'imported', 'password_hash', old)
  t.equal((await post('/login', { ...wrong, username: 'imported' })).outcome, '401 invalid_credentials')
  t.equal(digestOf(service, 'imported'), old, 'not at a failed one')
  t.equal((await post('/login', account)).outcome, '200')
  const renewed = digestOf(service, 'imported')
  t.match(renewed, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
  t.equal((await post('/login', account)).outcome, '200')
  t.equal(digestOf(service, 'imported'), renewed, 'once')
})

t.test('J198 issues tokens by the profile, signed by a published key', async (t) => {
  const { access_token: token, expires_in: lifetime, user } = (await post('/login', alice)).json<TokenReply>()
  const header = segmentOf(token, 0)
  t.same(Object.keys(header).sort(), ['alg', 'kid', 'typ'])
  t.match(header, { alg: 'ES256', typ: 'at+jwt' })

  const { keys } = (await get('/.well-known/jwks.json')).json<{ keys: Array<Record<string, string>> }>()
  const jwk = keys.find((one) => one.kid === header.kid)
  t.ok(jwk, 'the key is published')
  const key = createPublicKey({ key: { ...jwk }, format: 'jwk' })
  const [signed = '', signature = ''] = [token.slice(0, token.lastIndexOf('.')), token.slice(token.lastIndexOf('.') + 1)]
  t.ok(verify('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url')), 'it verifies')

  const claims = segmentOf(token, 1)
  t.same(Object.keys(claims).sort(), ['aud', 'client_id', 'exp', 'iat', 'iss', 'jti', 'preferred_username', 'roles', 'scope', 'sid', 'sub'])
  t.match(claims, { iss: issuer, aud: 'api', sub: user.id, client_id: 'gatehouse', preferred_username: 'alice', roles: [], scope: '' })
  t.equal(claims.exp - claims.iat, lifetime)
  t.ok(Math.abs(claims.iat - Date.now() / 1000) < 60, 'issued now')
  t.ok(token.length < 1536, `${token.length} characters`)
})

const replies: TokenReply[] = []

t.test('J199 issues a hundred pairs of tokens that have nothing in common', async (t) => {
  const before = countOf(service, 'sessions')
  for (let i = 0; i < 10; i++) {
    replies.push(...(await Promise.all(Array.from({ length: 10 }, () => post('/login', alice)))).map((answer) => answer.json<TokenReply>()))
  }
  const refreshTokens = replies.map(({ refresh_token: token }) => token)
  t.equal(new Set(refreshTokens).size, 100)
  for (const claim of ['jti', 'sid']) t.equal(new Set(replies.map(({ access_token: token }) => segmentOf(token, 1)[claim])).size, 100, claim)
  t.equal(countOf(service, 'sessions'), before + 100, 'one row a session')

  const tag = 'gr1_'.length
  t.equal(new Set(refreshTokens.map((token) => token.slice(0, tag))).size, 1)
  for (let position = tag; position < tag + 22; position++) {
    const letters = new Set(refreshTokens.map((token) => token[position]))
    t.ok(letters.size > 25, `${letters.size} letters at ${position}: six bits of chance`)
  }
})

t.test('J199 repeats none among ten thousand', async (t) => {
  const app = await build(t)
  await app.inject({ method: 'POST', url: '/register', payload: alice })
  const user = await app.users.findByLogin('alice')
  if (user === null) throw new Error('alice is not there')
  const origin = { ip: '127.0.0.1', network: '127.0.0.1', userAgent: null, requestId: 'x', signal: new AbortController().signal }
  const seen = { jti: new Set<string>(), refresh: new Set<string>() }
  await app.database.transaction(async (queries) => {
    for (let i = 0; i < 10_000; i++) {
      const session = await app.sessions.open(user, origin, queries)
      seen.refresh.add(session.refreshToken)
      seen.jti.add(segmentOf(app.tokens.issue({ user, session }).token, 1).jti)
    }
  })
  t.same([seen.jti.size, seen.refresh.size], [10_000, 10_000])
})

t.test('K216 keeps nothing in its files that anyone could sign in with', async (t) => {
  const files = readdirSync(service.folder)
  t.ok(files.includes('gatehouse.db') && files.includes('gatehouse.db-wal'), files.join())
  const stored = Buffer.concat(files.map((file) => readFileSync(join(service.folder, file)))).toString('latin1')
  t.ok(stored.includes(replies[0]?.user.id ?? '-'), 'what is kept is found')
  t.ok(secrets.size > 200, `${secrets.size} secrets`)
  t.same(found(secrets, stored), [])
  const raw = replies.map(({ refresh_token: token }) => Buffer.from(token.slice('gr1_'.length), 'base64url').subarray(0, 32).toString('latin1'))
  t.same(raw.filter((mac) => stored.includes(mac)), [], 'nor as bytes')
})

t.test('J201 knows no password grant', async (t) => {
  const headers = ['Content-Type: application/x-www-form-urlencoded']
  const body = `grant_type=password&username=alice&password=${encodeURIComponent(alice.password)}`
  t.equal((await send({ method: 'POST', path: '/login', headers, body })).outcome, '415 unsupported_media_type')
  for (const path of ['/token', '/oauth/token']) t.match((await send({ method: 'POST', path, headers, body })).status, /^4(00|01|04|15)$/, path)
  const { grant_types_supported: grants } = (await get('/.well-known/oauth-authorization-server')).json<{ grant_types_supported: string[] }>()
  t.notOk(grants.includes('password') || grants.includes('implicit'))
})

concludes(t, attacker)
