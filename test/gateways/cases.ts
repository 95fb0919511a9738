import type { Test } from 'tap'
import { createClient, type HeaderLine } from '../support/http.ts'
import { until } from '../support/until.ts'
import { attacks } from './attacks.ts'
import { outages } from './outages.ts'
import type { Adapter, Running } from './programs.ts'
import { clientId, type World } from './world.ts'

/** A gateway that runs, and what stands around it. */
export interface Gate {
  readonly adapter: Adapter
  readonly gateway: Running
  readonly world: World
  /** Sends a request with a bearer token, or with none. */
  ask (path: string, token?: string, more?: { method?: string, headers?: readonly HeaderLine[], body?: string }): Promise<Reply>
}

export interface Reply {
  status: number
  headers: HeaderLine[]
  body: string
  /** What the application says that it saw; nothing where it did not answer. */
  saw: { method: string, url: string, length: number, digest: string, headers: Record<string, string> } | null
}

/** What is tried at every gateway. Rejects or fails an assertion where it does not hold; a word tells how it holds where that is not plain. */
export interface Case {
  name: string
  run: (t: Test, gate: Gate) => Promise<unknown>
}

export const names = ['x-auth-user-id', 'x-auth-username', 'x-auth-session-id', 'x-auth-client-id', 'x-auth-roles', 'x-auth-scopes']

export function createGate (t: Test, adapter: Adapter, gateway: Running, world: World): Gate {
  const call = createClient(t, gateway.port)
  return {
    adapter, gateway, world,
    async ask (path, token, { method = 'GET', headers = [], body = '' } = {}) {
      const reply = await call({ path, method, headers: token === undefined ? headers : [...headers, ['Authorization', `Bearer ${token}`]], body })
      return { ...reply, saw: readSaw(reply) }
    }
  }
}

function readSaw ({ status, body }: { status: number, body: string }): Reply['saw'] {
  if (status !== 200 || !body.startsWith('{"method"')) return null
  const saw = JSON.parse(body)
  return { ...saw, headers: Object.fromEntries(saw.headers) }
}

/** The values of the six headers; some gateways leave out what is empty. */
function callerOf ({ saw }: Reply): Array<string | undefined> {
  return names.map((name) => saw?.headers[name] ?? '')
}

