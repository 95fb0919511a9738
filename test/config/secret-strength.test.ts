import { randomBytes } from 'node:crypto'
import t from 'tap'
import { isGuessable } from '../../config/secret-strength.ts'

t.test('tells placeholders and regular texts, also in hex and base64', async (t) => {
  const guessable = ['change-me-change-me-change-me-1234', 'x'.repeat(40), 'abcdefghijklmnopqrstuvwxyz0123456789', '00'.repeat(32), Buffer.alloc(32, 'ab').toString('base64'), 'your-256-bit-secret-goes-in-here!']
  for (const text of guessable) t.equal(isGuessable(text), true, text)
})

t.test('tells what is regular in the bytes alone, what has few characters, and what is repeated', async (t) => {
  const regular = [Buffer.from('abcdefghijklmnopqrstuvwxyz012345'), Buffer.from(Array.from({ length: 32 }, (_, index) => index * 7)), Buffer.from('correct!'.repeat(4))]
  for (const bytes of regular) for (const encoding of ['hex', 'base64', 'base64url'] as const) t.equal(isGuessable(bytes.toString(encoding)), true, bytes.toString(encoding))
  for (const text of ['hjkfdshjfkdskhfjdhskfjhdksjfhskdjfhs', 'asdf;lkjfdsa;jlkasd;fkljdsalf;kjasdf', '5081749208317405928174', 'k9#Lq2vX7mPz'.repeat(3)]) t.equal(isGuessable(text), true, text)
})

t.test('takes what was drawn at random', async (t) => {
  for (const encoding of ['hex', 'base64', 'base64url'] as const) for (let i = 0; i < 200; i++) t.equal(isGuessable(randomBytes(32).toString(encoding)), false)
})
