import t from 'tap'
import { build } from '../support/build.ts'

t.test('answers every method that an address does not know with those it knows', async (t) => {
  const server = await build(t)
  for (const { url, methods } of server.routeTable.resources()) {
    const known = server.routeTable.entries.filter((entry) => entry.url === url && entry.operation !== '-').map(({ method }) => method)
    t.equal(methods.length, server.supportedMethods.length, `${url} answers all`)
    for (const method of server.supportedMethods.filter((method) => !known.includes(method))) {
      const reply = await server.inject({ method: method as 'GET', url: url.replace(':file', 'x.pem') })
      t.equal(reply.statusCode, 405, `${method} ${url}`)
      t.equal(reply.headers.allow, known.join(', '))
      if (method !== 'HEAD') t.match(reply.json(), { code: 'method_not_allowed' })
    }
  }
})

t.test('looks at neither token nor body', async (t) => {
  const server = await build(t)
  const reply = await server.inject({ method: 'POST', url: '/me', payload: 'not JSON', headers: { 'content-type': 'text/plain' } })
  t.equal(reply.statusCode, 405)
  t.notMatch(reply.body, 'not JSON')
})

t.test('leaves addresses alone that are not there, also beside preflights', async (t) => {
  for (const environment of [{}, { CORS_ORIGINS: 'https://app.example.org' }]) {
    const server = await build(t, { environment })
    for (const method of ['GET', 'POST', 'OPTIONS', 'DELETE'] as const) t.equal((await server.inject({ method, url: '/nothing' })).statusCode, 404, method)
  }
})
