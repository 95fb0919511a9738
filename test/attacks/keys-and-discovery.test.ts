import { spawn } from 'node:child_process'
import { createHash, createPublicKey, randomBytes, verify } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { readConfig } from '../../config.ts'
import { startAttacked } from '../support/attacked.ts'
import { concludes, createAttacker } from '../support/attacker.ts'
import { alice, build } from '../support/build.ts'
import { issuer, temporaryFolder } from '../support/service.ts'

const attacker = createAttacker(await startAttacked(t))
const { service, post, get, send } = attacker
await post('/register', alice)
const { access_token: token } = (await post('/login', alice)).json<{ access_token: string }>()
const kid: string = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid

type Jwk = Record<string, string>

async function publishedKeys (): Promise<Jwk[]> {
  return (await get('/.well-known/jwks.json')).json<{ keys: Jwk[] }>().keys
}

interface End {
  code: number | null
  written: string
}

const root = resolve(import.meta.dirname, '../..')

/** Starts the service as an operator would who made a mistake, and waits for its end: half a second on a quiet machine. What hangs is killed and has no code. */
async function fails (environment: Record<string, string>): Promise<End> {
  const env = { PATH: process.env.PATH, PORT: '0', DATABASE_URL: 'sqlite::memory:', ...environment }
  const child = spawn(process.execPath, ['--import', './check-node.js', 'server.ts'], { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: 20_000, killSignal: 'SIGKILL' })
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { code, written: out + err }
}

