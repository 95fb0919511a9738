import Fastify from 'fastify'
import t from 'tap'
import clock from '../../plugins/clock.ts'
import { build } from '../support/build.ts'

t.test('tells the time of the machine', async (t) => {
  const server = Fastify()
  await server.register(clock)
  const before = Date.now()
  const now = server.clock.now()
  t.ok(now >= before && now <= Date.now())
})

t.test('tells the time it is handed, to the whole app', async (t) => {
  let now = Date.parse('2026-03-01T12:00:00Z')
  const server = await build(t, { now: () => now })
  const register = (username: string) => server.inject({ method: 'POST', url: '/register', payload: { username, password: 'a long enough phrase' } })
  t.equal((await register('first')).json().user.created_at, '2026-03-01T12:00:00.000Z')
  now += 1500
  t.equal((await register('second')).json().user.created_at, '2026-03-01T12:00:01.500Z')
})
