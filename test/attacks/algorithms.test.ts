import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { startAttacked } from '../support/attacked.ts'
import { createAttacker, quickest } from '../support/attacker.ts'
import { startBait } from '../support/bait.ts'
import { type LiveKey, segment } from '../support/forge.ts'
import { createClient } from '../support/http.ts'
import { outboundSockets, residentMemory } from '../support/process.ts'
import { temporaryFolder } from '../support/service.ts'
import { macToken, shapeOf, startTarget } from '../support/target.ts'

const target = await startTarget(t)
const { service, call, header, claims, keys, forge } = target
const good = target.alice.access_token
const [h, p, s] = good.split('.') as [string, string, string]
const attacker = newKey()

function newKey () {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { alg: 'ES256', privateKey, jwk: publicKey.export({ format: 'jwk' }) }
}

/** Tokens that differ in one header member and are signed by somebody else. */
function byAttacker (values: Record<string, object>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([what, header]) => [what, forge({ header: { ...header }, key: attacker })]))
}

function withAlg (alg: unknown): string {
  return segment({ ...header, alg })
}

function without (object: object, name: string) {
  return Object.fromEntries(Object.entries(object).filter(([key]) => key !== name))
}

/** Both spell no spare bits, so that either may stand at the end of a signature. */
function anotherLetter (letter: string | undefined) {
  return letter === 'A' ? 'Q' : 'A'
}

t.test('accepts what is forged without a fault, so that each fault is what is refused', async (t) => {
  await target.accepts(t, good, 'as it was issued')
  await target.accepts(t, forge({}), 'signed again')
  await target.accepts(t, forge({ header: { kid: keys[1].kid }, key: keys[1] }), 'signed by the next key, which may begin in another process first')
})

t.test('A001 refuses alg none without a signature', async (t) => {
  await target.refuses(t, {
    'none alone': `${segment({ alg: 'none' })}.${p}.`,
    'none in a header of ours': `${withAlg('none')}.${p}.`,
    'none, without the last dot': `${withAlg('none')}.${p}`
  })
})

t.test('A002 refuses alg none in every spelling', async (t) => {
  for (const alg of ['None', 'NONE', 'nOnE']) await target.refuses(t, { [alg]: `${withAlg(alg)}.${p}.` })
})

t.test('A003 refuses alg none over a signature of ours', async (t) => {
  await target.refuses(t, { 'the signature kept': `${withAlg('none')}.${p}.${s}`, 'signed as it stands': forge({ header: { alg: 'none' } }) })
})

t.test('A005 refuses a header without alg', async (t) => {
  await target.refuses(t, { 'the signature kept': `${segment(without(header, 'alg'))}.${p}.${s}`, 'signed as it stands': forge({ header: { alg: undefined } }) })
})

t.test('A006 refuses an alg of another type', async (t) => {
  const values = { number: 1, null: null, array: ['ES256'], object: { '': 'ES256' }, boolean: true }
  for (const [what, alg] of Object.entries(values)) await target.refuses(t, { [`${what}, the signature kept`]: `${withAlg(alg)}.${p}.${s}`, [what]: forge({ header: { alg } }) })
})

t.test('A008 refuses an HMAC whose key is our public key', async (t) => {
  const { body: pem } = await call({ path: `/.well-known/keys/${header.kid}.pem` })
  const { body: jwks } = await call({ path: '/.well-known/jwks.json' })
  const publicKey = createPublicKey(pem)
  t.equal(publicKey.export({ type: 'spki', format: 'pem' }), pem, 'the PEM is what OpenSSL prints')
  const jwk = JSON.parse(jwks).keys.find(({ kid }: { kid: string }) => kid === header.kid)
  const forms = {
    'the PEM': pem,
    'the PEM without its last line feed': pem.trimEnd(),
    'the PEM with CRLF': pem.replaceAll('\n', '\r\n'),
    'the PEM in one line': pem.split('\n').slice(1, -2).join(''),
    'the DER': publicKey.export({ type: 'spki', format: 'der' }),
    'the point': Buffer.concat([Buffer.from([4]), Buffer.from(jwk.x, 'base64url'), Buffer.from(jwk.y, 'base64url')]),
    'the JWK': JSON.stringify(jwk),
    'the JWKS': jwks
  }
  await target.refuses(t, Object.fromEntries(Object.entries(forms).map(([what, key]) => [what, macToken(header, claims, key)])))
})

