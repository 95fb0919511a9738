import t, { type Test } from 'tap'
import { startAttacked } from '../support/attacked.ts'
import { type Answer, concludes, createAttacker, faultsOf } from '../support/attacker.ts'
import { alice, build } from '../support/build.ts'

const friend = 'https://app.example.com'
const attacker = createAttacker(await startAttacked(t))
const { say, send, post, get } = attacker
await post('/register', alice)
const { access_token: token } = (await post('/login', alice)).json<{ access_token: string }>()

function crossOriginHeaders ({ headers }: Pick<Answer, 'headers'>): string[] {
  return Object.keys(headers).filter((name) => name.startsWith('access-control-'))
}

/** A call from a page of another origin, and the question a browser asks before it. */
async function callsFrom (origin: string): Promise<Answer[]> {
  const preflight = ['Access-Control-Request-Method: POST', 'Access-Control-Request-Headers: authorization, content-type', `Origin: ${origin}`]
  return [
    await send({ method: 'GET', path: '/protected', headers: [`Authorization: Bearer ${token}`, `Origin: ${origin}`] }),
    await send({ method: 'POST', path: '/login', headers: [`Origin: ${origin}`], body: { ...alice, password: 'not her password at all' } }),
    await send({ method: 'GET', path: '/nothing', headers: [`Origin: ${origin}`] }),
    await send({ method: 'OPTIONS', path: '/login', headers: preflight }),
    await send({ method: 'OPTIONS', path: '/protected', headers: preflight })
  ]
}

t.test('N237 opens nothing to another origin', async (t) => {
  for (const origin of ['https://evil.example', 'null', 'http://localhost:3000', 'https://auth.test', friend, '*']) {
    const answers = await callsFrom(origin)
    t.same(answers.map(({ status }) => status), [200, 401, 404, 405, 405], origin)
    t.same(answers.flatMap(crossOriginHeaders), [], origin)
    t.notOk(JSON.stringify(answers).includes(origin === '*' ? '"*"' : origin), origin)
  }
})

t.test('N237 lets any origin read what is public, and nobody send credentials there', async (t) => {
  for (const path of ['/.well-known/jwks.json', '/.well-known/openid-configuration', '/.well-known/oauth-authorization-server']) {
    const answer = await send({ method: 'GET', path, headers: ['Origin: https://evil.example'] })
    t.same(crossOriginHeaders(answer), ['access-control-allow-origin'], path)
    t.equal(answer.headers['access-control-allow-origin'], '*', path)
  }
})

t.test('N237 opens to the origins that were named, and to the letter', async (t) => {
  const app = await build(t, { environment: { CORS_ORIGINS: `${friend}, https://other.example.com` } })
  const from = (origin: string) => app.inject({ method: 'GET', url: '/health/live', headers: { origin } })
  const named = await from(friend)
  t.equal(named.headers['access-control-allow-origin'], friend)
  t.match(named.headers.vary, /\borigin\b/i)
  t.equal(named.headers['access-control-allow-credentials'], undefined)
  for (const origin of ['https://evil.example', 'null', `${friend}.evil.example`, `${friend}:8443`, friend.replace('https', 'http'), 'https://evilapp.example.com', friend.toUpperCase(), `${friend}/`]) {
    const stranger = await from(origin)
    t.same(stranger.headers['access-control-allow-origin'], undefined, origin)
    t.match(stranger.headers.vary, /\borigin\b/i, `${origin}: no cache keeps it for a named one`)
  }
})

t.test('N239 protects every answer of every operation', async (t) => {
  const { paths } = (await get('/openapi.json')).json<{ paths: Record<string, Record<string, unknown>> }>()
  const operations = Object.entries(paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => [method.toUpperCase(), path] as const))
  t.ok(operations.length >= 10, `${operations.length} operations`)
  for (const [method, path] of operations) {
    for (const headers of [[], [`Authorization: Bearer ${token}`], ['Authorization: Bearer x']]) {
      const answer = await send({ method, path: path.replace(/\{\w+\}/g, 'x'), headers, ...method === 'POST' ? { body: alice } : {} })
      t.same(faultsOf(answer), [], `${method} ${path}: ${answer.outcome}`)
    }
  }
})

t.test('N239 protects what becomes no request of any operation', async (t) => {
  const answers = [
    await get('/nothing'), await get('/%zz'), await get('/documentation'), await get('/documentation/static/swagger-ui.css'), await get('/documentation/static/nothing'), await get('/documentation/nothing'),
    await send({ method: 'HEAD', path: '/protected' }), await send({ method: 'OPTIONS', path: '*' }), await send({ method: 'GET', path: '/.well-known/jwks.json', headers: ['If-None-Match: *'] }),
    ...await say('GARBAGE\r\n\r\n'), ...await say('GET / HTTP/1.1\r\n\r\n'), ...await say('CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n'),
    ...await say('POST /login HTTP/1.1\r\nHost: x\r\nExpect: tea\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}')
  ]
  t.same(answers.map(({ status }) => status), [404, 400, 200, 200, 404, 404, 405, 404, 304, 400, 400, 405, 417])
  for (const answer of answers) t.same(faultsOf(answer), [], answer.outcome)
})

t.test('N239 lets the documentation load what is its own and nothing else', async (t) => {
  const policy = String((await get('/documentation')).headers['content-security-policy'])
  t.match(policy, /^default-src 'none'; /)
  t.match(policy, /frame-ancestors 'none'/)
  t.notMatch(policy, /https?:|\*|unsafe-eval|script-src[^;]*unsafe-inline/)
})

/** What a browser is told of encryption. */
async function transportSecurity (t: Test, publicUrl: string): Promise<unknown> {
  const app = await build(t, { environment: { PUBLIC_URL: publicUrl } })
  return (await app.inject('/health/live')).headers['strict-transport-security']
}

t.test('N239 asks for encryption where there is some', async (t) => {
  t.match(await transportSecurity(t, 'https://auth.test'), /^max-age=31536000/)
  t.equal(await transportSecurity(t, 'http://localhost:3000'), undefined)
})

t.test('N239 lets nobody keep what is about one user', async (t) => {
  const { access_token: fresh } = (await post('/login', alice)).json<{ access_token: string }>()
  for (const answer of [await get('/me', fresh), await post('/login', alice), await get('/health/live'), await get('/health/ready')]) {
    t.equal(answer.headers['cache-control'], 'no-store', answer.body.slice(0, 20))
  }
})

concludes(t, attacker)
