import t from 'tap'
import { errors } from '../../schemas/errors.ts'
import { build } from '../support/build.ts'

const { message } = errors.method_not_allowed
const usual = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'QUERY']

t.test('answers every usual method that an address does not know with those it knows', async (t) => {
  const server = await build(t)
  for (const { url, methods } of server.routeTable.resources()) {
    const known = server.routeTable.entries.filter((entry) => entry.url === url && entry.operation !== '-').map(({ method }) => method)
    t.same(new Set(methods), new Set(usual), `${url} answers all`)
    for (const method of usual.filter((method) => !known.includes(method))) {
      const reply = await server.inject({ method: method as 'GET', url: url.replace(':file', 'x.pem') })
      t.equal(reply.statusCode, 405, `${method} ${url}`)
      t.equal(reply.headers.allow, known.join(', '))
      if (method !== 'HEAD') t.strictSame(reply.json(), url.startsWith('/oauth/') ? { error: 'invalid_request', error_description: message } : { statusCode: 405, code: 'method_not_allowed', error: 'Method Not Allowed', message })
    }
  }
})

t.test('knows no address by a method that hardly anybody uses, but where a gateway asks', async (t) => {
  const server = await build(t)
  t.equal((await server.inject({ method: 'PROPFIND' as 'GET', url: '/login' })).statusCode, 404)
  t.equal((await server.inject({ method: 'PROPFIND' as 'GET', url: '/verify' })).statusCode, 401)
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
