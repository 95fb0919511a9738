import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import type { KeyReport } from '../../plugins/keys.ts'
import { createVault } from '../../plugins/secrets/vault.ts'
import { aliceSignedIn, build } from '../support/build.ts'
import { temporaryFolder } from '../support/service.ts'
import { until } from '../support/until.ts'

const second = 1000
const day = 86_400 * second
const secretOf = () => randomBytes(32).toString('base64url')

/** Apps on one database file, with clocks to turn and secrets to change. */
function onOneFile (t: Test) {
  const file = join(temporaryFolder(t), 'gatehouse.db')
  const secretKey = secretOf()
  const start = (environment: Record<string, string> = {}, now?: () => number): Promise<FastifyInstance> =>
    build(t, { environment: { DATABASE_URL: `sqlite:${file}`, SECRET_KEY: secretKey, ...environment }, ...now === undefined ? {} : { now } })
  return { file, secretKey, start }
}

const kids = (app: FastifyInstance) => app.keys.list().map(({ kid }) => kid)
const states = (app: FastifyInstance) => app.keys.list().map(({ state }) => state).join(' ')
const visit = (app: FastifyInstance, token: string) => app.inject({ url: '/protected', headers: { authorization: `Bearer ${token}` } }).then(({ statusCode }) => statusCode)

/** A token as a sign-in makes it, without one. */
function issue (app: FastifyInstance, roles: string[] = []): string {
  const user = { id: '019aaf3e-7c1c-7c3e-9a53-0d2f6c1b2a3d', username: 'alice', email: null, passwordHash: null, disabled: false, roles, createdAt: 0 }
  const session = { id: '019aaf3e-7c1c-7c3e-9a53-0d2f6c1b2a3f', clientId: 'gatehouse', expiresAt: Number.POSITIVE_INFINITY }
  return app.tokens.issue({ user, session }).token
}

const kidOf = (token: string) => (JSON.parse(Buffer.from(token.split('.')[0] as string, 'base64url').toString()) as { kid: string }).kid

t.test('makes an active and a next key at the first start and keeps them', async (t) => {
  const { start, file } = onOneFile(t)
  const app = await start()
  t.equal(states(app), 'active next')
  t.strictSame(app.keys.jwks().keys.map(({ kid }) => kid), kids(app))
  const [active, next] = app.keys.list() as [KeyReport, KeyReport]
  t.match([active, next], [{ alg: 'ES256' }, { alg: 'ES256', signsFrom: active.signsFrom + 30 * day, endsAt: null }])
  t.equal(active.endsAt, active.signsFrom + 30 * day + 615 * second)
  t.equal(app.keys.active().kid, active.kid)
  t.equal(app.keys.find(active.kid)?.kid, active.kid)
  t.equal(app.keys.find('another'), undefined)
  const before = kids(app)
  await app.close()
  t.strictSame(kids(await start()), before)
  t.equal(rows(file).length, 2)
})

function rows (file: string): Array<Record<'kid' | 'private_key', string | null>> {
  const database = new DatabaseSync(file, { readOnly: true })
  try {
    return database.prepare('select kid, private_key from signing_keys order by signs_from').all() as Array<Record<'kid' | 'private_key', string | null>>
  } finally {
    database.close()
  }
}

t.test('agrees with the processes that start at the same time', async (t) => {
  const { start, file } = onOneFile(t)
  const apps = await Promise.all([start(), start(), start()])
  t.equal(rows(file).length, 2)
  for (const app of apps) t.strictSame(kids(app), kids(apps[0] as FastifyInstance))
})

t.test('lets nobody wait for the write lock while it makes an RSA key', async (t) => {
  const { start } = onOneFile(t)
  const app = await start({ SIGNING_ALG: 'RS256' })
  const order: string[] = []
  await Promise.all([
    app.keys.rotate({ now: true }).then(() => order.push('rotation')),
    app.database.transaction(async () => {}).then(() => order.push('another transaction'))
  ])
  t.strictSame(order, ['another transaction', 'rotation'])
})

t.test('rotates by itself, in every process, and tokens of the old key live out their time', async (t) => {
  const { start, file } = onOneFile(t)
  const clock = { now: 1_763_939_500_000 }
  const [one, other] = [await start({}, () => clock.now), await start({}, () => clock.now)]
  const [first, second_] = kids(one) as [string, string]
  clock.now += 30 * day - 1
  const old = issue(one)
  t.equal(kidOf(old), first)
  clock.now += 1
  t.equal(kidOf(issue(one)), second_, 'without anything having run')
  t.equal(kidOf(issue(other)), second_)
  await one.jobs.run('keys')
  await other.jobs.run('keys')
  t.equal(states(one), 'retired active next')
  t.strictSame(kids(other), kids(one), 'one of them made the next key')
  t.ok(one.tokens.verify(old) && other.tokens.verify(old))

  clock.now += 15 * second
  await other.jobs.run('keys')
  t.equal(rows(file)[0]?.private_key, null, 'its private part is erased')
  t.equal(one.keys.jwks().keys.length, 3, 'it is published as long as its tokens live')
  clock.now += 600 * second - 1
  t.throws(() => one.tokens.verify(old), 'they are dead')
  await one.jobs.run('keys')
  t.equal(states(one), 'retired active next')
  clock.now += 1
  await one.jobs.run('keys')
  t.equal(states(one), 'active next')
  t.notOk(kids(one).includes(first))
  await other.jobs.run('keys')
  t.strictSame(kids(other), kids(one))
})

