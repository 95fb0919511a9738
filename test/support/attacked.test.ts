import t from 'tap'
import { createApi } from './api.ts'
import { startAttacked } from './attacked.ts'
import { alice } from './build.ts'
import { plant } from './stored.ts'

/** A test that is about to end: what was registered to be done then, the latest first. */
function owner () {
  const ends: Array<() => unknown> = []
  return {
    teardown: (end: () => unknown) => { ends.push(end) },
    /** As tap does: nothing more after one that fails. */
    async end (): Promise<string> {
      try {
        for (let end = ends.pop(); end !== undefined; end = ends.pop()) await end()
        return ''
      } catch (error) {
        return (error as Error).message
      }
    }
  }
}

t.test('a service that left no secret is no failure, and has ended', async (t) => {
  const test = owner()
  const service = await startAttacked(test)
  const api = createApi(service)
  await api.register(alice)
  await api.signedIn(alice)
  await api.login({ ...alice, password: 'not the password of hers' })
  t.equal(await test.end(), '')
  t.equal(await service.ended, 0)
})

t.test('what shows in its log, in its files, in its metrics or in a refusal is a failure, for whoever does not ask as well', async (t) => {
  const test = owner()
  const service = await startAttacked(test)
  const api = createApi(service)
  await api.register(alice)
  const { refresh_token: token } = await api.signedIn(alice)
  await api.login({ ...alice, password: 'not the password of hers' })
  // Words that stand in each of these places, as if they were secret; and a secret that nobody told of, where it should not be.
  service.secrets.add('authn_login_fail').add('invalid_credentials')
  plant(service, 'alice', 'password_hash', Buffer.from(token).toString('hex'))
  const failure = await test.end()
  for (const place of ['gatehouse.db-wal at work', 'gatehouse.db at rest', 'its log', 'its metrics']) t.match(failure, `authn_login_fail in ${place}`)
  t.match(failure, 'invalid_credentials in what was refused')
  for (const place of ['gatehouse.db-wal at work', 'gatehouse.db at rest']) t.match(failure, `${token} in hexadecimal in ${place}`)
  t.notMatch(failure, alice.password)
  t.equal(await service.ended, 0, 'it ends all the same')
})

t.test('a service that cannot be looked at is a failure', async (t) => {
  const test = owner()
  const service = await startAttacked(test)
  process.kill(service.pid, 'SIGKILL')
  await service.ended
  t.match(await test.end(), /it could not be looked at: .*fetch failed/s)
})
