import { randomUUIDv7 } from 'node:crypto'
import type { Test } from 'tap'
import { run } from '../../../plugins/database/statement.ts'
import type { Queries } from '../../../plugins/database.ts'
import { createSessionRepository, type Session } from '../../../plugins/sessions/repository.ts'
import { firstIdOf, sessionId } from '../../../plugins/sessions/session-id.ts'
import { createUserRepository } from '../../../plugins/users/repository.ts'

const now = Date.parse('2026-03-01T12:00:00Z')

function newSession (userId: string, members: Partial<Session> = {}): Session {
  return {
    id: randomUUIDv7(), userId, clientId: 'gatehouse', counter: 0, createdAt: now, rotatedAt: now + 1, lastUsedAt: now + 2,
    idleExpiresAt: now + 1000, expiresAt: now + 2000, ip: '192.0.2.1', userAgent: null, ...members
  }
}

/** What the session repository promises, whatever database it is on. `open` gives a new empty one. */
export function sessionsContract (t: Test, open: (t: Test) => Promise<Queries>): void {
  async function setUp (t: Test) {
    const queries = await open(t)
    const users = createUserRepository(queries, { run })
    const [alice, bob] = [randomUUIDv7(), randomUUIDv7()]
    for (const [id, username] of [[alice, 'alice'], [bob, 'bob']] as const) await users.add({ id, username, email: null, passwordHash: null, createdAt: now })
    const sessions = createSessionRepository(queries, { run })
    const add = async (userId: string, ...many: Array<Partial<Session>>) => {
      const added = many.map((members) => newSession(userId, members))
      for (const session of added) await sessions.add(session)
      return added
    }
    return { queries, users, sessions, alice, bob, add }
  }
  const idsOf = (sessions: Array<Pick<Session, 'id'>>) => sessions.map(({ id }) => id)

  t.test('finds what was added, as it was', async (t) => {
    const { sessions, alice, add } = await setUp(t)
    const [plain, full] = await add(alice, {}, { counter: 0xffffffff, userAgent: '\'; drop table sessions; --', ip: '2001:db8::1', clientId: 'web' }) as [Session, Session]
    t.strictSame(await sessions.find(plain.id), plain)
    t.strictSame(await sessions.find(full.id), full)
    t.strictSame(await sessions.lock(full.id), full)
    for (const id of ['', randomUUIDv7(), plain.id.toUpperCase()]) t.strictSame([await sessions.find(id), await sessions.lock(id)], [null, null], id)
  })

  t.test('has no session without a user, and ends them with the user', async (t) => {
    const { sessions, users, alice, add } = await setUp(t)
    await t.rejects(sessions.add(newSession(randomUUIDv7())))
    const [session] = await add(alice, {}) as [Session]
    await users.remove(alice)
    t.equal(await sessions.find(session.id), null)
  })

  t.test('lists a user\'s sessions that are not over, the one used last first', async (t) => {
    const { sessions, alice, bob, add } = await setUp(t)
    const [old, recent, , edge] = await add(alice, { lastUsedAt: now - 9 }, { lastUsedAt: now + 9 }, { idleExpiresAt: now }, { lastUsedAt: now, idleExpiresAt: now + 1 }) as [Session, Session, Session, Session]
    await add(bob, {})
    t.strictSame(await sessions.ofUser(alice, now), [recent, edge, old])
    t.strictSame(await sessions.ofUser(randomUUIDv7(), now), [])
  })

  t.test('tells which sessions are beyond those to be kept', async (t) => {
    const { sessions, alice, bob, add } = await setUp(t)
    const [a, b, c] = await add(alice, { lastUsedAt: now + 1 }, { lastUsedAt: now + 3 }, { lastUsedAt: now + 2 }) as [Session, Session, Session]
    await add(alice, { lastUsedAt: now, idleExpiresAt: now })
    await add(bob, {})
    t.strictSame(await sessions.surplus(alice, now, 3), [])
    t.strictSame(await sessions.surplus(alice, now, 2), [a.id])
    t.strictSame(await sessions.surplus(alice, now, 0), [b.id, c.id, a.id])
  })

  t.test('counts one rotation for all who saw the same counter', async (t) => {
    const { sessions, alice, add } = await setUp(t)
    const [session, other] = await add(alice, { counter: 3 }, { counter: 3 }) as [Session, Session]
    const rotation = { now: now + 10, idleEnd: now + 1500, ip: '192.0.2.9', userAgent: 'curl' }
    t.equal(await sessions.rotate(session.id, 2, rotation), null)
    t.equal(await sessions.rotate(randomUUIDv7(), 3, rotation), null)
    const wins = (await Promise.all(Array.from({ length: 20 }, () => sessions.rotate(session.id, 3, rotation)))).filter((one) => one !== null)
    const rotated = { ...session, counter: 4, rotatedAt: now + 10, lastUsedAt: now + 10, idleExpiresAt: now + 1500, ip: '192.0.2.9', userAgent: 'curl' }
    t.strictSame([wins, await sessions.find(session.id)], [[rotated], rotated])
    t.strictSame(await sessions.find(other.id), other)
  })

  t.test('rotates nothing that is over, and lets nothing last beyond its absolute end', async (t) => {
    const { sessions, alice, add } = await setUp(t)
    const [session] = await add(alice, {}) as [Session]
    const at = (moment: number) => sessions.rotate(session.id, 0, { now: moment, idleEnd: moment + 5000, ip: '192.0.2.9', userAgent: null })
    t.equal(await at(session.idleExpiresAt), null)
    t.strictSame(await sessions.find(session.id), session)
    t.equal((await at(session.idleExpiresAt - 1))?.idleExpiresAt, session.expiresAt)
  })

  t.test('removes what it is told to, and says what was there', async (t) => {
    const { sessions, alice, bob, add } = await setUp(t)
    const [a, b, c] = await add(alice, {}, {}, {}) as [Session, Session, Session]
    const [his] = await add(bob, {}) as [Session]
    t.strictSame(await sessions.remove([]), [])
    t.strictSame(await sessions.remove([a.id, randomUUIDv7()]), [a.id])
    t.strictSame(await sessions.remove([a.id]), [])
    t.strictSame(await sessions.removeOfUser(alice, [b.id]), [c.id])
    t.strictSame(await sessions.removeOfUser(alice, []), [b.id])
    t.strictSame(await sessions.removeOfUser(alice, []), [])
    t.strictSame(await sessions.find(his.id), his, 'another\'s stays')
    await add(alice, {}, {})
    t.equal(await sessions.removeAll(), 3)
    t.equal(await sessions.removeAll(), 0)
  })

  t.test('removes what was begun before a moment, so many at a time', async (t) => {
    const { sessions, alice, bob, add } = await setUp(t)
    const [, , last] = await add(alice, ...[now - 2, now - 1, now].map((moment) => ({ id: sessionId(moment) }))) as [Session, Session, Session]
    const [his] = await add(bob, { id: sessionId(now - 3) }) as [Session]
    t.equal(await sessions.removeBefore(firstIdOf(now), 2), 2)
    t.equal(await sessions.removeBefore(firstIdOf(now), 2), 1)
    t.equal(await sessions.removeBefore(firstIdOf(now), 2), 0)
    t.strictSame(idsOf(await sessions.ofUser(alice, now)), [last.id])
    t.equal(await sessions.find(his.id), null)
  })

  t.test('sweeps what is over, so many at a time', async (t) => {
    const { sessions, alice, add } = await setUp(t)
    const over = await add(alice, ...Array.from({ length: 5 }, (_, index) => ({ idleExpiresAt: now - index })))
    const [live] = await add(alice, { idleExpiresAt: now + 1 }) as [Session]
    t.strictSame(await sessions.count(now, '', 10), { live: 1, last: live.id }, 'what is over is not live')
    t.strictSame(await sessions.count(now, live.id, 10), { live: 0, last: null })
    t.strictSame(await sessions.count(now - 5, '', 4), { live: 4, last: idsOf([...over, live]).sort()[3] }, 'so many at a time, up to the last of them')
    t.equal(await sessions.sweep(now, 3), 3)
    t.equal(await sessions.sweep(now, 3), 2)
    t.equal(await sessions.sweep(now, 3), 0)
    t.strictSame(await sessions.find(live.id), live)
    for (const id of idsOf(over)) t.equal(await sessions.find(id), null)
  })
}
