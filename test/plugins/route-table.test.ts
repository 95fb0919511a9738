import t from 'tap'
import type { RouteEntry } from '../../plugins/route-table.ts'
import { build } from '../support/build.ts'

t.test('lists every route with who may call it and the name of its operation', async (t) => {
  const server = await build(t, { environment: { DOCUMENTATION: 'off' } })
  const [asHead, others] = [true, false].map((is) => server.routeTable.entries.filter(({ method, operation }) => operation !== '-' && (method === 'HEAD') === is)) as [RouteEntry[], RouteEntry[]]
  t.same(asHead.map(({ method, ...route }) => route), others.filter(({ method, access }) => method === 'GET' && access === 'public').map(({ method, ...route }) => route), 'what anybody may read, and nothing else, knows HEAD')
  t.same(others, [
    { method: 'GET', url: '/health/live', access: 'public', limit: null, operation: 'live' },
    { method: 'GET', url: '/health/ready', access: 'public', limit: null, operation: 'ready' },
    { method: 'GET', url: '/.well-known/jwks.json', access: 'public', limit: null, operation: 'jwks' },
    { method: 'GET', url: '/.well-known/keys/:file', access: 'public', limit: null, operation: 'keyPem' },
    { method: 'GET', url: '/.well-known/openid-configuration', access: 'public', limit: null, operation: 'providerMetadata' },
    { method: 'GET', url: '/.well-known/oauth-authorization-server', access: 'public', limit: null, operation: 'serverMetadata' },
    { method: 'GET', url: '/openapi.json', access: 'public', limit: null, operation: 'openapi' },
    { method: 'POST', url: '/register', access: 'public', limit: 'register', operation: 'register' },
    { method: 'POST', url: '/login', access: 'public', limit: 'login', operation: 'login' },
    { method: 'POST', url: '/refresh', access: 'public', limit: 'refresh', operation: 'refresh' },
    { method: 'POST', url: '/logout', access: 'user', limit: null, operation: 'logout' },
    { method: 'GET', url: '/protected', access: 'user', limit: null, operation: 'protected' },
    { method: 'GET', url: '/verify', access: 'token', limit: null, operation: 'verify' },
    { method: 'ANY', url: '/verify', access: 'token', limit: null, operation: 'verify' },
    { method: 'ANY', url: '/verify/*', access: 'token', limit: null, operation: 'verify' },
    { method: 'GET', url: '/me', access: 'user', limit: null, operation: 'me' },
    { method: 'PATCH', url: '/me', access: 'user', limit: 'register', operation: 'changeEmail' },
    { method: 'DELETE', url: '/me', access: 'user', limit: 'login', operation: 'deleteAccount' },
    { method: 'PUT', url: '/me/password', access: 'user', limit: 'login', operation: 'changePassword' },
    { method: 'GET', url: '/me/sessions', access: 'user', limit: null, operation: 'sessions' },
    { method: 'DELETE', url: '/me/sessions/:id', access: 'user', limit: null, operation: 'endSession' },
    { method: 'POST', url: '/oauth/token', access: 'client', limit: null, operation: 'token' },
    { method: 'POST', url: '/oauth/introspect', access: 'client', limit: null, operation: 'introspect' },
    { method: 'POST', url: '/oauth/revoke', access: 'client', limit: null, operation: 'revoke' },
    { method: 'GET', url: '/admin/users', access: 'role admin', limit: null, operation: 'listUsers' },
    { method: 'POST', url: '/admin/users', access: 'role admin', limit: null, operation: 'createUser' },
    { method: 'GET', url: '/admin/users/:id', access: 'role admin', limit: null, operation: 'findUser' },
    { method: 'PATCH', url: '/admin/users/:id', access: 'role admin', limit: null, operation: 'updateUser' },
    { method: 'DELETE', url: '/admin/users/:id', access: 'role admin', limit: null, operation: 'deleteUser' },
    { method: 'GET', url: '/admin/users/:id/sessions', access: 'role admin', limit: null, operation: 'userSessions' },
    { method: 'DELETE', url: '/admin/users/:id/sessions', access: 'role admin', limit: null, operation: 'endUserSessions' },
    { method: 'POST', url: '/admin/clients', access: 'role admin', limit: null, operation: 'createClient' },
    { method: 'GET', url: '/admin/clients', access: 'role admin', limit: null, operation: 'listClients' },
    { method: 'POST', url: '/admin/clients/:id/secret', access: 'role admin', limit: null, operation: 'rotateClientSecret' },
    { method: 'DELETE', url: '/admin/clients/:id', access: 'role admin', limit: null, operation: 'deleteClient' },
    { method: 'GET', url: '/admin/keys', access: 'role admin', limit: null, operation: 'listKeys' },
    { method: 'POST', url: '/admin/keys/rotate', access: 'role admin', limit: null, operation: 'rotateKeys' },
    { method: 'POST', url: '/admin/keys/:kid/revoke', access: 'role admin', limit: null, operation: 'revokeKey' },
    { method: 'GET', url: '/admin/audit', access: 'role admin', limit: null, operation: 'listAuditEvents' }
  ])
})

t.test('tells the addresses of ours apart from a library\'s', async (t) => {
  const server = await build(t, { environment: { CORS_ORIGINS: 'https://app.example.org' } })
  t.ok(server.routeTable.entries.some(({ url }) => url.startsWith('/documentation')))
  t.ok(server.routeTable.entries.some(({ url }) => url === '*'), 'the preflights')
  const urls = server.routeTable.resources().map(({ url }) => url)
  t.same(urls, ['/health/live', '/health/ready', '/.well-known/jwks.json', '/.well-known/keys/:file', '/.well-known/openid-configuration', '/.well-known/oauth-authorization-server', '/openapi.json', '/register', '/login', '/refresh', '/logout', '/protected', '/me', '/me/password', '/me/sessions', '/me/sessions/:id', '/oauth/token', '/oauth/introspect', '/oauth/revoke', '/admin/users', '/admin/users/:id', '/admin/users/:id/sessions', '/admin/clients', '/admin/clients/:id/secret', '/admin/clients/:id', '/admin/keys', '/admin/keys/rotate', '/admin/keys/:kid/revoke', '/admin/audit'])
})

t.test('takes a route of several methods for several routes', async (t) => {
  const server = await build(t, { extend: (app) => app.route({ method: ['PUT', 'DELETE'], url: '/thing', config: { access: 'user' }, schema: { operationId: 'thing' }, handler: () => {} }) })
  t.same(server.routeTable.resources().find(({ url }) => url === '/thing'), { url: '/thing', methods: ['PUT', 'DELETE'] })
})
