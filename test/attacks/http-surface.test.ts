import { gzipSync } from 'node:zlib'
import t from 'tap'
import { startAttacked } from '../support/attacked.ts'
import { type Answer, concludes, createAttacker, faultsOf } from '../support/attacker.ts'
import { alice } from '../support/build.ts'
import { countOf, usernames } from '../support/stored.ts'

const attacker = createAttacker(await startAttacked(t))
const { service, say, send, post, get } = attacker
const { access_token: token } = await signUp()

async function signUp () {
  await post('/register', alice)
  return (await post('/login', alice)).json<{ access_token: string }>()
}

/** A POST to /login with header lines as they stand, then whatever follows the empty line. */
function login (lines: string[], rest: string): string {
  return ['POST /login HTTP/1.1', 'Host: x', 'Content-Type: application/json', ...lines, '', rest].join('\r\n')
}

/** What a second reading of the same bytes would take for the next request on the connection. */
const smuggled = 'GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
const credentials = JSON.stringify(alice)
const chunked = `${credentials.length.toString(16)}\r\n${credentials}\r\n0\r\n\r\n`

function outcomes (answers: Answer[]): string[] {
  return answers.map(({ outcome }) => outcome)
}

t.test('answers a message that is framed in order, so that each fault is what is refused', async (t) => {
  t.same(outcomes(await say(login([`Content-Length: ${credentials.length}`, 'Connection: close'], credentials))), ['200'])
  t.same(outcomes(await say(login(['Transfer-Encoding: CHUNKED', 'Connection: close'], chunked))), ['200'])
  t.same(outcomes(await say(smuggled)), ['200'])
})

t.test('G118 hangs up on a length beside chunks, after one answer', async (t) => {
  const orders = { 'CL.TE': ['Content-Length: 6', 'Transfer-Encoding: chunked'], 'TE.CL': ['Transfer-Encoding: chunked', 'Content-Length: 6'] }
  for (const [name, lines] of Object.entries(orders)) {
    t.same(outcomes(await say(login(lines, `0\r\n\r\n${smuggled}`))), ['400 invalid_request'], name)
  }
})

t.test('G119 hangs up on a transfer coding that another server may read otherwise', async (t) => {
  const codings = {
    unknown: ['Transfer-Encoding: xchunked'],
    'space before the colon': ['Transfer-Encoding : chunked'],
    'chunked and something': ['Transfer-Encoding: chunked, identity'],
    'something and chunked': ['Transfer-Encoding: gzip, chunked'],
    identity: ['Transfer-Encoding: identity'],
    'two lines': ['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'],
    'two lines, chunked last': ['Transfer-Encoding: identity', 'Transfer-Encoding: chunked'],
    'two lines alike': ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'],
    'vertical tab': ['Transfer-Encoding:\vchunked'],
    quoted: ['Transfer-Encoding: "chunked"'],
    empty: ['Transfer-Encoding:']
  }
  for (const [name, lines] of Object.entries(codings)) {
    t.same(outcomes(await say(login(lines, chunked + smuggled))), ['400 invalid_request'], name)
  }
  const ofOldClient = login(['Connection: keep-alive', 'Transfer-Encoding: chunked'], chunked + smuggled).replace('HTTP/1.1', 'HTTP/1.0')
  t.same(outcomes(await say(ofOldClient)), ['400 invalid_request'], 'from a client of HTTP/1.0, which knows none')
})

t.test('G120 hangs up on a length that can be read in two ways', async (t) => {
  const lengths = ['2\r\nContent-Length: 3', '2\r\nContent-Length: 2', '+2', '-2', '0x2', '2, 2', '2 2', '', '2.0', '99999999999999999999999']
  for (const length of lengths) {
    t.same(outcomes(await say(login([`Content-Length: ${length}`], `{}${smuggled}`))), ['400 invalid_request'], length)
  }
})

