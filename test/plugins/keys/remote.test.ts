import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { createRemoteKeys } from '../../../plugins/keys/remote.ts'
import { generateKey, type Jwk } from '../../../plugins/keys/signing-key.ts'
import { readAnswer } from '../../../plugins/strict-json/answer.ts'
import { startIssuer } from '../../support/issuer.ts'
import { until } from '../../support/until.ts'

const second = 1000
const hour = 3600 * second
const jwks = await Promise.all([1, 2, 3].map(async () => (await generateKey('ES256')).publicJwk)) as [Jwk, Jwk, Jwk]
const [one, two, three] = jwks

/** Keys of an issuer that has two, and a clock to turn. */
async function setUp (t: Test) {
  const issuer = await startIssuer(t)
  issuer.keys = [one, two]
  const world = { now: 1e12, failures: [] as Error[] }
  const keys = createRemoteKeys({
    issuer: issuer.url,
    fetch,
    now: () => world.now,
    readJson: readAnswer,
    onFailure: (error) => { world.failures.push(error as Error) },
    unavailable: () => new Error('unavailable')
  })
  const readings = () => issuer.asked.filter((path) => path === '/jwks').length
  return { issuer, world, keys, readings }
}

t.test('reads discovery and then the key set', async (t) => {
  const { issuer, keys } = await setUp(t)
  await keys.search()
  t.strictSame(issuer.asked, ['/.well-known/oauth-authorization-server', '/jwks'])
  t.match(keys.find(one.kid), { kid: one.kid, alg: 'ES256', publicPem: /^-----BEGIN PUBLIC KEY-----/ })
  t.equal(keys.find(three.kid), undefined)
})

t.test('shares one reading among all who ask for it', async (t) => {
  const { keys, readings } = await setUp(t)
  const asked = Array.from({ length: 20 }, () => keys.search())
  t.equal(new Set(asked).size, 1)
  await Promise.all(asked)
  t.equal(readings(), 1)
})

t.test('looks for an unknown key at most once in the cool-down', async (t) => {
  const { issuer, world, keys, readings } = await setUp(t)
  await keys.search()
  issuer.keys = [one, two, three]
  t.equal(keys.search(), null)
  world.now += 30 * second - 1
  t.equal(keys.search(), null)
  world.now += 1
  await keys.search()
  t.equal(readings(), 2)
  t.ok(keys.find(three.kid))
})

t.test('grows its version when the set is another one, and only then', async (t) => {
  const { issuer, world, keys } = await setUp(t)
  const { version } = keys
  await keys.search()
  const first = keys.version
  t.not(first, version)
  world.now += 31 * second
  await keys.search()
  t.equal(keys.version, first)
  issuer.keys = [two]
  world.now += 31 * second
  await keys.search()
  t.not(keys.version, first)
  t.equal(keys.find(one.kid), undefined, 'a key that went is trusted no more')
})

t.test('keeps what it read for as long as it may, within bounds', async (t) => {
  for (const [cacheControl, life] of [
    ['public, max-age=300', 300], ['max-age=90,public', 90], ['MAX-AGE=90', 90], ['max-age=1', 60], ['max-age=0', 60], ['max-age=999999', 3600],
    [null, 300], ['no-store', 300], ['max-age=-1', 300], ['max-age=1e9', 300], ['x-max-age=90', 300]
  ] as const) {
    const { issuer, world, keys, readings } = await setUp(t)
    issuer.cacheControl = cacheControl
    await keys.search()
    world.now += life * second - 1
    keys.find(one.kid)
    await turn()
    t.equal(readings(), 1, `${cacheControl}: until ${life} s`)
    world.now += 1
    t.ok(keys.find(one.kid), 'known meanwhile')
    await until(() => readings() === 2)
  }
})

t.test('learns of a revoked key while remembered tokens alone are shown', async (t) => {
  const { issuer, world, keys } = await setUp(t)
  await keys.search()
  const { version } = keys
  issuer.keys = [two]
  world.now += 300 * second
  await until(() => keys.version !== version)
  t.equal(keys.find(one.kid), undefined)
})