t.test('tells every process of a change in the next turn of its job', async (t) => {
  const { start } = onOneFile(t)
  const [one, other] = [await start(), await start()]
  const { version } = other.keys
  await other.jobs.run('keys')
  t.equal(other.keys.version, version, 'nothing happened')
  await one.keys.rotate({ now: true })
  const token = issue(one)
  t.equal(other.tokens.verify(token).username, 'alice', 'the next key was known')
  await one.keys.rotate({ now: true })
  const newest = issue(one)
  t.throws(() => other.tokens.verify(newest), { message: /./ })
  await other.jobs.run('keys')
  t.not(other.keys.version, version)
  t.ok(other.tokens.verify(newest))
  t.equal(kidOf(issue(other)), kidOf(newest))
})

t.test('rotates on demand after the lead, and at once where it must', async (t) => {
  const { start } = onOneFile(t)
  const clock = { now: 1_763_939_500_000 }
  const app = await start({}, () => clock.now)
  const [first, next] = kids(app) as [string, string]
  clock.now += 3600 * second
  const planned = await app.keys.rotate()
  t.equal(planned.find(({ kid }) => kid === next)?.signsFrom, clock.now - 3600 * second + 2 * day)
  t.equal(kidOf(issue(app)), first)
  const now = await app.keys.rotate({ now: true })
  t.match(now.map(({ kid, state }) => [kid, state]), [[first, 'retired'], [next, 'active'], [/./, 'next']])
  t.equal(kidOf(issue(app)), next)
})

t.test('revokes a key: its tokens are refused at once, others stand', async (t) => {
  const { start } = onOneFile(t)
  const app = await start()
  const { access_token: token } = await aliceSignedIn(app)
  t.equal(await visit(app, token), 200)
  const [stolen, heir] = kids(app) as [string, string]
  await app.keys.revoke(stolen)
  t.equal(await visit(app, token), 401, 'a remembered token too')
  t.notOk(JSON.stringify(app.keys.jwks()).includes(stolen))
  t.equal(states(app), 'active next')
  t.equal(app.keys.active().kid, heir)
  t.equal(await visit(app, issue(app)), 200)

  const good = issue(app)
  await app.keys.revoke(kids(app)[1] as string)
  t.equal(states(app), 'active next', 'a next key that is revoked has a successor')
  await app.keys.rotate({ now: true })
  t.equal(await visit(app, good), 200)
  await app.keys.revoke(heir)
  t.equal(states(app), 'active next', 'a retired one just goes')
  t.equal(await visit(app, good), 401)
  await t.rejects(app.keys.revoke(heir), { code: 'not_found' })
  await t.rejects(app.keys.revoke(''), { code: 'not_found' })
})

t.test('adopts another algorithm where it listens, and where a command looks changes nothing', async (t) => {
  const { start } = onOneFile(t)
  const clock = { now: 1_763_939_500_000 }
  const before = await start({}, () => clock.now)
  const [first, next] = kids(before) as [string, string]
  const old = issue(before)
  await before.close()

  const command = await start({ SIGNING_ALG: 'EdDSA' }, () => clock.now)
  t.strictSame(kids(command), [first, next])
  await command.close()

  const service = await start({ SIGNING_ALG: 'EdDSA' }, () => clock.now)
  await service.listen({ port: 0, host: '127.0.0.1' })
  await until(() => service.keys.list().some(({ alg }) => alg === 'EdDSA'))
  t.match(service.keys.list(), [{ kid: first, alg: 'ES256', state: 'active' }, { alg: 'EdDSA', state: 'next', signsFrom: clock.now + 2 * day }])
  t.equal(await visit(service, old), 200)
  clock.now += 2 * day
  const token = issue(service)
  t.equal(JSON.parse(Buffer.from(token.split('.')[0] as string, 'base64url').toString()).alg, 'EdDSA')
  t.equal(await visit(service, token), 200)
})

t.test('replaces every key where the secret is lost', async (t) => {
  const { start, file } = onOneFile(t)
  const app = await start()
  const token = issue(app)
  const before = kids(app)
  await app.close()
  const secretKey = secretOf()
  await t.rejects(start({ SECRET_KEY: secretKey }), { message: /^SECRET_KEY is not the one [^\n]+$/ })
  const reset = await build(t, { environment: { DATABASE_URL: `sqlite:${file}`, SECRET_KEY: secretKey }, reset: true })
  t.equal(states(reset), 'active next')
  t.equal(kids(reset).filter((kid) => before.includes(kid)).length, 0)
  t.throws(() => reset.tokens.verify(token), { code: 'invalid_token' })
  await reset.close()
  t.strictSame(kids(await start({ SECRET_KEY: secretKey })), kids(reset))
})

