import { randomUUIDv7 } from 'node:crypto'
import t from 'tap'
import { createSessionRepository, type Session } from '../../../plugins/sessions/repository.ts'
import { createUserRepository } from '../../../plugins/users/repository.ts'
import { openDatabase } from '../../support/database.ts'

const now = Date.parse('2026-03-01T12:00:00Z')

function newSession (userId: string): Session {
  return { id: randomUUIDv7(), userId, clientId: 'gatehouse', counter: 0, createdAt: now, rotatedAt: now + 1, lastUsedAt: now + 2, idleExpiresAt: now + 3, expiresAt: now + 4, ip: '192.0.2.1', userAgent: null }
}

async function open (t: Parameters<typeof openDatabase>[0]) {
  const queries = await openDatabase(t)
  const userId = randomUUIDv7()
  await createUserRepository(queries).add({ id: userId, username: 'alice', email: null, passwordHash: null, createdAt: now })
  return { queries, userId, sessions: createSessionRepository(queries) }
}

t.test('writes a session as one row', async (t) => {
  const { queries, userId, sessions } = await open(t)
  const session = newSession(userId)
  await sessions.add(session)
  t.same(await queries.selectFrom('sessions').selectAll().execute(), [{
    id: session.id, user_id: userId, client_id: 'gatehouse', counter: 0, created_at: now, rotated_at: now + 1, last_used_at: now + 2, idle_expires_at: now + 3, expires_at: now + 4, ip: '192.0.2.1', user_agent: null
  }])
})

t.test('has no session without a user, and ends them with the user', async (t) => {
  const { queries, userId, sessions } = await open(t)
  await t.rejects(sessions.add(newSession(randomUUIDv7())), /FOREIGN KEY/)
  await sessions.add(newSession(userId))
  await queries.deleteFrom('users').where('id', '=', userId).execute()
  t.same(await queries.selectFrom('sessions').selectAll().execute(), [])
})

t.test('removes all of them, and says how many there were', async (t) => {
  const { queries, userId, sessions } = await open(t)
  for (let count = 0; count < 3; count++) await sessions.add(newSession(userId))
  t.equal(await sessions.removeAll(), 3)
  t.equal(await sessions.removeAll(), 0)
  t.same(await queries.selectFrom('sessions').selectAll().execute(), [])
})