t.test('G121 hangs up on headers that are not well-formed, and where Host is missing or doubled', async (t) => {
  const heads = {
    'bare line feeds': 'GET /health/live HTTP/1.1\nHost: x\n\n',
    'one bare line feed': 'GET /health/live HTTP/1.1\r\nHost: x\n\r\n',
    'bare carriage return': 'GET /health/live HTTP/1.1\r\nHost: x\rX: y\r\n\r\n',
    'folded line': 'GET /health/live HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n',
    'folded first line': 'GET /health/live HTTP/1.1\r\n X: a\r\nHost: x\r\n\r\n',
    NUL: 'GET /health/live HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n',
    'no Host': 'GET /health/live HTTP/1.1\r\n\r\n',
    'two Hosts': 'GET /health/live HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n',
    'space before the colon': 'GET /health/live HTTP/1.1\r\nHost : x\r\n\r\n',
    'no name': 'GET /health/live HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n',
    'bracket in a name': 'GET /health/live HTTP/1.1\r\nHost: x\r\nX(: y\r\n\r\n',
    'leading space': ' GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n'
  }
  for (const [name, head] of Object.entries(heads)) t.same(outcomes(await say(head + smuggled)), ['400 invalid_request'], name)
})

t.test('G122 hangs up on chunk sizes beyond reason', async (t) => {
  const body = (size: string, data: string) => login(['Transfer-Encoding: chunked'], `${size}\r\n${data}\r\n0\r\n\r\n`)
  t.same(outcomes(await say(body('F'.repeat(17), '{}'))), ['400 invalid_request'], 'more than 64 bits')
  t.same(outcomes(await say(body('-1', '{}'))), ['400 invalid_request'], 'negative')
  t.same(outcomes(await say(body('0x2', '{}'))), ['400 invalid_request'], 'prefixed')
  t.same(outcomes(await say(body('F'.repeat(16), ' '.repeat(17 * 1024)))), ['413 payload_too_large'], '64 bits, when more than a body may hold has come')
})

t.test('G122 hangs up on endless chunk extensions', async (t) => {
  const extension = (length: number) => login(['Transfer-Encoding: chunked'], `2;${'a'.repeat(length)}\r\n{}\r\n0\r\n\r\n`)
  t.same(outcomes(await say(extension(20 * 1024))), ['413 payload_too_large'])
  const answers = outcomes(await say(extension(1024 * 1024)))
  t.ok(answers.length <= 1 && answers.every((outcome) => outcome.startsWith('4')), 'of 1 MiB')
})

t.test('G122 takes no credentials from a trailer', async (t) => {
  const [answer] = await say([
    'GET /protected HTTP/1.1', 'Host: x', 'Connection: close', 'Transfer-Encoding: chunked', 'Trailer: Authorization', '',
    `0\r\nAuthorization: Bearer ${token}\r\n\r\n`
  ].join('\r\n'))
  t.equal(answer?.outcome, '401 missing_token')
})

t.test('G123 refuses methods that a resource does not know, echoes nothing and names those it knows', async (t) => {
  const sessions = countOf(service, 'sessions')
  for (const method of ['TRACE', 'PUT', 'PATCH', 'DELETE', 'QUERY', 'OPTIONS', 'GET']) {
    const answer = await send({ method, path: '/login', headers: ['X-Marker: mark-of-the-request'], body: alice })
    t.equal(answer.outcome, '405 method_not_allowed', method)
    t.equal(answer.headers.allow, 'POST', method)
    t.notMatch(answer.body, /mark-of-the-request|alice/, method)
  }
  t.equal((await send({ method: 'PROPFIND', path: '/login', body: alice })).outcome, '404 not_found', 'a method of an extension')
  t.equal(countOf(service, 'sessions'), sessions, 'nobody was signed in')
})

t.test('G123 is no tunnel', async (t) => {
  for (const target of ['evil.example:443', '/login', '127.0.0.1:22']) {
    const [answer, ...others] = await say(`CONNECT ${target} HTTP/1.1\r\nHost: evil.example\r\nX-Marker: mark-of-the-request\r\n\r\n${smuggled}`)
    t.equal(answer?.outcome, '405 method_not_allowed', target)
    t.notMatch(answer?.body, /mark-of-the-request|evil/, target)
    t.same(others, [], target)
  }
})

t.test('G123 refuses a method that HTTP does not know', async (t) => {
  t.same(outcomes(await say(`GRANT /login HTTP/1.1\r\nHost: x\r\n\r\n${smuggled}`)), ['400 invalid_request'])
})