t.test('M228 publishes the public members of its keys and nothing else', async (t) => {
  const keys = await publishedKeys()
  t.ok(keys.length >= 2, 'one that signs and one that will')
  for (const { kty, use, alg, kid, crv, x, y, ...others } of keys) {
    t.same({ kty, use, alg, crv }, { kty: 'EC', use: 'sig', alg: 'ES256', crv: 'P-256' })
    t.same(others, {})
    t.equal(kid, createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url'), 'its thumbprint (RFC 7638)')
  }
  t.equal(new Set(keys.map((key) => key.kid)).size, keys.length)
  t.ok(keys.some((key) => key.kid === kid), 'the one that signs is there')
})

t.test('M228 publishes the same key as PEM, and no other file', async (t) => {
  const answer = await get(`/.well-known/keys/${kid}.pem`)
  t.equal(answer.outcome, '200')
  t.match(answer.body, /^-----BEGIN PUBLIC KEY-----\n[\s\S]+-----END PUBLIC KEY-----\n$/)
  const signed = token.slice(0, token.lastIndexOf('.'))
  t.ok(verify('sha256', Buffer.from(signed), { key: createPublicKey(answer.body), dsaEncoding: 'ieee-p1363' }, Buffer.from(token.split('.')[2] ?? '', 'base64url')))
  for (const file of [kid, `${kid}.key`, `${kid}.pem.bak`, 'x.pem', '.pem', '..%2f..%2fpackage.json', `%2e%2e%2f${kid}.pem`, `${kid.toLowerCase()}.pem`, '__proto__.pem']) {
    t.equal((await get(`/.well-known/keys/${file}`)).outcome, '404 not_found', file)
  }
})

t.test('M229 lets verifiers keep the keys for a while, from any origin', async (t) => {
  const { headers, status } = await get('/.well-known/jwks.json')
  t.equal(status, 200)
  const [, maxAge] = /^public, max-age=(\d+)$/.exec(headers['cache-control'] ?? '') ?? []
  t.ok(Number(maxAge) >= 300 && Number(maxAge) <= 3600, String(maxAge))
  t.equal(headers['access-control-allow-origin'], '*')
  t.equal(headers['x-content-type-options'], 'nosniff')
  const etag = String(headers.etag)
  t.match(etag, /^"[^"]+"$/)
  for (const condition of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
    const answer = await send({ method: 'GET', path: '/.well-known/jwks.json', headers: [`If-None-Match: ${condition}`] })
    t.same([answer.status, answer.body, answer.headers.etag], [304, '', etag], condition)
  }
  t.equal((await send({ method: 'GET', path: '/.well-known/jwks.json', headers: ['If-None-Match: "other"'] })).status, 200)
})

t.test('M236 says of itself what is in its tokens, and promises nothing that is not there', async (t) => {
  const { iss } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
  for (const path of ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server']) {
    const answer = await send({ method: 'GET', path, headers: ['X-Forwarded-Host: evil.example', 'Forwarded: host=evil.example'] })
    const metadata = answer.json<Record<string, string | string[]>>()
    t.equal(metadata.issuer, iss, path)
    t.equal(metadata.issuer, issuer, path)
    t.same([metadata.response_types_supported, metadata.grant_types_supported, metadata.token_endpoint_auth_methods_supported], [[], ['client_credentials', 'refresh_token'], ['client_secret_basic']], path)
    t.equal(answer.headers['access-control-allow-origin'], '*', path)
    const addresses = Object.values(metadata).flat().filter((value) => value.startsWith('http'))
    t.ok(addresses.every((address) => address === issuer || address.startsWith(`${issuer}/`)), path)
    for (const address of addresses.filter((value) => value !== issuer)) {
      const isForm = address.startsWith(`${issuer}/oauth/`)
      t.equal((await send({ method: isForm ? 'POST' : 'GET', path: address.slice(issuer.length) })).status, isForm ? 401 : 200, address)
    }
  }
})

t.test('M236 takes no address from the request', async (t) => {
  const [answer] = await attacker.say('GET /.well-known/openid-configuration HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Proto: http\r\nConnection: close\r\n\r\n')
  t.equal(answer?.json().issuer, issuer)
  t.notMatch(JSON.stringify([answer?.headers, answer?.body]), /evil/)
})

const guessable = [
  'secret', 'changeme', 'Tr0ub4dor&3-is-31-bytes-long...', 'your-256-bit-secret', 'your-256-bit-secretyour-256-bit-secret', 'a'.repeat(32),
  '0123456789'.repeat(4), '0'.repeat(64), '00'.repeat(32), 'ff'.repeat(32), 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=', 'please-change-me-before-production-use',
  'supersecretsupersecretsupersecret', 'abcdefghijklmnopqrstuvwxyz012345', 'zyxwvutsrqponmlkjihgfedcba9876543210', 'qwertyuiopasdfghjklzxcvbnm123456',
  'abababababababababababababababab', 'deadbeefdeadbeefdeadbeefdeadbeef', 'example-secret-key-of-32-bytes-or-more', 'my-very-long-secret-key-for-jwt-signing'
]

const wholeComplaint = /^The configuration is not usable:\n {2}SECRET_KEY (must be 32 bytes or more|is too easy to guess: use 32 random bytes, as "[a-z0-9 -]+" prints them)$/

function complaintAbout (secret: string): string {
  try {
    readConfig({ SECRET_KEY: secret })
    return ''
  } catch (error) {
    return (error as Error).message
  }
}

t.test('M232 M233 refuses a secret that is short or easy to guess', async (t) => {
  for (const secret of guessable) {
    t.match(complaintAbout(secret), wholeComplaint, secret)
  }
  t.equal(complaintAbout(randomBytes(32).toString('base64')), '', 'and takes a random one')
})

t.test('M232 M233 does not start with one, says so in one line and never prints it', async (t) => {
  const tried = guessable.slice(2, 4)
  const ends = await Promise.all(tried.map((secret) => fails({ SECRET_KEY: secret })))
  for (const [index, { code, written }] of ends.entries()) {
    const secret = String(tried[index])
    t.equal(code, 1, secret)
    t.match(written.replace(/^gatehouse: |\n$/g, ''), wholeComplaint, secret)
    t.notOk(written.includes(secret), secret)
  }
})

t.test('M232 reads a secret from a file as strictly, and names every fault at once', async (t) => {
  const file = join(temporaryFolder(t), 'secret')
  writeFileSync(file, 'correct-horse-battery\n')
  const { code, written } = await fails({ SECRET_KEY_FILE: file, TRUST_PROXY: '1', PORT: 'http', ARGON2_MEMORY: '4096' })
  t.equal(code, 1)
  t.match(written, /^gatehouse: The configuration is not usable:\n( {2}[A-Z0-9_]+ must [^\n]+\n){4}$/)
  for (const name of ['SECRET_KEY', 'TRUST_PROXY', 'PORT', 'ARGON2_MEMORY']) t.match(written, new RegExp(`^ {2}${name} `, 'm'))
  t.notMatch(written, /correct-horse|4096|'http'/)
})

t.test('M231 does not start on keys that its secret does not open, and prints neither', async (t) => {
  const other = randomBytes(32).toString('base64url')
  const { code, written } = await fails({ DATABASE_URL: `sqlite:${service.databaseFile}`, SECRET_KEY: other })
  t.equal(code, 1)
  t.match(written, /^gatehouse: SECRET_KEY is not the one [^\n]+\n$/m)
  t.notOk(written.includes(other) || written.includes('PRIVATE') || written.includes('v1.'))
})

t.test('M234 M235 makes its secret once, for its owner alone, and keeps keys and tokens over a restart', async (t) => {
  const folder = temporaryFolder(t)
  const environment = { SECRET_KEY: '' }
  const first = await startAttacked(t, { folder, environment })
  const before = createAttacker(first)
  const file = `${first.databaseFile}.secret`
  const secret = readFileSync(file, 'utf8').trim()
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.ok(Buffer.from(secret, 'base64url').length >= 32)
  await before.post('/register', alice)
  const { access_token: kept } = (await before.post('/login', alice)).json<{ access_token: string }>()
  const { body } = await before.get('/.well-known/jwks.json')
  t.equal(await first.stop(), 0)

  chmodSync(file, 0o644)
  const second = await startAttacked(t, { folder, environment })
  const after = createAttacker(second)
  t.equal(readFileSync(file, 'utf8').trim(), secret)
  t.equal((await after.get('/.well-known/jwks.json')).body, body)
  t.equal((await after.get('/protected', kept)).outcome, '200')
  t.match(second.output(), /"level":40.*the secret file can be read by others/)
  t.equal(await second.stop(), 0)
  for (const { output } of [first, second]) t.notOk(output().includes(secret))
})

t.test('M234 M235 does not start where it cannot keep its keys, nor makes a second secret for a database', async (t) => {
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'file'), '')
  const beneathFile = { DATABASE_URL: `sqlite:${join(folder, 'file', 'gatehouse.db')}` }
  await t.rejects(build(t, { environment: beneathFile }), /file/, 'without a secret')
  await t.rejects(build(t, { environment: { ...beneathFile, SECRET_KEY: service.secretKey } }), { message: /^The database file .+ cannot be used/ })
  const withoutSecret = await fails({ DATABASE_URL: `sqlite:${service.databaseFile}` })
  t.equal(withoutSecret.code, 1)
  t.match(withoutSecret.written, /^gatehouse: SECRET_KEY is not set and [^\n]+\n$/)
})

concludes(t, attacker)
