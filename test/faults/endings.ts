import { randomBytes } from 'node:crypto'
import { loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { TokenReply } from '../../schemas/login.ts'
import { type Api, createApi } from '../support/api.ts'
import { alice } from '../support/build.ts'
import { readClaims } from '../support/claims.ts'
import { type MixedLoad, startMixedLoad } from '../support/mixed-load.ts'
import { startPostgres } from '../support/postgres.ts'
import { startService } from '../support/service.ts'
import { witness } from '../support/witness.ts'

t.setTimeout(600_000)

const processes = 4
/** Endings, quiet and under load. */
const count = 200
/** Milliseconds between two endings under load, which goes on for 20 s and a little. */
const spacing = 100
/** Requests a second, at each process. */
const rate = 40
/** Milliseconds between two visits, of which the last is refused: what is measured is so much too long at most. */
const pause = 2
const bound = 1000
const edges = [5, 10, 20, 50, 100, 200, 500, bound]

/** Milliseconds, as PostgreSQL and this process count them. */
const now = () => performance.timeOrigin + performance.now()

/** Resolves with the moment from which a token is refused. */
async function refusedFrom ({ visit }: Api, token: string): Promise<number> {
  for (const begun = now(); now() - begun < 10 * bound; await sleep(pause)) if (await visit(token) === 401) return now()
  return Number.POSITIVE_INFINITY
}

t.test(`R20 an ending at one of ${processes} processes is felt by all others within a second, quiet and under load`, async (t) => {
  const seen = witness(t, { fault: `sessions end at one of ${processes} processes`, store: 'PostgreSQL' })
  const server = await startPostgres(t, { track_commit_timestamp: 'on' })
  const url = await server.createDatabase()
  const options = { secretKey: randomBytes(32).toString('base64url'), environment: { DATABASE_URL: url, MAX_SESSIONS: '10000', ACCESS_TOKEN_TTL: '30m' } }
  const services = await Promise.all(Array.from({ length: processes }, () => startService(t, options)))
  const apis = services.map((service) => createApi(service))
  t.equal(await (apis[0] as Api).register(alice), 201)
  const sessions: TokenReply[] = []
  for (let made = 0; made < 2 * count; made += processes) sessions.push(...await Promise.all(apis.map((api) => api.signedIn(alice))))

  /** Ends one session after another, each somewhere else; gives how long each lived elsewhere after the commit of its end, in milliseconds. */
  async function end (spacing: number): Promise<number[]> {
    const refused = new Map<string, number>()
    for (let number = 0; number < count; number++) {
      await sleep(spacing)
      const { access_token: token } = sessions.pop() as TokenReply
      const here = apis[number % processes] as Api
      const others = apis.filter((api) => api !== here)
      const passed = await Promise.all(others.map(({ visit }) => visit(token)))
      if (passed.some((status) => status !== 200) || await here.logout(token) !== 204) throw new Error('a session was not there to be ended')
      refused.set(readClaims(token).sid as string, Math.max(...await Promise.all(others.map((api) => refusedFrom(api, token)))))
    }
    const rows = await server.run('select subject_id, extract(epoch from pg_xact_commit_timestamp(xmin)) * 1000 as committed from revocations', url)
    return rows.flatMap(({ subject_id: id, committed }) => refused.has(id as string) ? [(refused.get(id as string) as number) - Number(committed)] : []).sort((one, other) => one - other)
  }

  const quiet = await end(0)
  const load: MixedLoad[] = []
  for (const { url: at } of services) load.push(await startMixedLoad(t, at, rate))
  const begun = performance.now()
  const busy = await end(spacing)
  const average = loadavg()[0]?.toFixed(1)
  await Promise.all(load.map((one) => one.end()))

  const columns = [quiet, busy]
  t.comment(`| milliseconds | ${quiet.length} quiet | ${busy.length} under load |`)
  for (const [index, edge] of [...edges, Number.POSITIVE_INFINITY].entries()) {
    const from = edges[index - 1] ?? 0
    t.comment(`| ${from}–${Number.isFinite(edge) ? edge : ''} | ${columns.map((times) => times.filter((time) => time >= from && time < edge).length).join(' | ')} |`)
  }
  for (const [name, share] of [['half', 0.5], ['99 %', 0.99], ['longest', 1]] as const) {
    t.comment(`| ${name} | ${columns.map((times) => `${Math.round(times[Math.ceil(times.length * share) - 1] as number)} ms`).join(' | ')} |`)
  }
  seen.note(`felt at all others after ${Math.round(Math.max(...quiet))} ms at most, ${Math.round(Math.max(...busy))} ms under load`)
  const beside = load.flatMap(({ outcomes }) => outcomes).filter(({ due }) => due >= begun)
  t.comment(`beside ${beside.length} requests, at a load average of ${average}`)
  t.ok(Math.max(...quiet, ...busy) < bound)
  t.ok(Math.min(...quiet) >= 0 && quiet.length === count && busy.length === count, 'each was found in the log')
})
