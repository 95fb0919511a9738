import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { argon2Build } from '../../argon2-build.ts'
import { alice, post } from '../alice.ts'
import type { Load, Target } from '../load.ts'
import type { Part } from '../parts.ts'
import { production, type Server, startServer, stopServer } from '../servers.ts'
import { inTurn, median, ratios } from '../slices.ts'
import type { Turn } from '../wrk.ts'

const run = promisify(execFile)
const root = new URL('../..', import.meta.url).pathname
/** What argon2's loader looks into: its own package, or what `npm run build:argon2` made. */
const shipped = join(root, 'node_modules/argon2')
export const clients = 16
const accounts = 32

/** Sign-ins a second beside bare hashing, with the build that npm brings and with the widest that is there. */
const logins: Part = async ({ quick, pairs, folder, load }) => {
  const wide = argon2Build(join(root, 'native'))
  const seconds = quick ? 1 : 1.5
  const services: Record<string, Target> = {}
  const servers: Server[] = []
  try {
    for (const [name, build] of Object.entries({ shipped, ...wide === null ? {} : { wide } })) {
      const server = await startServer('server.ts', {
        ...production, DATABASE_URL: `sqlite:${join(folder, `${name}.db`)}`, LOG_LEVEL: 'warn', DRAIN_DELAY: '0', LOGIN_LIMIT: 'off', REGISTER_LIMIT: 'off', HASH_QUEUE: '30s', ARGON2_PREBUILD: build
      }, { pinned: false })
      servers.push(server)
      services[name] = { server, path: '/login', turns: await signInTurns(server.url), spread: true }
    }
    const slices = await inTurn({
      'raw shipped': () => rawRate(seconds, shipped),
      'raw in huge pages': () => rawRate(seconds, wide ?? shipped, { GLIBC_TUNABLES: production.GLIBC_TUNABLES }),
      ...wide === null ? {} : { 'raw wide': () => rawRate(seconds, wide) },
      ...Object.fromEntries(Object.entries(services).map(([name, target]) => [name, () => signIns(load, target, Math.ceil(seconds))]))
    }, pairs)
    return figuresOf(slices, wide)
  } finally {
    for (const server of servers) await stopServer(server)
  }
}

export default logins

function figuresOf (slices: Record<string, number[]>, wide: string | null) {
  const pair = (name: string, over: string, under: string) => {
    const [first = [], second = []] = [slices[over], slices[under]]
    return { name, values: ratios(first, second), note: `${median(first).toFixed(0)} and ${median(second).toFixed(0)} a second` }
  }
  const onWide = 'sign-ins with the wide build ÷ raw argon2 from npm'
  const pages = 'raw argon2 in huge pages ÷ in small ones'
  if (wide === null) return [pair('sign-ins ÷ raw argon2, the same binary', 'shipped', 'raw shipped'), pair(pages, 'raw in huge pages', 'raw shipped'), { name: onWide, values: [], note: 'no wide build here: npm run build:argon2' }]
  return [
    pair('sign-ins ÷ raw argon2, the same binary', 'wide', 'raw wide'),
    pair(onWide, 'wide', 'raw shipped'),
    pair('sign-ins ÷ raw argon2, both as npm brings it', 'shipped', 'raw shipped'),
    pair('raw argon2, the wide build ÷ as npm brings it', 'raw wide', 'raw shipped'),
    pair(pages, 'raw in huge pages', 'raw wide')
  ]
}

export async function rawRate (seconds: number, build?: string, environment: Record<string, string> = {}): Promise<number> {
  const env = { ...process.env, ...environment, ...build === undefined ? {} : { ARGON2_PREBUILD: build } }
  const { stdout } = await run(process.execPath, ['--import', './check-node.js', 'bench/peers/raw-argon2.ts', String(seconds)], { cwd: root, env })
  return Number(stdout)
}

/** Accounts, and the requests that sign them in. */
export async function signInTurns (url: string): Promise<Turn[]> {
  const bodies = Array.from({ length: accounts }, (_, i) => ({ ...alice, username: `user-${i}` }))
  for (const body of bodies) await post(url, '/register', body, 201)
  return bodies.map((body) => ({ headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }))
}

/** A second. Throws where any was refused. */
async function signIns (load: Load, target: Target, seconds: number): Promise<number> {
  return (await load.slice(target, seconds, clients)).rate
}