t.test('A010 refuses an HMAC with an empty key and with a NUL', async (t) => {
  await target.refuses(t, { empty: macToken(header, claims, ''), NUL: macToken(header, claims, Buffer.alloc(1)) })
})

t.test('A011 refuses an HMAC with every obvious secret', async (t) => {
  const words = ['secret', 'password', 'changeme', 'jwt', 'key', 'test', 'admin', 'token', 'private', 'default']
  const shapes = [(word: string) => word, (word: string) => word.toUpperCase(), (word: string) => `${word}123`, (word: string) => `${word}!`, (word: string) => `my-${word}`,
    (word: string) => `your-256-bit-${word}`, (word: string) => `${word}${word}`, (word: string) => `${word}-key`, (word: string) => `gatehouse-${word}`, (word: string) => word.padEnd(32, '0')]
  const guesses = words.flatMap((word) => shapes.map((shape) => shape(word)))
  t.equal(new Set(guesses).size, 100)
  await target.refuses(t, Object.fromEntries(guesses.map((guess) => [guess, macToken(header, claims, guess)])))
})

t.test('A012 refuses a signature of ours under the name of another algorithm', async (t) => {
  for (const alg of ['ES384', 'ES512', 'ES256K', 'RS256', 'RS512', 'PS256', 'EdDSA', 'Ed448']) {
    await target.refuses(t, { [`${alg}, the signature kept`]: `${withAlg(alg)}.${p}.${s}`, [alg]: forge({ header: { alg } }) })
  }
})

t.test('A014 refuses the signature of a fresh key under the id of ours', async (t) => {
  await target.refuses(t, { 'a fresh key': forge({ key: newKey() }) })
})

t.test('A015 refuses a signature that is cut or changed', async (t) => {
  await target.refuses(t, {
    'four characters short': good.slice(0, -4),
    'the last character': good.slice(0, -1) + anotherLetter(good.at(-1)),
    'the first character': `${h}.${p}.${anotherLetter(s[0])}${s.slice(1)}`
  })
})

t.test('A016 refuses a token without a signature', async (t) => {
  await target.refuses(t, { empty: `${h}.${p}.`, absent: `${h}.${p}` })
})

t.test('A017 refuses a payload that was edited', async (t) => {
  const { user: { id } } = await target.signUp('bob')
  await target.refuses(t, {
    'the id of another user': `${h}.${segment({ ...claims, sub: id })}.${s}`,
    'the name of another user': `${h}.${segment({ ...claims, preferred_username: 'bob' })}.${s}`,
    'a role': `${h}.${segment({ ...claims, roles: ['admin'] })}.${s}`
  })
})

t.test('A018 refuses a header that was edited', async (t) => {
  await target.refuses(t, {
    'the id of the other key': `${segment({ ...header, kid: keys[1].kid })}.${p}.${s}`,
    'another id': `${segment({ ...header, kid: 'X' })}.${p}.${s}`,
    'the same members in another order': `${segment({ typ: header.typ, kid: header.kid, alg: header.alg })}.${p}.${s}`
  })
})

t.test('A019 refuses any number of dots but two between three parts', async (t) => {
  const dots = (count: number) => `${h}${'.x'.repeat(count)}`
  await target.refuses(t, {
    none: h, one: dots(1), 'two and no more': dots(2), four: dots(4), five: dots(5), fifty: dots(50), 'four, ours among them': `${good}.${p}.${s}`,
    'only dots': '..', 'only many dots': '.'.repeat(50), 'a leading dot': `.${good}`, 'a trailing dot': `${good}.`
  })
})

