import { randomBytes } from 'node:crypto'
import t from 'tap'
import { isGuessable } from '../../config/secret-strength.ts'

t.test('tells placeholders and regular texts, also in hex and base64', async (t) => {
  const guessable = ['change-me-change-me-change-me-1234', 'x'.repeat(40), 'abcdefghijklmnopqrstuvwxyz0123456789', '00'.repeat(32), Buffer.alloc(32, 'ab').toString('base64'), 'your-256-bit-secret-goes-in-here!']
  for (const text of guessable) t.equal(isGuessable(text), true, text)
})

t.test('takes what was drawn at random', async (t) => {
  for (const encoding of ['hex', 'base64', 'base64url'] as const) for (let i = 0; i < 200; i++) t.equal(isGuessable(randomBytes(32).toString(encoding)), false)
})
