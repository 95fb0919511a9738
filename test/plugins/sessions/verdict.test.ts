import t from 'tap'
import { judge } from '../../../plugins/sessions/verdict.ts'

const now = 1_000_000
const grace = 30
const session = { counter: 5, rotatedAt: now, idleExpiresAt: now + 60_000 }

t.test('lets the current token rotate until the session is over', async (t) => {
  t.equal(judge(5, session, now, grace), 'rotate')
  t.equal(judge(5, session, now + 59_999, grace), 'rotate')
  t.equal(judge(5, session, now + 60_000, grace), 'refuse')
  t.equal(judge(0, { ...session, counter: 0 }, now, 0), 'rotate', 'the first one')
})

t.test('gives the one before it the same successor while the grace lasts', async (t) => {
  t.equal(judge(4, session, now, grace), 'replay')
  t.equal(judge(4, session, now + 30_000, grace), 'replay')
  t.equal(judge(4, session, now + 30_001, grace), 'end-session')
  t.equal(judge(4, session, now + 1, 0), 'end-session', 'no grace, no replay')
  t.equal(judge(4, session, now - 3_600_000, grace), 'replay', 'a clock that went back is no theft')
})

t.test('ends the session at any older one', async (t) => {
  for (const presented of [0, 1, 2, 3]) t.equal(judge(presented, session, now, grace), 'end-session', String(presented))
})

t.test('refuses what was never issued, and everything of a session that is over', async (t) => {
  for (const presented of [6, 7, 0xffffffff]) t.equal(judge(presented, session, now, grace), 'refuse', String(presented))
  for (const presented of [0, 4, 5, 6]) t.equal(judge(presented, session, now + 60_000, grace), 'refuse', String(presented))
})
