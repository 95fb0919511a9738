import { randomBytes } from 'node:crypto'
import t from 'tap'
import { readDeployed, replaced } from '../gateways/programs.ts'
import { expected, type Outcome, startMixedLoad } from '../support/mixed-load.ts'
import { startNginx } from '../support/nginx.ts'
import { startPostgres } from '../support/postgres.ts'
import { type Service, startService } from '../support/service.ts'
import { witness } from '../support/witness.ts'

t.setTimeout(900_000)

/** How often both are restarted, one after the other; `npm run faults` asks for 10. */
const rolls = Number(process.env['ROLLS'] ?? 1)
/** Requests a second; `npm run faults` asks for 500. */
const rate = Number(process.env['ROLLING_RATE'] ?? 100)
/** Addresses of their own: none of the many connections that go out can have taken the port of one that is being restarted. */
const hosts = ['127.0.0.2', '127.0.0.3'] as const

/** In nginx's words, without whom they are about. */
const complaints = /connect\(\) failed|recv\(\) failed|upstream prematurely closed|upstream timed out|no live upstreams|client prematurely closed|upstream server temporarily disabled/g

const isFailed = ({ kind, outcome }: Outcome) => outcome !== expected[kind]

/** What stands in `http` of deploy/nginx/nginx.conf, with the addresses of this test. Nobody asks for the application. */
function gateway (port: number, services: readonly Service[]): string {
  const [, http = ''] = /^http \{\n(.*)^\}/ms.exec(readDeployed('nginx/nginx.conf')) ?? []
  const [line = '', words = ''] = /server gatehouse:3000( .*)?;/.exec(http) ?? []
  return replaced(http, {
    [line]: services.map(({ url }) => `server ${url.slice('http://'.length)}${words};`).join('\n'), 'app:8080': '127.0.0.1:9', 'listen 80;': `listen 127.0.0.1:${port};`
  })
}

/** How often there was what. */
function tally (values: ReadonlyArray<number | string>): string {
  const counts = new Map<string, number>()
  for (const value of values) counts.set(String(value), (counts.get(String(value)) ?? 0) + 1)
  return [...counts].sort(([one], [other]) => one.localeCompare(other)).map(([value, count]) => `${value}: ${count}`).join(', ')
}

/** A row of the table in docs/operations.md. */
function row (what: string, outcomes: readonly Outcome[]): string {
  const times = outcomes.map(({ milliseconds }) => milliseconds).sort((one, other) => one - other)
  const time = (share: number) => `${Math.round(times[Math.ceil(times.length * share) - 1] ?? 0)} ms`
  return `| ${what} | ${outcomes.length} | ${tally(outcomes.map(({ outcome }) => outcome))} | ${outcomes.filter(isFailed).length} | ${time(0.5)} | ${time(0.99)} | ${time(1)} |`
}

t.test(`R11 fails none of ${rate} requests a second while two processes behind nginx are restarted in turn, ${rolls} times`, async (t) => {
  const seen = witness(t, { fault: `two processes behind nginx are restarted in turn, ${rolls} times`, store: 'PostgreSQL' })
  const server = await startPostgres(t)
  const secretKey = randomBytes(32).toString('base64url')
  const database = await server.createDatabase()
  const start = (host: string, port: number) => startService(t, { secretKey, environment: { DATABASE_URL: database, HOST: host, PORT: String(port), DRAIN_DELAY: '5s', LOG_LEVEL: 'info' } })
  const services = await Promise.all(hosts.map((host) => start(host, 0)))
  const nginx = await startNginx(t, (port) => gateway(port, services))
  const load = await startMixedLoad(t, nginx.url, rate)
  const begun = performance.now()

  const rounds: Array<{ what: string, from: number, to: number }> = []
  for (let roll = 1; roll <= rolls; roll++) {
    for (const [number, host] of hosts.entries()) {
      const from = performance.now()
      const service = services[number] as Service
      t.equal(await service.stop(), 0)
      services[number] = await start(host, service.port)
      rounds.push({ what: `${roll}, process ${number + 1}`, from, to: performance.now() })
    }
  }
  const seconds = (performance.now() - begun) / 1000
  await load.end()

  t.comment('| restart | requests | by status | failed | half | 99 % | slowest |')
  for (const { what, from, to } of rounds) t.comment(row(what, load.outcomes.filter(({ due }) => due >= from && due < to)))
  t.comment(row('all', load.outcomes))
  seen.note(`${load.outcomes.length} requests, ${Math.round(load.outcomes.length / seconds)} a second, ${load.outcomes.filter(isFailed).length} failed`)
  t.comment(`what nginx complained of: ${tally(nginx.output().match(complaints) ?? [])}`)
  t.same(load.outcomes.filter(isFailed).slice(0, 20), [])
  t.ok(load.outcomes.length > rate * (seconds - 1), 'as many as were meant to be sent')
})