t.test('A020 answers a JSON serialisation as a malformed request', async (t) => {
  const flattened = { protected: h, payload: p, signature: s }
  const general = { payload: p, signatures: [{ protected: h, signature: s }] }
  for (const [what, value] of Object.entries({ flattened, general })) {
    target.isRefusal(t, await target.present(JSON.stringify(value)), 'invalid_request', what)
  }
})

t.test('A022 takes no key from the token', async (t) => {
  await target.refuses(t, byAttacker({
    'jwk under our key id': { jwk: attacker.jwk },
    'jwk under its own id': { jwk: attacker.jwk, kid: 'attacker' },
    'jwk without an id': { jwk: attacker.jwk, kid: undefined }
  }))
})

t.test('A023 A024 fetches no key that a token points to', async (t) => {
  const bait = await startBait(t, JSON.stringify({ keys: [{ ...attacker.jwk, kid: header.kid }, { ...attacker.jwk, kid: 'attacker' }] }))
  const at = (path: string) => `${bait.url}/${path}`
  const certificate = randomBytes(400).toString('base64')
  const fingerprint = randomBytes(20).toString('base64url')
  await target.refuses(t, byAttacker({
    jku: { jku: at('jwks') },
    'jku and its own key id': { jku: at('jwks'), kid: 'attacker' },
    'jku marked critical': { jku: at('jwks'), crit: ['jku'] },
    x5u: { x5u: at('chain.pem') },
    x5c: { x5c: [certificate] },
    x5t: { x5t: fingerprint },
    'the whole family': { x5u: at('chain.pem'), x5c: [certificate], x5t: fingerprint, 'x5t#S256': fingerprint }
  }))
  const live = { 'jku, signed by the live key': forge({ header: { jku: at('jwks') } }), 'x5u, signed by the live key': forge({ header: { x5u: at('chain.pem') } }) }
  await target.refuses(t, live)
  await target.refuses(t, { 'an issuer that is the listener': forge({ claims: { iss: at('') } }) })
  await call({ path: '/health/live' })
  t.equal(await bait.visits(), 0)
})

t.test('A026 refuses a token of ours without a key id, or under one that is no key of ours', async (t) => {
  await target.refuses(t, { absent: forge({ header: { kid: undefined } }), unknown: forge({ header: { kid: unknownKid() } }) })
})

t.test('A027 neither keeps nor looks up ten thousand unknown key ids', async (t) => {
  const shapes = new Set<string>()
  const outbound = new Set<string>()
  async function flood (count: number) {
    for (let sent = 0; sent < count; sent += 500) {
      for (const answers of await Promise.all(Array.from({ length: 10 }, () => presentAhead(50)))) for (const answer of answers) shapes.add(answer)
      for (const socket of outboundSockets(service.pid, service.port, service.metricsPort)) outbound.add(socket)
    }
  }
  async function growth () {
    const before = residentMemory(service.pid)
    await flood(10_000)
    return residentMemory(service.pid) - before
  }
  await flood(3000)
  // What is kept grows with every ten thousand; a heap that takes its working size grows once.
  let grown = await growth()
  for (let again = 0; again < 2 && grown >= 16; again++) grown = await growth()
  t.comment(`the service grew by ${grown.toFixed(1)} MiB`)
  t.equal(shapes.size, 1, 'one answer to all')
  await target.refuses(t, { 'the next one': withUnknownKid() })
  t.ok(shapes.has(shapeOf(await target.present(withUnknownKid()))), 'the answer that every bad token gets')
  t.ok(grown < 16, `less than 16 MiB more: ${grown}`)
  t.strictSame([...outbound], [], 'it opened no connection')
})

/** As ours are written, so that it is looked for. */
function unknownKid () {
  return randomBytes(32).toString('base64url')
}

function withUnknownKid () {
  return `${segment({ ...header, kid: unknownKid() })}.${p}.${s}`
}

/**
 * The shapes of the answers to so many unknown key ids, sent ahead over one connection: ten thousand calls cost a client more than the service. The
 * tokens are not looked for in the log at the end.
 */