t.test('G124 does nothing at GET where POST is meant', async (t) => {
  const before = [usernames(service), countOf(service, 'sessions')]
  for (const path of ['/login', '/register']) {
    t.equal((await get(`${path}?username=mallory&password=${encodeURIComponent(alice.password)}`)).outcome, '405 method_not_allowed', path)
    t.equal((await send({ method: 'GET', path, body: { ...alice, username: 'mallory' } })).outcome, '405 method_not_allowed', `${path} with a body`)
  }
  t.match((await get('/logout')).outcome, /^40[45] /)
  t.same([usernames(service), countOf(service, 'sessions')], before)
})

t.test('G124 answers HEAD and a stray OPTIONS without a body of anybody\'s data', async (t) => {
  for (const path of ['/protected', '/me', '/login']) {
    const answer = await send({ method: 'HEAD', path, headers: [`Authorization: Bearer ${token}`] })
    t.equal(answer.status, 405, path)
    t.equal(answer.body, '', path)
  }
  t.equal((await send({ method: 'OPTIONS', path: '*' })).outcome, '404 not_found')
})

t.test('G125 knows one spelling of an address and leads nowhere from another', async (t) => {
  const spellings = [
    '/LOGIN', '/Login', '//login', '/login/', '/./login', '/x/../login', '/login/.', '/login/..', '/%6cogin', '/log%69n', '/login%2f', '/login%00',
    '/login%20', '/login;x=1', '/login#x', '/login#?x', '/login.json', '/login\\', '/%2e/login', '/login%3f', '/%252e/login'
  ]
  for (const path of spellings) {
    const answer = await send({ method: 'POST', path, body: alice })
    t.equal(answer.outcome, '404 not_found', path)
    t.equal(answer.headers.location, undefined, path)
  }
  for (const path of ['/PROTECTED', '//protected', '/protected/', '/%70rotected', '/protected#', '/me/']) {
    t.equal((await get(path, token)).outcome, '404 not_found', path)
  }
})

t.test('G125 knows one spelling of a page, of which it keeps a copy', async (t) => {
  for (const path of ['/documentation', '/documentation/', '/documentation/json', '/documentation/static/swagger-ui.css']) t.equal((await get(path)).outcome, '200', path)
  for (const path of [
    '/documentation/static/%73wagger-ui.css', '/documentation/static/swagger-ui%2ecss', '/documentation/%73tatic/index.html', '/documentation/j%73on', '/documentation%2fjson', '/documentation/static%2findex.html',
    '/documentation/static/INDEX.html', '/documentation/JSON', '/documentation//json', '/documentation/static//index.html', '/documentation/static/index.html/', '/documentation/json#x', '/documentation/json;x'
  ]) {
    const answer = await get(path)
    t.equal(answer.outcome, '404 not_found', path)
    t.equal(answer.headers.location, undefined, path)
  }
})

t.test('G125 refuses an address that is none', async (t) => {
  for (const path of ['/login%', '/%zz', '/%c0%af', '\\login', 'login']) {
    t.equal((await send({ method: 'POST', path, body: alice })).outcome, '400 invalid_request', path)
  }
  t.same(outcomes(await say('GET  HTTP/1.1\r\nHost: x\r\n\r\n')), ['400 invalid_request'], 'none at all')
})

t.test('G127 is no proxy', async (t) => {
  for (const path of ['http://evil.example/protected', 'http://evil.example/health/live', 'https://127.0.0.1/health/live', 'ftp://evil.example/login']) {
    t.match((await get(path, token)).outcome, /^40[04] /, path)
  }
})

t.test('G128 bounds the headers of a request', async (t) => {
  const lines = (count: number) => Array.from({ length: count }, (_, index) => `X-${index}: ${index}`)
  t.equal((await send({ method: 'GET', path: '/health/live', headers: lines(90) })).outcome, '200')
  t.equal((await send({ method: 'GET', path: '/health/live', headers: lines(200) })).outcome, '431 headers_too_large', '200 lines')
  t.equal((await send({ method: 'GET', path: '/protected', headers: [...lines(1990), `Authorization: Bearer ${token}`] })).outcome, '431 headers_too_large', 'more than Node keeps')
  t.equal((await send({ method: 'GET', path: '/health/live', headers: [`X: ${'a'.repeat(20 * 1024)}`] })).outcome, '431 headers_too_large', 'one of 20 KiB')
  t.equal((await send({ method: 'GET', path: `/health/live?${'a'.repeat(20 * 1024)}` })).outcome, '431 headers_too_large', 'an address of 20 KiB')
  t.equal((await get(`/.well-known/keys/${'a'.repeat(1024)}.pem`)).outcome, '414 uri_too_long', 'a parameter of 1 KiB')
})

