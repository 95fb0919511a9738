import { execFile } from 'node:child_process'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { startService } from '../support/service.ts'
import { checks } from './checks.ts'
import { junitOf, linesOf } from './report.ts'
import { type Result, runConformance } from './run.ts'

const service = await startService(t)

/** A gateway that takes what comes in its way, and may do something else with it; closed with the test. */
async function startGateway (t: Test, instead: (incoming: IncomingMessage, response: ServerResponse) => boolean = () => false, change: (headers: IncomingMessage['headers']) => void = () => {}): Promise<string> {
  const server = createServer((incoming, response) => {
    if (instead(incoming, response)) return
    const outgoing = request({ host: '127.0.0.1', port: service.port, method: incoming.method, path: incoming.url, headers: incoming.rawHeaders }, (answer) => {
      change(answer.headers)
      response.writeHead(answer.statusCode as number, answer.headers)
      answer.pipe(response)
    })
    outgoing.on('error', () => response.destroy())
    incoming.pipe(outgoing)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`
}

const withOutcome = (results: Result[], outcome: Result['outcome']) => results.filter((result) => result.outcome === outcome).map(({ name, detail }) => `${name}: ${detail}`)

/** The conformance command as an operator runs it. */
async function run (environment: Record<string, string>, ...args: string[]): Promise<{ code: number, out: string, err: string }> {
  const root = resolve(import.meta.dirname, '../..')
  return promisify(execFile)(process.execPath, ['--import', './check-node.js', 'test/black-box/conformance.ts', ...args], { cwd: root, env: { PATH: process.env['PATH'], NODE_OPTIONS: '--no-warnings', ...environment } })
    .then(({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }), ({ code, stdout, stderr }) => ({ code, out: stdout, err: stderr }))
}

t.test('all of it holds of the service itself, and what spends something waits to be asked', async (t) => {
  const { code, out, err } = await run({ BASE_URL: service.url }, '--json')
  t.equal(code, 0, out + err)
  const { results } = JSON.parse(out) as { results: Result[] }
  t.same(withOutcome(results, 'not asked').length, checks.filter(({ destructive }) => destructive).length)
  t.same(withOutcome(results, 'not here'), [])
  t.equal(results.at(-1)?.name, 'the account goes, and its tokens with it')
})

t.test('all of it holds behind a gateway that keeps what is internal to itself, asked for everything', async (t) => {
  const url = await startGateway(t, ({ url: path = '' }, response) => {
    const internal = /^\/(?:metrics|admin|verify|oauth|health)/.test(path)
    if (internal) response.writeHead(404).end()
    return internal
  })
  const results = await runConformance(`${url}/`, { destructive: true })
  t.same(withOutcome(results, 'fails'), [])
  t.same(withOutcome(results, 'not asked'), [])
  t.equal(withOutcome(results, 'not here').length, 3, 'health, verify and oauth are not to be seen')
})

t.test('it finds a deployment out that is broken', async (t) => {
  const url = await startGateway(t, ({ url: path, headers }, response) => {
    const open = path === '/protected' && headers.authorization === undefined
    if (open) response.writeHead(200, { 'content-type': 'application/json' }).end('{"message":"Hello, everybody!"}')
    return open
  }, (headers) => {
    delete headers['x-content-type-options']
    delete headers['cache-control']
    headers['x-powered-by'] = 'something 1.2'
  })
  const results = await runConformance(url, { destructive: false })
  const failing = results.filter(({ outcome }) => outcome === 'fails').map(({ name }) => name)
  t.same(failing, [
    'a registration answers the account, for nobody to keep', 'a sign-in answers both tokens, for nobody to keep', 'a token opens what it should, and nothing opens it otherwise',
    'what a client says of itself is not believed', 'the published keys verify the tokens and hold nothing private', 'answers carry what protects those who show them, and tell of no version',
    'no method and no spelling of a path gets around a guard'
  ])
  t.match(linesOf(results), /^fails {6}a token opens what it should, and nothing opens it otherwise: answered 200, not 401 missing_token$/m)
  t.match(junitOf(results), /<testsuite name="conformance" tests="\d+" failures="7" skipped="3">/)
  t.match(junitOf(results), /<failure message="answered 200, not 401 missing_token"\/>/)
})

t.test('an account of the operator\'s is used and left as it is', async (t) => {
  const account = { username: 'operator', password: 'correct horse battery staple' }
  await fetch(`${service.url}/register`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(account) })
  const results = await runConformance(service.url, { destructive: false, account })
  t.same(withOutcome(results, 'fails'), [])
  const signedIn = await fetch(`${service.url}/login`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(account) })
  t.equal(signedIn.status, 200)
})

t.test('it says how it is called, and asks nobody', async (t) => {
  for (const option of ['--help', '-h']) t.match(await run({}, option), { code: 0, out: /^Usage: BASE_URL=[\s\S]+--json[\s\S]+--junit[\s\S]+--destructive/, err: '' }, option)
})

t.test('it says in one line what keeps it from asking', async (t) => {
  for (const [environment, args, reason] of [
    [{}, [], /^conformance: BASE_URL has to say where the service is/],
    [{ BASE_URL: 'ftp://x' }, [], /^conformance: BASE_URL has to say/],
    [{ BASE_URL: service.url }, ['--what'], /^conformance: Unknown option '--what'/],
    [{ BASE_URL: 'http://127.0.0.1:1' }, [], /^conformance: .*ECONNREFUSED/]
  ] as Array<[Record<string, string>, string[], RegExp]>) {
    const { code, out, err } = await run(environment, ...args)
    t.equal(code, 2, String(reason))
    t.equal(out, '')
    t.match(err, reason)
  }
  const closed = await startGateway(t, ({ url: path }, response) => {
    if (path !== '/register') return false
    response.writeHead(403, { 'content-type': 'application/json' }).end('{"code":"registration_closed"}')
    return true
  })
  await t.rejects(runConformance(closed, { destructive: false }), /registration is closed here: name an account/)
})
