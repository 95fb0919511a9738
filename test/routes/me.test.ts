import t from 'tap'
import { aliceSignedIn, build } from '../support/build.ts'

t.test('shows the account that the token is for', async (t) => {
  const server = await build(t)
  const { access_token: token, user } = await aliceSignedIn(server)
  const reply = await server.inject({ url: '/me', headers: { authorization: `Bearer ${token}` } })
  t.equal(reply.statusCode, 200)
  t.same(reply.json(), user)
  t.equal(reply.headers['cache-control'], 'no-store')
})

t.test('shows none without a token, and none that is gone', async (t) => {
  const server = await build(t)
  const { access_token: token } = await aliceSignedIn(server)
  t.equal((await server.inject('/me')).json().code, 'missing_token')
  await server.database.queries.deleteFrom('users').execute()
  const reply = await server.inject({ url: '/me', headers: { authorization: `Bearer ${token}` } })
  t.equal(reply.statusCode, 401)
  t.equal(reply.json().code, 'invalid_token')
})
