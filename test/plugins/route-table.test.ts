import t from 'tap'
import { build } from '../support/build.ts'

t.test('lists every route with who may call it and the name of its operation', async (t) => {
  const server = await build(t, { environment: { DOCUMENTATION: 'off' } })
  t.same(server.routeTable.entries.filter(({ operation }) => operation !== '-'), [
    { method: 'GET', url: '/health/live', access: 'public', operation: 'live' },
    { method: 'GET', url: '/health/ready', access: 'public', operation: 'ready' },
    { method: 'GET', url: '/.well-known/jwks.json', access: 'public', operation: 'jwks' },
    { method: 'GET', url: '/.well-known/keys/:file', access: 'public', operation: 'keyPem' },
    { method: 'GET', url: '/.well-known/openid-configuration', access: 'public', operation: 'providerMetadata' },
    { method: 'GET', url: '/.well-known/oauth-authorization-server', access: 'public', operation: 'serverMetadata' },
    { method: 'GET', url: '/openapi.json', access: 'public', operation: 'openapi' },
    { method: 'POST', url: '/register', access: 'public', operation: 'register' },
    { method: 'POST', url: '/login', access: 'public', operation: 'login' },
    { method: 'POST', url: '/refresh', access: 'public', operation: 'refresh' },
    { method: 'POST', url: '/logout', access: 'user', operation: 'logout' },
    { method: 'GET', url: '/protected', access: 'user', operation: 'protected' },
    { method: 'GET', url: '/me', access: 'user', operation: 'me' },
    { method: 'PATCH', url: '/me', access: 'user', operation: 'changeEmail' },
    { method: 'DELETE', url: '/me', access: 'user', operation: 'deleteAccount' },
    { method: 'PUT', url: '/me/password', access: 'user', operation: 'changePassword' },
    { method: 'GET', url: '/me/sessions', access: 'user', operation: 'sessions' },
    { method: 'DELETE', url: '/me/sessions/:id', access: 'user', operation: 'endSession' },
    { method: 'POST', url: '/oauth/token', access: 'client', operation: 'token' },
    { method: 'POST', url: '/oauth/introspect', access: 'client', operation: 'introspect' },
    { method: 'POST', url: '/oauth/revoke', access: 'client', operation: 'revoke' }
  ])
})

t.test('tells the addresses of ours apart from a library\'s', async (t) => {
  const server = await build(t, { environment: { CORS_ORIGINS: 'https://app.example.org' } })
  t.ok(server.routeTable.entries.some(({ url }) => url.startsWith('/documentation')))
  t.ok(server.routeTable.entries.some(({ url }) => url === '*'), 'the preflights')
  const urls = server.routeTable.resources().map(({ url }) => url)
  t.same(urls, ['/health/live', '/health/ready', '/.well-known/jwks.json', '/.well-known/keys/:file', '/.well-known/openid-configuration', '/.well-known/oauth-authorization-server', '/openapi.json', '/register', '/login', '/refresh', '/logout', '/protected', '/me', '/me/password', '/me/sessions', '/me/sessions/:id', '/oauth/token', '/oauth/introspect', '/oauth/revoke'])
})

t.test('takes a route of several methods for several routes', async (t) => {
  const server = await build(t, { extend: (app) => app.route({ method: ['PUT', 'DELETE'], url: '/thing', config: { access: 'user' }, schema: { operationId: 'thing' }, handler: () => {} }) })
  t.same(server.routeTable.resources().find(({ url }) => url === '/thing'), { url: '/thing', methods: ['PUT', 'DELETE'] })
})