t.test('goes by what it knows while the issuer cannot be reached, for a day', async (t) => {
  const { issuer, world, keys } = await setUp(t)
  await keys.search()
  issuer.instead = (request) => { request.socket.destroy() }
  world.now += 24 * hour
  t.ok(keys.find(one.kid))
  await until(() => world.failures.length === 1)
  world.now += 1
  t.throws(() => keys.find(one.kid), { message: 'unavailable' })
  issuer.instead = null
  world.now += 2 * second
  t.throws(() => keys.find(one.kid), { message: 'unavailable' })
  await until(() => works(() => keys.find(one.kid)))
})

t.test('tries again soon after a failure', async (t) => {
  const { issuer, world, keys } = await setUp(t)
  issuer.instead = (_request, response) => { response.writeHead(500).end() }
  await keys.search()
  t.match(world.failures, [{ message: 'the issuer answered 500' }])
  t.equal(keys.search(), null)
  world.now += 2 * second
  issuer.instead = null
  await keys.search()
  t.ok(keys.find(one.kid))
})

t.test('has nothing to say before it ever read a key', async (t) => {
  const { world, keys, readings } = await setUp(t)
  t.throws(() => keys.find(one.kid), { message: 'unavailable' })
  await until(() => readings() === 1 && works(() => keys.find(one.kid)))
  t.strictSame(world.failures, [])
})

t.test('is not put off by a clock that was set back', async (t) => {
  const { issuer, world, keys } = await setUp(t)
  await keys.search()
  issuer.keys = [three]
  world.now -= hour
  t.ok(keys.find(one.kid), 'it goes by what it knows')
  await until(() => keys.find(three.kid) !== undefined)
  t.equal(keys.find(one.kid), undefined)
  issuer.keys = [one]
  world.now -= second
  await keys.search()
  t.ok(keys.find(one.kid), 'the cool-down neither')
})

t.test('takes no answer but a good one', async (t) => {
  const { issuer, world, keys } = await setUp(t)
  await keys.search()
  const elsewhere = await startIssuer(t)
  elsewhere.keys = [three]
  const body = (text: string) => () => { issuer.instead = (_request, response) => { response.end(text) } }
  const cases: Array<[what: string, change: () => void]> = [
    ['a redirect', () => { issuer.instead = (_request, response) => { response.writeHead(302, { location: `${elsewhere.url}/jwks` }).end() } }],
    ['a permanent redirect of the key set', () => { issuer.instead = redirectJwks(issuer.url, elsewhere.url) }],
    ['another issuer', () => { issuer.metadata = { issuer: elsewhere.url } }],
    ['an issuer but for a slash', () => { issuer.metadata = { issuer: `${issuer.url}/` } }],
    ['no issuer', () => { issuer.metadata = { issuer: undefined } }],
    ['keys of another origin', () => { issuer.metadata = { jwks_uri: `${elsewhere.url}/jwks` } }],
    ['keys of another scheme', () => { issuer.metadata = { jwks_uri: 'data:application/json,{"keys":[]}' } }],
    ['keys at no address', () => { issuer.metadata = { jwks_uri: '/jwks' } }],
    ['keys at a number', () => { issuer.metadata = { jwks_uri: 7 } }],
    ['a server error', () => { issuer.instead = (_request, response) => { response.writeHead(500).end('{}') } }],
    ['no content', () => { issuer.instead = (_request, response) => { response.writeHead(204).end() } }],
    ['nothing', body('')],
    ['HTML', body('<html></html>')],
    ['null', body('null')],
    ['repeated members', body(`{"issuer":"${issuer.url}","issuer":"${issuer.url}","jwks_uri":"${issuer.url}/jwks"}`)],
    ['a key set without keys', () => { issuer.keys = undefined }],
    ['keys that are no list', () => { issuer.keys = { 0: three } }],
    ['an empty key set', () => { issuer.keys = [] }],
    ['a key set of nothing usable', () => { issuer.keys = [null, 7, {}, { ...three, use: 'enc' }, { ...three, kid: one.kid }, { ...three, alg: 'HS256' }] }],
    ['a broken connection', () => { issuer.instead = (request) => { request.socket.destroy() } }],
    ['half an answer', () => { issuer.instead = (_request, response) => { response.writeHead(200, { 'content-length': 100 }).write('{', () => response.destroy()) } }]
  ]
  for (const [what, change] of cases) {
    Object.assign(issuer, { instead: null, metadata: null, keys: [three], cacheControl: null })
    change()
    world.failures = []
    world.now += 31 * second
    await keys.search()
    t.equal(world.failures.length, 1, what)
    t.ok(keys.find(one.kid) !== undefined && keys.find(three.kid) === undefined, `${what}: what was known stands`)
  }
  t.strictSame(elsewhere.asked, [], 'nobody else was asked')
})

