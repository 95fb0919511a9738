import Fastify from 'fastify'
import fp from 'fastify-plugin'
import t, { type Test } from 'tap'
import passwordsPlugin from '../../plugins/passwords.ts'
import { build, costly } from '../support/build.ts'

type Line = Record<string, unknown>

const turn = { network: '192.0.2.1' }

async function passwordsOf (t: Test) {
  const log: Line[] = []
  const { passwords } = await build(t, { log, environment: costly })
  return { passwords, warnings: () => log.filter(({ level }) => level === 40) }
}

t.test('tells the outcome once, before the next is asked whether it may start', async (t) => {
  const { passwords, hashing } = await build(t, { environment: { ...costly, HASH_CONCURRENCY: '1' } })
  const digest = await passwords.hash('correct horse', turn)
  const told: string[] = []
  const seen: number[] = []
  const verify = (password: string, stored: string | null) => passwords.verify(password, stored, {
    ...turn,
    mayStart: () => seen.push(told.length) > 0,
    ended: (matches) => { told.push(`${password} ${matches}`) }
  })
  await Promise.all([verify('correct horse', digest), verify('wrong horse', digest), verify('correct horse', null), verify('correct horse', 'no digest')])
  t.same(told, ['correct horse true', 'wrong horse false', 'correct horse false', 'correct horse false'])
  t.same(seen, [0, 1, 2, 3])
  hashing.run = () => Promise.reject(new Error('refused'))
  await t.rejects(verify('correct horse', digest), { message: 'refused' })
  t.equal(told.length, 4, 'and nothing where nothing was begun')
})

/** Milliseconds of processor time, of all threads: what runs beside the test does not count. */
async function costOf (work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

t.test('admits what the policy lets through, and says why not otherwise', async (t) => {
  const { passwords } = await passwordsOf(t)
  t.doesNotThrow(() => passwords.admit('correct horse', ['alice']))
  t.throws(() => passwords.admit('short', ['alice']), { code: 'weak_password', message: 'This password is too short: use 8 characters or more' })
  t.throws(() => passwords.admit('alice123', ['alice']), { code: 'weak_password', message: /name/ })
  t.throws(() => passwords.admit('P@ssw0rd!', ['alice']), { code: 'weak_password', message: /use several unrelated words$/ })
})

t.test('admits nothing that is made of the host in PUBLIC_URL', async (t) => {
  const { passwords } = await build(t, { environment: { PUBLIC_URL: 'https://login.kestrel-bank.example' } })
  for (const password of ['KestrelBank1', 'kestrel!2026', 'login.kestrel-bank.example']) t.throws(() => passwords.admit(password, []), { code: 'weak_password', message: /name/ }, password)
  t.doesNotThrow(() => passwords.admit('a kestrel over the bank', []))
})

t.test('knows the password of a digest, and whether the digest is of today', async (t) => {
  const { passwords } = await passwordsOf(t)
  const digest = await passwords.hash('correct horse', turn)
  t.strictSame(await passwords.verify('correct horse', digest, turn), { matches: true, outdated: false })
  t.strictSame(await passwords.verify('wrong horse', digest, turn), { matches: false, outdated: false })
  const stronger = await build(t, { environment: { ARGON2_TIME: '3' } })
  t.strictSame(await stronger.passwords.verify('correct horse', digest, turn), { matches: true, outdated: true })
})

const hostile: [what: string, digest: string][] = [
  ['4 GiB of memory', '$argon2id$v=19$m=4194304,t=2,p=1$c29tZSBzYWx0IGhlcmUhIQ$MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE'],
  ['four billion passes', '$argon2id$v=19$m=19456,t=4294967295,p=1$c29tZSBzYWx0IGhlcmUhIQ$MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE'],
  ['argon2i that is too dear', '$argon2i$v=19$m=4194304,t=2,p=1$c29tZSBzYWx0IGhlcmUhIQ$MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE'],
  ['bcrypt that would take days', '$2b$31$GhvMmNVjRW29ulnudl.LbuAnUtN/LRfe1JsBm1Xu6LE3059z5Tr8m'],
  ['the password itself', 'correct horse'],
  ['a digest cut short', '$argon2id$v=19$m=19456,t=2,p=1$c29tZSBzYWx0'],
  ['nothing', '']
]

t.test('answers no to a digest that is malformed or hostile, and warns of it without showing it', async (t) => {
  const { passwords, warnings } = await passwordsOf(t)
  for (const [what, digest] of hostile) t.strictSame(await passwords.verify('correct horse', digest, turn), { matches: false, outdated: false }, what)
  t.equal(warnings().length, hostile.length)
  for (const [, digest] of hostile.filter(([, digest]) => digest !== '')) t.notMatch(JSON.stringify(warnings()), digest)
})

t.test('does not know its own dummy\'s password as anybody\'s', async (t) => {
  const { passwords, warnings } = await passwordsOf(t)
  t.strictSame(await passwords.verify('a password that nobody has', null, turn), { matches: false, outdated: false })
  t.same(warnings(), [], 'having no password is no fault')
})

t.test('does not start where its dummy cannot be hashed', async (t) => {
  const service = Fastify()
  t.teardown(() => service.close())
  for (const name of ['clock', 'errors', 'hashing']) service.register(fp(async (app) => { app.decorate(name, { run: () => Promise.reject(new Error('no memory')) }) }, { name }))
  service.register(passwordsPlugin, { minLength: 8, host: 'localhost', memory: 19_456, passes: 2 })
  await t.rejects(async () => await service.ready(), { message: 'no memory' })
})

t.test('does the same work for a user who is not there, or whose digest cannot be read or was cheap to make', async (t) => {
  const { passwords } = await passwordsOf(t)
  const digest = await passwords.hash('correct horse', turn)
  const kinds = { real: digest, absent: null, hostile: hostile[0]?.[1] as string, malformed: '', imported: 'AAABAgMEBQYHCAkKCwwNDg+ukCEMDf0yyQ29NYubggHIVY0sdEUfdyeM+E1LtH1uJg==', weaker: '$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4' }
  await passwords.verify('warm', digest, turn)
  const rounds: Array<Record<string, number>> = []
  for (let round = 0; round < 5; round++) {
    const costs: Record<string, number> = {}
    for (const [kind, stored] of Object.entries(kinds)) costs[kind] = await costOf(() => passwords.verify('wrong horse', stored, turn))
    rounds.push(costs)
  }
  const median = (kind: string) => rounds.map((costs) => costs[kind] as number).sort((a, b) => a - b)[2] as number
  for (const kind of ['absent', 'hostile', 'malformed', 'imported', 'weaker']) t.ok(Math.abs(median(kind) - median('real')) < median('real') / 3, `${kind}: ${median(kind)} ms against ${median('real')} ms`)
  t.ok(median('real') > 5, 'and it is real work')
})

t.test('says which digests it could check', async (t) => {
  const { passwords } = await build(t)
  t.equal(passwords.canVerify('$2b$06$AeACcjALK8AWxGQEwvYQGum.KMJSSoyhsiahxyqAiXGeCNdLDnQ8a'), true)
  t.equal(passwords.canVerify('a password in clear'), false)
})