t.test('refuses a start under a wrong secret and leaves the keys alone', async (t) => {
  const { start, file } = onOneFile(t)
  await (await start()).close()
  const before = rows(file)
  await t.rejects(start({ SECRET_KEY: secretOf() }), { message: /^SECRET_KEY is not the one [^\n]+ keys reset --yes"$/ })
  await t.rejects(start({ SECRET_KEY: secretOf(), SECRET_KEY_PREVIOUS: secretOf() }), { message: /^SECRET_KEY is not the one/ })
  t.strictSame(rows(file), before)
})

t.test('refuses a start on weak keys that somebody put into the database', async (t) => {
  for (const [alg, { publicKey, privateKey }] of [
    ['RS256', generateKeyPairSync('rsa', { modulusLength: 2048 })],
    ['ES256', generateKeyPairSync('ec', { namedCurve: 'secp256k1' })],
    ['EdDSA', generateKeyPairSync('ed448')]
  ] as const) {
    const { start, file, secretKey } = onOneFile(t)
    const app = await start()
    const { kid } = app.keys.active()
    await app.close()
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
    const database = new DatabaseSync(file)
    database.prepare('update signing_keys set alg = ?, public_jwk = ?, private_key = ? where kid = ?')
      .run(alg, JSON.stringify(publicKey.export({ format: 'jwk' })), createVault(secretKey).seal('signing-key', kid, Buffer.from(pem)), kid)
    database.close()
    await t.rejects(start(), { message: `The signing key ${kid} in the database cannot be used: it is too weak or of another kind than its algorithm` }, alg)
  }
})

t.test('takes a change of SECRET_KEY in two steps, one process after the other, and loses no token', async (t) => {
  const { start, file, secretKey: old } = onOneFile(t)
  const fresh = secretOf()
  const settings = {
    before: {},
    known: { SECRET_KEY: old, SECRET_KEY_PREVIOUS: fresh },
    changed: { SECRET_KEY: fresh, SECRET_KEY_PREVIOUS: old },
    after: { SECRET_KEY: fresh }
  }
  let [one, other] = [await start(settings.before), await start(settings.before)]
  const tokens = [issue(one), issue(other)]
  /** Both see what the other did, both issue, and both take all that was ever issued. */
  async function agree (when: string): Promise<void> {
    for (const app of [one, other]) await app.jobs.run('keys')
    tokens.push(issue(one), issue(other))
    for (const app of [one, other]) {
      for (const token of tokens) t.equal(app.tokens.verify(token).username, 'alice', when)
    }
  }
  for (const name of ['known', 'changed', 'after'] as const) {
    await one.close()
    one = await start(settings[name])
    await agree(`one of two ${name}`)
    await one.keys.rotate({ now: true })
    await agree(`a rotation while one of two is ${name}`)
    await other.close()
    other = await start(settings[name])
    await agree(`both ${name}`)
    await other.keys.rotate({ now: true })
    await agree(`a rotation when both are ${name}`)
  }
  t.ok(new Set(tokens.map(kidOf)).size >= 6)
  await Promise.all([one.close(), other.close()])
  await t.rejects(start({ SECRET_KEY: old }), { message: /^SECRET_KEY is not the one/ }, 'the old secret is worth nothing now')
  t.ok(rows(file).every(({ kid, private_key: sealed }) => sealed === null || createVault(fresh).isCurrent('signing-key', kid as string, sealed)))
})

t.test('trusts no key where it cannot open one, and says that it is unavailable', async (t) => {
  const { start, file } = onOneFile(t)
  const app = await start()
  const { access_token: token } = await aliceSignedIn(app)
  t.equal(await visit(app, token), 200)
  await (await build(t, { environment: { DATABASE_URL: `sqlite:${file}`, SECRET_KEY: secretOf() }, reset: true })).close()

  await t.rejects(app.jobs.run('keys'), { message: /^SECRET_KEY is not the one/ })
  t.throws(() => app.keys.active(), { code: 'unavailable' })
  t.throws(() => app.keys.find('any'), { code: 'unavailable' })
  t.throws(() => app.keys.jwks(), { code: 'unavailable' })
  t.strictSame(app.keys.list(), [])
  t.equal(await visit(app, token), 503, 'it cannot know what any token is worth')
  const signIn = await app.inject({ method: 'POST', url: '/login', payload: { username: 'alice', password: 'correct horse battery staple' } })
  t.match(signIn, { statusCode: 503, headers: { 'retry-after': /^\d+$/ } })
  for (const url of ['/.well-known/jwks.json', '/.well-known/openid-configuration']) t.equal((await app.inject(url)).statusCode, 503, `${url}: an empty set would be believed`)
  await t.resolves(app.jobs.run('keys'), 'it said so once')
})