const tokens: Case[] = [{
  name: 'a good token passes, with the caller in six headers',
  async run (t, { ask, gateway, world: { target: { alice, claims }, tokens } }) {
    const reply = await ask('/api/orders/1?role=none&scope=none', tokens.good)
    t.equal(reply.status, 200)
    t.equal(reply.saw?.headers['host'], `127.0.0.1:${gateway.port}`, 'with the host that was asked for, and its port')
    t.equal(reply.saw?.url, '/api/orders/1?role=none&scope=none')
    t.same(callerOf(reply), [alice.user.id, 'alice', claims['sid'], 'gatehouse', '', ''])
    t.same(callerOf(await ask('/api/orders', tokens.admin)).slice(4), ['editor admin', ''], 'several roles')
    t.same(callerOf(await ask('/api/orders', tokens.client)), ['', '', '', clientId, '', 'orders:read orders:write'], 'a client\'s own token is no user')
  }
}, {
  name: 'a token under the key that is published to sign next',
  async run (t, { ask, adapter: { mode }, world: { target: { forge, keys: [, next] } } }) {
    const { status } = await ask('/api/orders', forge({ header: { kid: next.kid }, key: next }))
    if (mode === 'verifies') t.equal(status, 200, 'the change of keys is nothing to wait for')
    return mode === 'verifies' ? 'yes' : 'Gatehouse decides'
  }
}, {
  name: 'no token: 401 with a challenge, whatever the method',
  async run (t, { ask }) {
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND']) {
      const { status, headers } = await ask('/api/orders', undefined, { method, ...method === 'POST' ? { body: 'x' } : {} })
      t.equal(status, 401, method)
      t.match(headers.find(([name]) => name === 'www-authenticate')?.[1], /^Bearer /, method)
    }
    for (const value of ['Basic dTpw', 'Bearer', 'Bearer ', 'Bearer  ', 'bearer', 'Bearerx.y.z']) t.equal((await ask('/api/orders', undefined, { headers: [['Authorization', value]] })).status, 401, value)
  }
}, {
  name: 'a bad token: 401, whatever is wrong with it',
  async run (t, { ask, world: { tokens } }) {
    for (const [what, token] of Object.entries(tokens.bad)) t.equal((await ask('/api/orders', token)).status, 401, what)
  }
}, {
  name: 'a token of another type',
  async run (t, { ask, adapter, world: { target: { forge } } }) {
    const { status } = await ask('/api/orders', forge({ header: { typ: 'JWT' } }))
    // mod_oauth2 cannot be told. Gatehouse signs nothing but access tokens.
    if (adapter.name === 'apache' && status === 200) return 'not looked at'
    t.equal(status, 401)
    return 'yes'
  }
}, {
  name: 'a token that expires while the gateway knows it',
  async run (t, { ask, adapter: { mode }, world: { target: { forge } } }) {
    const second = Math.floor(Date.now() / 1000)
    // Gatehouse grants CLOCK_SKEW, five seconds: three of them are over.
    const exp = mode === 'asks' ? second - 3 : second + 2
    const token = forge({ claims: { iat: second - 590, exp } })
    t.equal((await ask('/api/orders', token)).status, 200, 'before')
    await until(async () => (await ask('/api/orders', token)).status === 401)
    const late = Date.now() / 1000 - exp
    t.ok(late < 7, `${late} s after exp`)
    return mode === 'asks' ? 'within CLOCK_SKEW' : 'within 2 s'
  }
}, {
  name: 'a session that has ended',
  async run (t, { ask, adapter: { mode }, world: { target } }) {
    const { access_token: token } = await target.signUp('bob')
    t.equal((await ask('/api/orders', token)).status, 200, 'before')
    t.equal((await target.call({ path: '/logout', method: 'POST', headers: [['Authorization', `Bearer ${token}`], ['Content-Length', '0']] })).status, 204)
    const { status } = await ask('/api/orders', token)
    t.equal(status, mode === 'asks' ? 401 : 200)
    return mode === 'asks' ? 'refused at once' : 'believed until exp'
  }
}, {
  name: 'a role that is missing: 403, in any spelling of the path',
  async run (t, { ask, world: { tokens } }) {
    // The last ones are what some applications, which take formats for suffixes or trim blanks, take for /api/admin.
    for (const path of ['/api/admin', '/api/admin/', '/api/admin/x', '/api/ADMIN/x', '/api/Admin', '/api/admin/x?role=editor', '/api/admin?role=', '/api/admin.json', '/api/Admin.json?x', '/api/admin.', '/api/admin%20', '/api/admin%20/x', '/api/admin,', '/api/admin~', '/api/admin:x', '/api/admin%c2%a0', '/api/administration']) {
      t.equal((await ask(path, tokens.good)).status, 403, path)
      t.equal((await ask(path, tokens.admin)).status, 200, path)
      t.ok([401, 403].includes((await ask(path, tokens.client)).status), path)
      t.equal((await ask(path)).status, 401, path)
    }
    for (const path of ['/api/adm', '/api/x/admin', '/api/orders?/api/admin']) t.equal((await ask(path, tokens.good)).status, 200, `${path} is another path`)
  }
}, {
  name: 'a token in the query, a cookie or the body counts for nothing',
  async run (t, { ask, world: { tokens: { good } } }) {
    t.equal((await ask(`/api/orders?access_token=${good}`)).status, 401)
    t.equal((await ask('/api/orders', undefined, { headers: [['Cookie', `access_token=${good}; Authorization=${good}`]] })).status, 401)
    t.equal((await ask('/api/orders', undefined, { method: 'POST', headers: [['Content-Type', 'application/x-www-form-urlencoded']], body: `access_token=${good}` })).status, 401)
  }
}, {
  name: 'two Authorization lines',
  async run (t, { ask, world: { tokens } }) {
    for (const values of [[tokens.good, 'x.y.z'], ['x.y.z', tokens.good], [tokens.good, tokens.admin], [tokens.good, tokens.good]]) {
      const { status } = await ask('/api/orders', undefined, { headers: values.map((value) => ['Authorization', `Bearer ${value}`] as const) })
      t.ok([400, 401].includes(status), String(status))
    }
    const { status } = await ask('/api/orders', undefined, { headers: [['Authorization', `Bearer ${tokens.good}, Bearer ${tokens.admin}`]] })
    t.ok([400, 401].includes(status), 'joined by a comma')
  }
}, {
  name: 'a page of another origin: its preflight reaches nobody',
  async run (t, { ask, world: { application } }) {
    await ask('/api/orders', undefined, { method: 'OPTIONS', headers: [['Origin', 'https://app.example.com'], ['Access-Control-Request-Method', 'POST'], ['Access-Control-Request-Headers', 'authorization']] })
    t.equal(application.seen.length, 0)
  }
}]

const doors: Case[] = [{
  name: 'what Gatehouse offers to everybody is open',
  async run (t, { ask }) {
    const credentials = JSON.stringify({ username: 'alice', password: 'correct horse battery staple' })
    const json = [['Content-Type', 'application/json'], ['X-Forwarded-For', '203.0.113.9'], ['Forwarded', 'for=203.0.113.9']] as const
    const login = await ask('/login', undefined, { method: 'POST', headers: json, body: credentials })
    t.equal(login.status, 200)
    const { access_token: token, refresh_token } = JSON.parse(login.body)
    t.equal((await ask('/me', token)).status, 200)
    t.equal((await ask('/refresh', undefined, { method: 'POST', headers: json, body: JSON.stringify({ refresh_token }) })).status, 200)
    for (const path of ['/.well-known/jwks.json', '/.well-known/openid-configuration']) t.equal((await ask(path)).status, 200, path)
    const { sessions } = JSON.parse((await ask('/me/sessions', token)).body)
    t.equal(sessions.find(({ current }: { current: boolean }) => current).ip, '127.0.0.1', 'the address is the gateway\'s word, not the client\'s')
    t.equal((await ask('/logout', token, { method: 'POST', headers: [['Content-Length', '0']] })).status, 204)
  }
}, {
  name: 'what it keeps for itself is locked: /admin /metrics /verify /health /openapi.json /documentation',
  async run (t, { ask, world: { tokens, application } }) {
    const inside = ['/admin', '/admin/users', '/metrics', '/verify', '/verify/x', '/_verify', '/_verify/admin', '/health/ready', '/openapi.json', '/documentation', '/', '/api', '/anything', '/Login', '/login/', '/me/../admin/users', '/.well-known/../admin/users', '/.well-known/..%2fadmin/users', '//admin/users', '/ADMIN/users', '/%61dmin/users', '/oauth/tokens', '/me/sessions/x/y']
    for (const path of inside) {
      const { status } = await ask(path, tokens.admin)
      t.ok([400, 404].includes(status), `${path}: ${status}`)
    }
    t.equal(application.seen.length, 0)
  }
}]

export const cases: readonly Case[] = [...tokens, ...attacks, ...outages, ...doors]