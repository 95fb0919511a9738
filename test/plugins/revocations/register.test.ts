import t from 'tap'
import { createRegister } from '../../../plugins/revocations/register.ts'
import type { Revocation } from '../../../plugins/revocations/repository.ts'
import { sessionId } from '../../../plugins/sessions/session-id.ts'

const now = 1_000_000
const bearer = { userId: 'u', sessionId: sessionId(now), clientId: 'gatehouse', tokenId: 'j', roles: [] }
const machine = { userId: '', sessionId: '', clientId: 'billing', tokenId: 'k', roles: [] }

const entry = (subject: Revocation['subject'], subjectId: string, members: Partial<Revocation> = {}): Revocation => ({ subject, subjectId, notBefore: null, roles: null, expiresAt: now + 10, ...members })

t.test('refuses nobody where nothing ended', async (t) => {
  const register = createRegister()
  t.equal(register.isRevoked(bearer), false)
  t.equal(register.isRevoked(machine), false)
  t.equal(register.size, 0)
})

t.test('refuses the tokens of a session, of a client and one token, each by its own id', async (t) => {
  const cases = [['session', bearer.sessionId, true, false], ['session', 'other', false, false], ['client', 'billing', false, true], ['client', 'gatehouse', false, false], ['token', 'j', true, false], ['token', 'k', false, true], ['session', 'billing', false, false], ['user', 'billing', false, false]] as const
  for (const [subject, id, user, client] of cases) {
    const register = createRegister()
    register.add(entry(subject, id, subject === 'user' ? { notBefore: now } : {}))
    t.strictSame([register.isRevoked(bearer), register.isRevoked(machine)], [user, client], `${subject} ${id}`)
    t.equal(register.size, 1)
  }
})

t.test('refuses a user\'s sessions begun until a moment, and lets those of the next millisecond live', async (t) => {
  for (const until of [now, 2 ** 48 - 1001]) {
    const register = createRegister()
    register.add(entry('user', 'u', { notBefore: until }))
    for (const [moment, expected] of [[0, true], [until - 1, true], [until, true], [until + 1, false], [until + 1000, false]] as const) {
      t.equal(register.isRevoked({ ...bearer, sessionId: sessionId(moment) }), expected, String(moment))
    }
    t.equal(register.isRevoked({ ...bearer, userId: 'v' }), false, 'another\'s live')
  }
})

t.test('refuses everybody\'s sessions begun until a moment, and no client\'s own token', async (t) => {
  const register = createRegister()
  register.add(entry('everybody', '', { notBefore: now }))
  for (const userId of ['u', 'v']) {
    for (const [moment, expected] of [[0, true], [now, true], [now + 1, false]] as const) {
      t.equal(register.isRevoked({ ...bearer, userId, sessionId: sessionId(moment) }), expected, String(moment))
    }
  }
  t.equal(register.isRevoked(machine), false)
  register.add(entry('user', 'u', { notBefore: now + 1, expiresAt: now + 20 }))
  t.strictSame(['u', 'v'].map((userId) => register.isRevoked({ ...bearer, userId, sessionId: sessionId(now + 1) })), [true, false], 'the later of both counts')
  register.sweep(now + 10, 10)
  t.strictSame(['u', 'v'].map((userId) => register.isRevoked({ ...bearer, userId })), [true, false])
})

t.test('keeps the later of two moments and of two ends, in whatever order they come', async (t) => {
  for (const order of [[now, now + 5], [now + 5, now]]) {
    const register = createRegister()
    for (const moment of order) register.add(entry('user', 'u', { notBefore: moment, expiresAt: moment + 10 }))
    t.equal(register.isRevoked({ ...bearer, sessionId: sessionId(now + 5) }), true)
    t.equal(register.isRevoked({ ...bearer, sessionId: sessionId(now + 6) }), false)
    register.sweep(now + 14, 10)
    t.equal(register.size, 1)
    register.sweep(now + 15, 10)
    t.equal(register.size, 0)
  }
  const register = createRegister()
  register.add(entry('user', 'u'))
  t.equal(register.isRevoked(bearer), false, 'no moment is none')
})

t.test('forgets what is over, and nothing before', async (t) => {
  const register = createRegister()
  for (const [index, subject] of (['session', 'client', 'token', 'user'] as const).entries()) register.add(entry(subject, 'x', { notBefore: now, expiresAt: now + index }))
  for (const left of [3, 2, 1, 0]) {
    t.equal(register.sweep(now + 3 - left, 10), left + 1, 'all are looked at')
    t.equal(register.size, left)
  }
})

t.test('looks at so many at a time, and goes on there the next time', async (t) => {
  const register = createRegister()
  for (let id = 0; id < 7; id++) register.add(entry('session', String(id), { expiresAt: id === 6 ? now : now + 10 }))
  t.strictSame([3, 3, 3, 3].map((limit) => [register.sweep(now, limit), register.size]), [[3, 7], [3, 7], [1, 6], [3, 6]])
})

t.test('answers in under a microsecond among 100,000', async (t) => {
  const register = createRegister()
  for (let id = 0; id < 100_000; id++) register.add(entry('session', sessionId(id), { expiresAt: now }))
  for (let id = 0; id < 1000; id++) register.add(entry('user', `user ${id}`, { notBefore: now, expiresAt: now }))
  const rounds = 200_000
  const best = Math.min(...[1, 2, 3, 4, 5].map(() => {
    const before = performance.now()
    for (let round = 0; round < rounds; round++) register.isRevoked(bearer)
    return (performance.now() - before) / rounds * 1000
  }))
  t.ok(best < 1, `${best.toFixed(3)} µs`)
})

t.test('refuses a token that names a role which its user no longer holds, by what was said last', async (t) => {
  const register = createRegister()
  const holds = (roles: string[], members: Partial<Revocation> = {}) => register.add(entry('roles', 'u', { roles, ...members }))
  const refused = (...roles: string[]) => register.isRevoked({ ...bearer, roles })
  holds(['b', 'c'])
  t.strictSame([refused(), refused('b'), refused('c', 'b'), refused('a'), refused('a', 'b')], [false, false, false, true, true])
  t.equal(register.isRevoked({ ...bearer, userId: 'v', roles: ['a'] }), false, 'another\'s live')
  t.equal(register.isRevoked(machine), false)
  holds([])
  t.strictSame([refused(), refused('b')], [false, true])
  holds(['a'])
  t.strictSame([refused('a'), refused('b')], [false, true], 'what is given back is good again')
  t.equal(register.size, 1)
  register.sweep(now + 9, 10)
  t.equal(refused('b'), true)
  register.sweep(now + 10, 10)
  register.sweep(now + 10, 10)
  t.strictSame([refused('b'), register.size], [false, 0], 'forgotten with the last token that could name it')
})
