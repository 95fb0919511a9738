import { createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:net'
import t from 'tap'
import type { TokenReply } from '../../schemas/login.ts'
import { takesLessThan } from '../support/attacker.ts'
import { alice } from '../support/build.ts'
import { rawSegment, segment, signSegments } from '../support/forge.ts'
import { exchange, type HeaderLine, headerOf } from '../support/http.ts'
import { plant } from '../support/stored.ts'
import { macToken, readSegment, shapeOf, startTarget } from '../support/target.ts'

// What went wrong in libraries that read tokens and in services that hand them out, tried here. docs/attacks.md says of each advisory whose it is.

const target = await startTarget(t)
const { service, header, claims, keys, forge, call } = target
const good = target.alice.access_token
const [h, p, s] = good.split('.') as [string, string, string]
const publicPem = createPublicKey(keys[0].privateKey).export({ type: 'spki', format: 'pem' }) as string
const stranger = { alg: 'ES256', privateKey: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey }

const post = (path: string, body: object | undefined, method = 'POST', ...headers: HeaderLine[]) =>
  call({ path, method, headers: body === undefined ? [['content-length', '0'], ...headers] : [['content-type', 'application/json'], ...headers], body: body === undefined ? '' : JSON.stringify(body) })

/** The shapes that an empty key makes of a signature. */
const underEmptyKeys = () => Object.fromEntries(['HS256', 'HS384', 'HS512'].map((alg) => {
  const input = `${segment({ ...header, alg })}.${p}`
  return [alg, `${input}.${createHmac(`sha${alg.slice(2)}`, '').update(input).digest('base64url')}`]
}))

t.test('CVE-2026-34950 refuses an HMAC under our public key with white space around it', async (t) => {
  const spellings = [` ${publicPem}`, `\n${publicPem}`, `\t${publicPem}`, `\ufeff${publicPem}`, `${publicPem}\n`, publicPem.trim(), publicPem.replaceAll('\n', '\r\n'), `x\n${publicPem}`]
  await target.refuses(t, Object.fromEntries(spellings.map((key, number) => [`spelling ${number}`, macToken(header, claims, key)])))
})

t.test('CVE-2026-35042 refuses an extension that must be understood, though the live key signed it', async (t) => {
  await target.refuses(t, { one: forge({ header: { crit: ['x'], x: 1 } }), several: forge({ header: { crit: ['alg', 'x'], x: true } }), empty: forge({ header: { crit: [] } }) })
})

t.test('CVE-2025-59420 CVE-2026-32597 refuses the extensions that others ignored: cnf and one that nobody knows', async (t) => {
  await target.refuses(t, { cnf: forge({ header: { crit: ['cnf'], cnf: { jkt: 'x' } } }), bork: forge({ header: { crit: ['bork'], bork: 'x' } }), 'the name alone': forge({ header: { cnf: { jkt: 'x' } } }) })
})

t.test('CVE-2026-35041 spends no time on an audience made to slow a pattern down', async (t) => {
  const slow = forge({ claims: { aud: `${'a'.repeat(5000)}!` } })
  t.ok(await takesLessThan(50, () => target.present(slow)))
  await target.refuses(t, { slow, 'a list of them': forge({ claims: { aud: Array(16).fill(`${'a'.repeat(200)}!`) } }) })
})

t.test('CVE-2026-35040 gives a good token the same answer each time', async (t) => {
  const statuses = new Set<number>()
  for (let i = 0; i < 50; i++) statuses.add((await target.present(good)).status)
  t.same([...statuses], [200])
})

t.test('CVE-2026-35039 never answers one token with what it remembers of another', async (t) => {
  const names = ['mixa', 'mixb', 'mixc']
  const pairs = await Promise.all(names.map((name) => target.signUp(name)))
  for (let round = 0; round < 5; round++) {
    const greeted = await Promise.all(pairs.map(async ({ access_token: token }) => JSON.parse((await target.present(token)).body).message))
    t.same(greeted, names.map((name) => `Hello, ${name}! This is a protected resource.`))
  }
  const [, other] = (pairs[0] as TokenReply).access_token.split('.') as [string, string]
  await target.refuses(t, { 'the payload of one, the signature of another': `${h}.${other}.${s}` })
})

t.test('CVE-2026-107720 refuses a token without a signature, whatever its alg', async (t) => {
  await target.refuses(t, Object.fromEntries(['ES256', 'RS256', 'EdDSA', 'HS256', 'none', ''].map((alg) => [alg, `${segment({ ...header, alg })}.${p}.`])))
})

t.test('CVE-2026-44351 CVE-2026-49852 refuses an HMAC under an empty key', (t) => target.refuses(t, underEmptyKeys()))

t.test('CVE-2026-44699 takes no key of ours for an HMAC\'s, in whatever form it was published', async (t) => {
  const { keys: published } = JSON.parse((await call({ path: '/.well-known/jwks.json' })).body) as { keys: Array<Record<string, string>> }
  const jwk = published.find(({ kid }) => kid === header['kid']) as Record<string, string>
  const forms = { 'the whole JWK': JSON.stringify(jwk), x: jwk['x'] as string, y: jwk['y'] as string, 'x decoded': Buffer.from(jwk['x'] as string, 'base64url'), 'the key id': jwk['kid'] as string, empty: '' }
  await target.refuses(t, Object.fromEntries(Object.entries(forms).map(([what, key]) => [what, macToken(header, claims, key)])))
})

t.test('CVE-2026-22818 reads the algorithm from its key, never from the header of the token', async (t) => {
  for (const { alg } of JSON.parse((await call({ path: '/.well-known/jwks.json' })).body).keys) t.equal(alg, 'ES256', 'each key says its own')
  await target.refuses(t, Object.fromEntries(['HS256', 'RS256', 'PS256', 'ES384', 'ES512', 'EdDSA'].map((alg) => [alg, signSegments(segment({ ...header, alg }), p, keys[0])])))
})

t.test('CVE-2026-22817 has no symmetric algorithm to fall back on', async (t) => {
  const { alg: _alg, ...without } = header
  await target.refuses(t, { 'no alg': `${segment(without)}.${p}.${s}`, 'alg null': `${segment({ ...header, alg: null })}.${p}.${s}`, 'an HMAC under a word': macToken(header, claims, 'secret') })
})

t.test('CVE-2026-27962 takes no key out of a token', async (t) => {
  const jwk = createPublicKey(stranger.privateKey).export({ format: 'jwk' })
  const signed = (more: object) => signSegments(segment({ ...header, ...more }), p, stranger)
  await target.refuses(t, { 'beside our key id': signed({ jwk }), 'instead of it': signed({ jwk, kid: undefined }), 'null as the key': signed({ jwk: null }) })
})

t.test('CVE-2026-48522 CVE-2026-102267 CVE-2026-53513 follows no address that a token names', async (t) => {
  let connections = 0
  const listener = createServer((socket) => { connections++; socket.destroy() }).listen(0, '127.0.0.1')
  t.teardown(() => listener.close())
  await new Promise((resolve) => listener.once('listening', resolve))
  const { port } = listener.address() as { port: number }
  const addresses = [`http://127.0.0.1:${port}/jwks`, `ftp://127.0.0.1:${port}/jwks`, 'file:///proc/self/environ', `data:application/json,${JSON.stringify({ keys: [] })}`, `//127.0.0.1:${port}/jwks`]
  for (const jku of addresses) await target.refuses(t, { [jku]: signSegments(segment({ ...header, jku, x5u: jku }), p, stranger), [`${jku}, as the issuer`]: forge({ claims: { iss: jku } }) })
  t.equal(connections, 0)
})

t.test('GHSA-jc38-x7x8-2xc8 reads no unprotected header: a JSON serialisation is no bearer token', async (t) => {
  for (const serialised of [{ payload: p, protected: h, header: { alg: 'none' }, signature: s }, { payload: p, header: { alg: 'HS256' }, signature: s }, { payload: p, signatures: [{ protected: h, header: { alg: 'none' }, signature: s }] }]) {
    target.isRefusal(t, await target.present(JSON.stringify(serialised)), 'invalid_request', 'as JSON')
    target.isRefusal(t, await target.present(rawSegment(JSON.stringify(serialised))), 'invalid_token', 'encoded')
  }
})

t.test('CVE-2026-67336 names no algorithm that proves nothing, and no method that it does not have', async (t) => {
  const metadata = JSON.parse((await call({ path: '/.well-known/openid-configuration' })).body)
  t.notMatch(JSON.stringify(metadata), /"none"|"plain"|"HS256"/)
})

t.test('CVE-2026-73552 reads a header with bytes beyond ASCII for what it is: no token', async (t) => {
  for (const value of [`Bearer ${good}\u00ff`, `Bearer \u00e9${good}`, `Bearer\u00a0${good}`]) {
    const { status } = await target.visit(['authorization', value])
    t.ok([400, 401].includes(status), `${status}`)
  }
})

t.test('CVE-2026-1609 gives a disabled user no token, by no grant', async (t) => {
  const { refresh_token: token } = await target.signUp('disabled')
  plant(service, 'disabled', 'disabled_at', 1)
  t.equal((await post('/refresh', { refresh_token: token })).status, 401)
  t.equal((await post('/login', { ...alice, username: 'disabled' })).status, 401)
})

t.test('CVE-2026-28275 CVE-2026-81826 no token outlives a change of password elsewhere, or a logout', async (t) => {
  const [changing, other] = [await target.signUp('changing'), await target.signUp('changing')]
  const authorization: HeaderLine = ['authorization', `Bearer ${changing.access_token}`]
  t.equal((await post('/me/password', { current_password: alice.password, new_password: 'another horse battery staple' }, 'PUT', authorization)).status, 204)
  await target.refuses(t, { 'another session of the account': other.access_token })
  t.equal((await post('/refresh', { refresh_token: other.refresh_token })).status, 401)
  t.equal((await target.visit(authorization)).status, 200, 'the session that changed it goes on')
  t.equal((await post('/logout', undefined, 'POST', authorization)).status, 204)
  await target.refuses(t, { 'the session that logged out': changing.access_token })
})

t.test('CVE-2026-109373 a session id, which can be told from the time, opens nothing', async (t) => {
  const { sid } = readSegment(good, 1) as { sid: string }
  // It is no secret, and stands in the log as what it is.
  target.isRefusal(t, await call({ path: '/protected', headers: [['authorization', `Bearer ${sid}`]] }), 'invalid_token', 'as a token')
  await target.refuses(t, { 'as a signature': `${h}.${p}.${rawSegment(sid)}` })
  for (const refreshToken of [sid, rawSegment(sid), `gr1_${sid}`]) {
    t.equal((await post('/refresh', { refresh_token: refreshToken })).status, 401)
  }
  target.isRefusal(t, await target.visit(['cookie', `sid=${sid}; session=${sid}`]), 'missing_token', 'as a cookie')
})

t.test('CVE-2025-12390 two people at one device never get each other\'s session', async (t) => {
  const [one, other] = [await target.signUp('devicea'), await target.signUp('deviceb')]
  const claimsOf = ({ access_token: token }: typeof one) => readSegment(token, 1)
  t.not(claimsOf(one)['sid'], claimsOf(other)['sid'])
  await post('/logout', undefined, 'POST', ['authorization', `Bearer ${one.access_token}`])
  t.match((await target.present(other.access_token)).body, /Hello, deviceb!/)
  const again = await target.signUp('devicea')
  t.not(claimsOf(again)['sid'], claimsOf(one)['sid'], 'a new session each time')
})

t.test('CVE-2025-23167 ends headers at CRLF CRLF and nowhere else', async (t) => {
  for (const ending of ['\r\n\rX', '\r\n\rXAuthorization: Bearer', '\r\r\n', '\n\r\n']) {
    const answer = await exchange(service.port, `GET /protected HTTP/1.1\r\nHost: x\r\nConnection: close${ending}${'GET /me HTTP/1.1\r\nHost: x\r\n\r\n'}`)
    t.equal(answer.status, 400, JSON.stringify(ending))
    t.equal(headerOf(answer.headers, 'connection'), 'close')
  }
})

t.test('CVE-2026-21710 survives a header named __proto__, once and twice', async (t) => {
  const plain = await target.visit(['authorization', `Bearer ${good}`])
  for (const lines of [[['__proto__', 'x']], [['__proto__', 'x'], ['__proto__', 'y']], [['__proto__', ''], ['constructor', 'x'], ['hasOwnProperty', 'x']]] as Array<Array<[string, string]>>) {
    t.equal(shapeOf(await target.visit(...lines, ['authorization', `Bearer ${good}`])), shapeOf(plain))
  }
})

t.test('is unharmed', (t) => target.isUnharmed(t))
