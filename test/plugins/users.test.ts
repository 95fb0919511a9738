import { randomUUIDv7 } from 'node:crypto'
import { join } from 'node:path'
import t from 'tap'
import { build } from '../support/build.ts'
import { temporaryFolder } from '../support/service.ts'

t.test('is the repository on the app\'s own database, and outlives a restart', async (t) => {
  const environment = { DATABASE_URL: `sqlite:${join(temporaryFolder(t), 'auth.db')}` }
  const before = await build(t, { environment })
  const id = randomUUIDv7()
  t.equal(await before.users.add({ id, username: 'alice', email: null, passwordHash: null, createdAt: 0 }), 'added')
  await before.close()
  const after = await build(t, { environment })
  t.match(await after.users.findByLogin('alice'), { id })
})
