import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { alice } from '../support/build.ts'
import { exchange, type HeaderLine } from '../support/http.ts'
import { issuer } from '../support/service.ts'
import { readSegment, shapeOf, startTarget } from '../support/target.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')

/** The one address whose word counts. All others of loopback are strangers. */
const gateway = '127.0.0.2'
const stranger = '127.0.0.1'

const target = await startTarget(t, { environment: { TRUST_PROXY: gateway } })
const { service, call, visit } = target
const good: HeaderLine = ['authorization', `Bearer ${target.alice.access_token}`]

/** What gateways and frameworks call the user they let in. */
const identityHeaders = [
  'X-User', 'X-User-Id', 'X-Username', 'X-Auth-User', 'X-Auth-User-Id', 'X-Auth-Username', 'X-Auth-Session-Id', 'X-Auth-Client-Id', 'X-Auth-Roles', 'X-Auth-Scopes', 'X_Auth_User_Id',
  'X_AUTH_ROLES', 'X-Auth-Request-User', 'X-Auth-Request-Email', 'X-Forwarded-User', 'X-Forwarded-Email', 'X-Authenticated-Userid', 'X-Remote-User', 'Remote-User', 'REMOTE_USER', 'X-Role', 'X-Roles', 'X-Scopes'
]
const forged = identityHeaders.map((name): HeaderLine => [name, 'admin'])

t.test('F105 lets nobody in for what they call themselves', async (t) => {
  for (const header of forged) target.isRefusal(t, await visit(header), 'missing_token', header[0])
  target.isRefusal(t, await visit(...forged), 'missing_token', 'all of them')
  target.isRefusal(t, await call({ path: '/protected', headers: forged, from: gateway }), 'missing_token', 'all of them, through the gateway')
  target.isRefusal(t, await visit(...forged, ['authorization', 'Bearer admin']), 'invalid_token', 'all of them and a bad token')
})

t.test('F106 takes the user from the token, whatever else is said', async (t) => {
  const plain = { guarded: await visit(good), me: await call({ path: '/me', headers: [good] }) }
  t.strictSame(JSON.parse(plain.me.body), target.alice.user)
  for (const from of [stranger, gateway]) {
    const headers = [...forged, good]
    const guarded = await call({ path: '/protected', headers, from })
    t.equal(guarded.status, 200)
    t.equal(shapeOf(guarded), shapeOf(plain.guarded), 'the same to the byte')
    t.equal(shapeOf(await call({ path: '/me', headers, from })), shapeOf(plain.me), 'the same to the byte')
    t.strictSame(guarded.headers.filter(([name]) => isIdentity(name)), [], 'no identity header comes back')
  }
})

function isIdentity (name: string) {
  return identityHeaders.some((other) => other.toLowerCase().replaceAll('_', '-') === name)
}

/** The address that the log has for a call with this X-Forwarded-For. */
async function addressOf (requestId: string, from: string, value: string) {
  const { status } = await call({ path: '/protected', headers: [['x-forwarded-for', value], ['x-request-id', requestId], good], from })
  const [written] = await service.written(new RegExp(`^.*"reqId":"${requestId}".*"answered".*$`, 'm'))
  return { status, ip: JSON.parse(written).ip as string }
}

t.test('F114 believes no X-Forwarded-For but an address that the gateway saw', async (t) => {
  const garbage = ['unknown', '"><script>', '1.2.3.4:99', '[2001:db8::1]:99', '_hidden', '', ',', ' , , ', '999.1.1.1', '1.2.3', '0x7f.1', '127.0.0.1%0a', '::ffff:1.2.3.4:5', '__proto__', `for=${gateway}`, "' OR 1=1--", '9'.repeat(2000), Array(3000).fill(',').join(' ')]
  for (const [i, value] of garbage.entries()) {
    t.strictSame(await addressOf(`garbage-${i}`, gateway, value), { status: 200, ip: gateway }, `${value.slice(0, 20)} is no address: the gateway's own`)
    t.strictSame(await addressOf(`stranger-${i}`, stranger, value), { status: 200, ip: stranger }, `${value.slice(0, 20)} from a stranger`)
  }
  t.strictSame(await addressOf('believed', gateway, '203.0.113.7'), { status: 200, ip: '203.0.113.7' }, 'what the gateway saw')
  t.strictSame(await addressOf('prefixed', gateway, '6.6.6.6, 203.0.113.7'), { status: 200, ip: '203.0.113.7' }, 'not what the client wrote before it')
  t.strictSame(await addressOf('garbage-before', gateway, '"><script>, 203.0.113.7'), { status: 200, ip: '203.0.113.7' }, 'garbage before it')
  t.strictSame(await addressOf('garbage-behind', gateway, '203.0.113.7, unknown'), { status: 200, ip: gateway }, 'nothing beyond garbage')
  t.strictSame(await addressOf('chained', gateway, `6.6.6.6, 203.0.113.7, ${gateway}`), { status: 200, ip: '203.0.113.7' }, 'past the gateways')
  t.strictSame(await addressOf('stranger', stranger, '203.0.113.7'), { status: 200, ip: stranger }, 'a stranger may say what it likes')
})