function redirectJwks (from: string, to: string): Parameters<typeof createServer>[1] & {} {
  return (request, response) => {
    if (request.url === '/jwks') response.writeHead(308, { location: `${to}/jwks` }).end()
    else response.end(JSON.stringify({ issuer: from, jwks_uri: `${from}/jwks` }))
  }
}

t.test('passes over keys that it cannot use', async (t) => {
  const { issuer, keys } = await setUp(t)
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  issuer.keys = [null, 'key', { ...three, use: 'enc' }, { ...publicKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: 'weak' }, { ...two, kid: three.kid }, one]
  await keys.search()
  t.ok(keys.find(one.kid))
  t.strictSame([two, three, { kid: 'weak' }].map(({ kid }) => keys.find(kid)), [undefined, undefined, undefined])
})

t.test('reads a few dozen keys and no more', async (t) => {
  const { issuer, keys } = await setUp(t)
  issuer.keys = [...Array.from({ length: 31 }, () => ({})), one, two]
  await keys.search()
  t.ok(keys.find(one.kid))
  t.equal(keys.find(two.kid), undefined)
})

t.test('stops reading where there is too much', async (t) => {
  const { issuer, world, keys } = await setUp(t)
  let sent = 0
  issuer.instead = (_request, response) => {
    const chunk = Buffer.alloc(16 * 1024, ' ')
    const more = (error?: Error | null) => {
      if (error) return
      sent += chunk.length
      response.write(chunk, more)
    }
    more()
  }
  await keys.search()
  t.match(world.failures, [{ message: 'the issuer answered with too much' }])
  t.ok(sent < 16 * 1024 * 1024)
  issuer.instead = (_request, response) => { response.end(JSON.stringify({ issuer: issuer.url, jwks_uri: `${issuer.url}/jwks` }).padEnd(64 * 1024)) }
  world.now += 2 * second
  await keys.search()
  t.match(world.failures[1], { message: 'the key set is malformed' }, 'as much as may be is read')
})

t.test('waits five seconds for an issuer that hangs, at its first byte or its last', async (t) => {
  const { issuer, world, keys } = await setUp(t)
  const limits: Array<{ milliseconds: number, run: AbortController }> = []
  t.intercept(AbortSignal, 'timeout', {
    value: (milliseconds: number) => {
      const run = new AbortController()
      limits.push({ milliseconds, run })
      return run.signal
    }
  })
  for (const [what, hang] of [
    ['silence', () => {}],
    ['half an answer', (_request, response) => { response.write('{"issuer":') }]
  ] as Array<[string, NonNullable<typeof issuer.instead>]>) {
    issuer.instead = hang
    issuer.asked.length = 0
    world.failures = []
    limits.length = 0
    world.now += 31 * second
    const search = keys.search()
    await until(() => issuer.asked.length === 1)
    t.equal(limits[0]?.milliseconds, 5 * second, what)
    limits[0]?.run.abort(new Error('too late'))
    await search
    t.match(world.failures, [{ message: 'too late' }])
  }
})

t.test('knows no key of an issuer that is not there', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  const failures: unknown[] = []
  const keys = createRemoteKeys({
    issuer: `http://127.0.0.1:${port}`, fetch, now: Date.now, readJson: readAnswer, onFailure: (error) => failures.push(error), unavailable: () => new Error('unavailable')
  })
  await keys.search()
  t.equal(failures.length, 1)
  t.throws(() => keys.find(one.kid), { message: 'unavailable' })
})

function works (work: () => unknown): boolean {
  try {
    return work() !== undefined
  } catch {
    return false
  }
}
