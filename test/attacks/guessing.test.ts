import t, { type Test } from 'tap'
import { startAttacked } from '../support/attacked.ts'
import { alice } from '../support/build.ts'
import { type Answer, createClient, type HeaderLine, headerOf } from '../support/http.ts'
import type { Service } from '../support/service.ts'

const strangers = 500
const names = 1000
const gateway = '127.0.0.2'
const limits = { LOGIN_LIMIT: '', REGISTER_LIMIT: '', REFRESH_LIMIT: '' }
const wrong = 'not the password of anybody'

/** How many of each status. */
type Tally = Record<number, number>

/** A service with its limits as they are by default, and callers from wherever they please: behind the gateway that is trusted, or not. */
async function attacked (t: Test) {
  const service = await startAttacked(t, { environment: { ...limits, TRUST_PROXY: gateway, HASH_QUEUE: '60s' } })
  const call = createClient(t, service.port)
  const post = (path: string, body: object, address: string | null, from = gateway): Promise<Answer> => call({
    method: 'POST', path, from, body: JSON.stringify(body),
    headers: [['content-type', 'application/json'], ...address === null ? [] : [['x-forwarded-for', address] satisfies HeaderLine]]
  })
  const login = (address: string | null, account: object = {}, from = gateway) => post('/login', { ...alice, ...account }, address, from)
  await post('/register', alice, '203.0.113.1')
  return { service, post, login }
}

/** Calls in turn, eight at a time, and counts the statuses. */
async function tallyOf (count: number, work: (index: number) => Promise<Answer>): Promise<Tally> {
  const tally: Tally = {}
  let next = 0
  await Promise.all(Array.from({ length: 8 }, async () => {
    for (let index = next++; index < count; index = next++) {
      const { status } = await work(index)
      tally[status] = (tally[status] ?? 0) + 1
    }
  }))
  return tally
}

function audited (service: Service): Array<Record<string, unknown>> {
  return service.output().split('\n').filter((line) => line.includes('"msg":"audit"')).map((line) => JSON.parse(line)).map(({ detail, ...event }) => ({ ...event, ...detail }))
}

t.test(`J187 ${strangers} addresses against one account: fifty guesses get through, and its owner signs in all the while`, async (t) => {
  const { service, login } = await attacked(t)
  t.equal((await login('198.51.100.7')).status, 200, 'the owner is known from here')
  const owner: number[] = []
  const tally = await tallyOf(strangers, async (index) => {
    if (index % 50 === 49) owner.push((await login('198.51.100.7')).status)
    return login(`10.1.${index >> 8}.${index & 255}`, { password: wrong })
  })
  t.same(new Set(owner), new Set([200]))
  t.same(tally, { 401: 50, 429: strangers - 50 })
  t.comment(`the owner signed in ${owner.length} times between`)
  t.equal((await login('10.3.0.1')).status, 429, 'a stranger with the right password waits')
  t.equal(await service.stop(), 0)
  const throttled = audited(service).filter(({ event }) => event === 'excess_rate_limit_exceeded')
  t.ok(throttled.length > 0 && throttled.every(({ limit, count, user_id: id }) => limit === 'account' && Number(count) >= 1 && id !== null), 'the log says whose account')
})

t.test(`J188 ${names} names from one address: thirty guesses get through, and the refusals are few lines of the log`, async (t) => {
  const { service, login } = await attacked(t)
  const tally = await tallyOf(names, (index) => login('192.0.2.66', { username: `name-${index}`, password: wrong }))
  t.same(tally, { 401: 30, 429: names - 30 })
  t.equal((await login('192.0.2.67')).status, 200)
  t.equal(await service.stop(), 0)
  const refusals = audited(service).filter(({ event }) => event === 'excess_rate_limit_exceeded')
  t.ok(refusals.length <= 3, `${refusals.length} lines`)
  t.equal(refusals.reduce((sum, { count }) => sum + Number(count), 0), names - 30)
})

// Each of the others has addresses and an account of its own, and can do with one service.
const shared = await attacked(t)

t.test('S18 a /64 rotated, and an IPv4 address in both spellings, are one address', async (t) => {
  const { login } = shared
  t.same(await tallyOf(300, (index) => login(`2001:db8:0:1:${index.toString(16)}::${index.toString(16)}`, { username: `name-${index}`, password: wrong })), { 401: 30, 429: 270 })
  t.same(await tallyOf(60, (index) => login(index % 2 === 0 ? '192.0.2.5' : '::ffff:192.0.2.5', { username: `other-${index}`, password: wrong })), { 401: 30, 429: 30 })
})

t.test('F109 F110 F117 no forged or prefixed address gets more, and two clients of a gateway do not share', async (t) => {
  const { service, login, post } = shared
  const bob = { ...alice, username: 'bob' }
  t.equal((await post('/register', bob, '203.0.113.2')).status, 201)
  const forged = await tallyOf(100, (index) => login(`6.6.${index}.6`, { username: `a-${index}`, password: wrong }, '127.0.0.3'))
  t.same(forged, { 401: 30, 429: 70 })
  const prefixed = await tallyOf(100, (index) => login(`6.6.${index}.6, 192.0.2.9`, { username: `b-${index}`, password: wrong }))
  t.same(prefixed, { 401: 30, 429: 70 })
  t.equal((await login('192.0.2.10', bob)).status, 200)
  t.equal(service.output().split('\n').filter((line) => line.includes('TRUST_PROXY')).length, 1, 'warned of the one that forwards without being trusted, once')
  t.match(audited(service).find(({ ip }) => ip === '127.0.0.3'), { event: 'authn_login_fail' })
})

t.test('J186 J192 J193 eleven wrong passwords in a row wait, whoever is meant and whatever comes next', async (t) => {
  const { login } = shared
  const statuses = async (count: number, account: object, address: string) => {
    const seen: number[] = []
    for (let i = 0; i < count; i++) seen.push((await login(address, { password: wrong, ...account })).status)
    return seen
  }
  const ten = Array.from({ length: 10 }, () => 401)
  t.same(await statuses(10, {}, '192.0.2.20'), ten)
  t.equal((await login('192.0.2.20')).status, 429)
  t.same(await statuses(11, { username: 'nobody' }, '192.0.2.20'), [...ten, 429])
  t.same(await statuses(10, {}, '192.0.2.21'), ten)
  t.equal((await login('192.0.2.22')).status, 200)
  t.same(await statuses(10, {}, '192.0.2.22'), ten, 'ten, a success elsewhere, ten')
  const refused = await login('192.0.2.22')
  t.equal(refused.status, 429)
  t.equal(headerOf(refused.headers, 'retry-after'), '30')
  t.equal(headerOf(refused.headers, 'ratelimit'), '"account";r=0;t=30')
  t.same(await statuses(9, {}, '192.0.2.23'), ten.slice(1))
  t.equal((await login('192.0.2.23')).status, 200)
  t.same(await statuses(11, {}, '192.0.2.23'), [...ten, 429], 'nine, a success at the same address, and ten anew')
})

t.test('I180 a registration too many waits', async (t) => {
  const { post } = shared
  const tally = await tallyOf(25, (index) => post('/register', { username: `user-${index}`, password: 'password' }, '192.0.2.30'))
  t.same(tally, { 400: 20, 429: 5 })
  const refused = await post('/register', { ...alice, username: 'late' }, '192.0.2.30')
  t.equal(headerOf(refused.headers, 'ratelimit-policy'), '"register";q=20;w=3600')
  t.match(headerOf(refused.headers, 'retry-after'), /^\d{4}$/)
})