t.test('G133 refuses a large body before it is sent', async (t) => {
  const [answer, ...others] = await say(login(['Content-Length: 10485760', 'Expect: 100-continue'], ''))
  t.equal(answer?.outcome, '413 payload_too_large')
  t.same(others, [])
})

t.test('G133 asks for a body that may come, and knows no other expectation', async (t) => {
  const lines = [`Content-Length: ${credentials.length}`, 'Connection: close']
  t.same(outcomes(await say(login([...lines, 'Expect: 100-continue'], credentials))), ['100', '200'])
  t.same(outcomes(await say(login([...lines, 'Expect: 200-ok'], credentials))), ['417 expectation_failed'])
})

t.test('G134 takes bodies of 16 KiB and not a byte more', async (t) => {
  const body = (length: number) => credentials + ' '.repeat(length - credentials.length)
  const asChunk = (length: number) => login(['Transfer-Encoding: chunked', 'Connection: close'], `${length.toString(16)}\r\n${body(length)}\r\n0\r\n\r\n`)
  t.equal((await post('/login', body(16384))).outcome, '200')
  t.same(outcomes(await say(asChunk(16384))), ['200'])
  t.equal((await post('/login', body(16385))).outcome, '413 payload_too_large')
  t.same(outcomes(await say(asChunk(16385))), ['413 payload_too_large'])
  t.same(outcomes(await say(login(['Content-Length: 10485760'], '{'))), ['413 payload_too_large'], 'by what it announces')
})

t.test('G135 undoes no content coding', async (t) => {
  const bomb = gzipSync(Buffer.alloc(10 * 1024 * 1024, ' '))
  for (const coding of ['gzip', 'GZIP', 'deflate', 'br', 'zstd', 'x-gzip', 'identity, gzip']) {
    const head = login([`Content-Encoding: ${coding}`, `Content-Length: ${bomb.length}`, 'Connection: close'], '')
    t.same(outcomes(await say(Buffer.concat([Buffer.from(head), bomb]))), ['415 unsupported_media_type'], coding)
  }
})

t.test('G136 answers HTTP/1.0, and hangs up on what is another protocol', async (t) => {
  t.same(outcomes(await say('GET /health/live HTTP/1.0\r\n\r\n')), ['200'])
  t.same(outcomes(await say('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')), ['400 invalid_request'], 'HTTP/2 by prior knowledge')
  t.same(outcomes(await say('GET /health/live HTTP/3.0\r\nHost: x\r\n\r\n')), ['400 invalid_request'])
  t.same(outcomes(await say(Buffer.from('16030100050100000100', 'hex'))), ['400 invalid_request'], 'TLS')
  t.same(outcomes(await say('EHLO evil.example\r\n')), ['400 invalid_request'], 'SMTP')
})

t.test('G136 stays with HTTP/1.1 when another protocol is offered', async (t) => {
  for (const protocol of ['h2c', 'websocket', 'TLS/1.3']) {
    const [answer] = await say(`GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: ${protocol}\r\nSec-WebSocket-Key: dGhlIHNhbXBsZQ==\r\nHTTP2-Settings: AAMAAABk\r\n\r\n`)
    t.equal(answer?.outcome, '200', protocol)
  }
})

t.test('O244 what Node would answer in its own words is answered in ours', async (t) => {
  const raw = [...await say('GET /health/live HTTP/1.1\r\n\r\n'), ...await say('GARBAGE\r\n\r\n'), ...await say(`GET / HTTP/1.1\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`)]
  t.same(outcomes(raw), ['400 invalid_request', '400 invalid_request', '431 headers_too_large'])
  t.same(raw.flatMap(faultsOf), [])
  for (const { headers } of raw) t.equal(headers.connection, 'close')
})

t.test('serves on after all this', async (t) => {
  t.equal((await get('/protected', token)).outcome, '200')
  t.equal((await post('/login', alice)).outcome, '200')
  t.same(usernames(service), ['alice'])
})

concludes(t, attacker)