t.test('F114 answers a list beyond the header limit as too large, and serves on', async (t) => {
  const longest = Array(1000).fill('6.6.6.6').join(', ')
  t.strictSame(await addressOf('longest', gateway, longest), { status: 200, ip: '6.6.6.6' }, '9 KiB')
  const tooLong = Array(11_000).fill('6.6.6.6').join(', ')
  const answer = await exchange(service.port, `GET /protected HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: ${tooLong}\r\n\r\n`)
  t.equal(answer.status, 431)
  t.equal(JSON.parse(answer.body).code, 'headers_too_large')
  t.equal((await visit(good)).status, 200)
})

t.test('F115 builds nothing from the host that a request names', async (t) => {
  const evil = 'evil.example'
  const hosts: HeaderLine[] = [['host', evil], ['x-forwarded-host', evil], ['x-forwarded-proto', 'http'], ['x-forwarded-port', '666'], ['x-forwarded-prefix', `/${evil}`], ['x-original-host', evil], ['x-host', evil], ['x-original-url', '/me'], ['x-rewrite-url', '/me'], ['forwarded', `host=${evil};proto=http`]]
  const paths = ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server', '/.well-known/jwks.json', `/.well-known/keys/${target.header.kid}.pem`, '/openapi.json', '/health/ready', '/protected', '/nowhere', '/login', '/%zz', '/me']
  for (const path of paths) {
    const plain = await call({ path })
    for (const from of [stranger, gateway]) {
      const answer = await call({ path, headers: hosts, from })
      t.equal(shapeOf(answer), shapeOf(plain), `${path} from ${from}`)
      t.notMatch(JSON.stringify(answer), evil, `${path} from ${from} does not name the host`)
    }
  }
  const absolute = await exchange(service.port, `GET http://${evil}/.well-known/openid-configuration HTTP/1.1\r\nHost: ${evil}\r\nConnection: close\r\n\r\n`)
  t.notMatch(JSON.stringify(absolute), evil, 'nor where the request line does')
})

t.test('F115 issues tokens of its own name only', async (t) => {
  const headers: HeaderLine[] = [['host', 'evil.example'], ['x-forwarded-host', 'evil.example'], ['content-type', 'application/json']]
  const metadata = JSON.parse((await call({ path: '/.well-known/openid-configuration', headers })).body)
  t.equal(metadata.issuer, issuer)
  t.equal(metadata.jwks_uri, `${issuer}/.well-known/jwks.json`)
  const answer = await call({ path: '/login', method: 'POST', headers, body: JSON.stringify(alice), from: gateway })
  t.equal(readSegment(JSON.parse(answer.body).access_token, 1).iss, issuer)
})

t.test('F116 does not start on a TRUST_PROXY that is a number, true or a name', async (t) => {
  for (const value of ['1', 'true', '0.0.0.0/0,1', 'loopback']) {
    const env = { PATH: process.env.PATH, PORT: '0', DATABASE_URL: 'sqlite::memory:', TRUST_PROXY: value }
    const { code, stdout, stderr } = await run(process.execPath, ['--import', './check-node.js', 'server.ts'], { cwd: root, env, timeout: 10_000 }).then(() => ({ code: 0, stdout: '', stderr: '' }), (error) => error)
    t.equal(code, 1, value)
    t.equal(stdout, '', 'it logs nothing')
    t.match(stderr, /^gatehouse: .*\n {2}TRUST_PROXY must hold addresses or CIDR ranges/, 'it names the variable')
  }
})

t.test('is unharmed', (t) => target.isUnharmed(t))
