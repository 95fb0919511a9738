import t from 'tap'
import { build } from '../support/build.ts'

t.test('answers the description as JSON, whole', async (t) => {
  const server = await build(t)
  const reply = await server.inject('/openapi.json')
  t.equal(reply.statusCode, 200)
  t.equal(reply.headers['content-type'], 'application/json; charset=utf-8')
  t.same(reply.json(), JSON.parse(JSON.stringify(await server.openapi.describe())))
  t.equal((await server.inject('/documentation/json')).body, reply.body, 'the pages show the same')
})
