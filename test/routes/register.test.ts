import t from 'tap'
import { alice, build } from '../support/build.ts'

t.test('makes an account and shows it', async (t) => {
  const server = await build(t)
  const reply = await server.inject({ method: 'POST', url: '/register', payload: { username: 'Alice', password: alice.password, email: 'Alice@Example.org' } })
  t.equal(reply.statusCode, 201)
  t.equal(reply.headers['cache-control'], 'no-store')
  const { message, user } = reply.json()
  t.equal(message, 'User registered successfully')
  t.match(user, { username: 'alice', email: 'Alice@Example.org', roles: [], created_at: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/ })
  t.same(Object.keys(user), ['id', 'username', 'email', 'roles', 'created_at'])
})

t.test('answers what is taken, closed, weak or malformed by its code', async (t) => {
  const server = await build(t)
  const register = (payload: object) => server.inject({ method: 'POST', url: '/register', payload })
  await register({ ...alice, email: 'alice@example.org' })
  const cases = [
    [alice, 409, 'username_taken'], [{ ...alice, username: 'bob', email: 'alice@example.org' }, 409, 'email_taken'], [{ username: 'bob', password: '1234567' }, 400, 'weak_password'], [{ username: 'bob' }, 400, 'invalid_request']
  ] as const
  for (const [payload, status, code] of cases) {
    const reply = await register(payload)
    t.equal(reply.statusCode, status, code)
    t.match(reply.json(), { statusCode: status, code })
  }
  const closed = await build(t, { environment: { REGISTRATION: 'closed' } })
  const reply = await closed.inject({ method: 'POST', url: '/register', payload: alice })
  t.same([reply.statusCode, reply.json().code], [403, 'registration_closed'])
})

t.test('makes one user of twenty who ask for a name at once, with the first one\'s password', async (t) => {
  const server = await build(t)
  const passwords = Array.from({ length: 20 }, (_, index) => `${alice.password} ${index}`)
  const replies = await Promise.all(passwords.map((password) => server.inject({ method: 'POST', url: '/register', payload: { username: 'alice', password } })))
  t.equal(replies.filter(({ statusCode }) => statusCode === 201).length, 1)
  t.equal(replies.filter(({ statusCode }) => statusCode === 409).length, 19)
  const winner = replies.findIndex(({ statusCode }) => statusCode === 201)
  const login = (index: number) => server.inject({ method: 'POST', url: '/login', payload: { username: 'alice', password: passwords[index] } })
  t.equal((await login(winner)).statusCode, 200)
  t.equal((await login((winner + 1) % 20)).statusCode, 401)
})
