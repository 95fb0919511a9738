import t from 'tap'
import { fromRow, lowerCase } from '../../../plugins/users/record.ts'

const row = { id: 'i', username: 'alice', email: 'Alice@example.org', email_key: 'alice@example.org', password_hash: 'h', disabled_at: null, sessions_not_before: null, last_login_at: null, created_at: 1 }

t.test('makes a user of a row', async (t) => {
  t.strictSame(fromRow(row, ['admin']), { id: 'i', username: 'alice', email: 'Alice@example.org', passwordHash: 'h', disabled: false, roles: ['admin'], createdAt: 1, sessionsNotBefore: 0, lastLoginAt: null })
  t.match(fromRow({ ...row, disabled_at: 0, sessions_not_before: 3, last_login_at: 4 }, []), { disabled: true, sessionsNotBefore: 3, lastLoginAt: 4 })
})

t.test('folds the letters of ASCII, and none into another\'s name', async (t) => {
  t.equal(lowerCase('ALICE@Example.ORG'), 'alice@example.org')
  t.equal(lowerCase('\u212aelvin \u0130'), '\u212aelvin \u0130')
})