async function presentAhead (count: number): Promise<string[]> {
  const host = `Host: 127.0.0.1:${service.port}\r\n`
  const presented = Array.from({ length: count }, () => `GET /protected HTTP/1.1\r\n${host}Authorization: Bearer ${withUnknownKid()}\r\n\r\n`)
  const answers = await createAttacker(service).say(`${presented.join('')}GET /health/live HTTP/1.1\r\n${host}Connection: close\r\n\r\n`)
  if (answers.length !== count + 1) throw new Error(`${answers.length} answers to ${count + 1} requests`)
  return answers.slice(0, -1).map(({ status, headers, body }) => shapeOf({ status, headers: Object.entries(headers), body }))
}

/** Tokens with such a key id: under HMAC with what the id is meant to make the key, and under the live key, where the id alone is at fault. */
const withKid = (kid: string, key: string) => ({ [`${kid}, HMAC`]: macToken({ ...header, kid }, claims, key), [kid]: forge({ header: { kid } }) })

t.test('A028 refuses key ids that are paths', async (t) => {
  for (const kid of ['../../../../../../dev/null', '/dev/null', '/invalid_path', '', `../${header.kid}`, `${header.kid}.pem`]) await target.refuses(t, withKid(kid, ''))
})

t.test('A029 refuses key ids that are SQL, without doing what they say', async (t) => {
  const kids = ["x' UNION SELECT '1';--", "' OR '1'='1", "x' UNION SELECT randomblob(1e9);--", "'; DROP TABLE signing_keys;--"]
  for (const kid of kids) {
    t.ok(await quickest(5, () => target.refuses(t, withKid(kid, '1'))) < 200, `${kid} takes no time`)
  }
})

t.test('A030 refuses key ids that are commands, without running them', async (t) => {
  for (const kid of ['|sleep 10', '$(sleep 10)', '`sleep 10`', '; sleep 10', 'x\nsleep 10']) {
    t.ok(await quickest(5, () => target.refuses(t, withKid(kid, ''))) < 1000, `${kid} takes no time`)
  }
})

t.test('A032 refuses a key id that is not a short text', async (t) => {
  const kids = { number: 1, array: [header.kid], object: { [`${header.kid}`]: 1 }, null: null, boolean: true, NUL: `${header.kid}\u0000`, CRLF: `${header.kid}\r\nX-Injected: 1`, '8 KiB': 'k'.repeat(8192) }
  await target.refuses(t, Object.fromEntries(Object.entries(kids).map(([what, kid]) => [what, forge({ header: { kid } })])))
})

t.test('A032 looks for no key in what every object has', async (t) => {
  for (const kid of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) await target.refuses(t, { [kid]: forge({ header: { kid } }) })
})

t.test('A033 refuses the signature of one of our keys under the id of the other', async (t) => {
  await target.refuses(t, { 'signed by the next': forge({ key: keys[1] }), 'named as the next': forge({ header: { kid: keys[1].kid } }) })
})

t.test('A034 refuses the key that was taken out of the JWKS', async (t) => {
  const folder = temporaryFolder(t)
  const database = new DatabaseSync(service.databaseFile, { readOnly: true })
  database.prepare('VACUUM INTO ?').run(join(folder, 'gatehouse.db'))
  database.close()
  const copy = new DatabaseSync(join(folder, 'gatehouse.db'))
  copy.prepare('delete from signing_keys where kid = ?').run(`${header.kid}`)
  copy.close()
  const other = await startAttacked(t, { folder, secretKey: service.secretKey })
  const callOther = createClient(t, other.port)
  const present = (token: string) => callOther({ path: '/protected', headers: [['authorization', `Bearer ${token}`]] })

  const { keys: published } = JSON.parse((await callOther({ path: '/.well-known/jwks.json' })).body)
  t.notOk(published.some(({ kid }: LiveKey) => kid === header.kid), 'it is not published')
  target.isRefusal(t, await present(good), 'invalid_token', 'its token, not expired')
  t.equal((await present(forge({ header: { kid: keys[1].kid }, key: keys[1] }))).status, 200, 'the other key serves on')
})

t.test('is unharmed', (t) => target.isUnharmed(t))
