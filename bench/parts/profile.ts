import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { registerAlice, signInAlice } from '../alice.ts'
import { createChains } from '../chains.ts'
import { between } from '../page.ts'
import type { Part, Setup } from '../parts.ts'
import { production, type Server, startServer, stopServer } from '../servers.ts'
import { byFunction, type CpuProfile, type Share } from '../shares.ts'
import { clients, signInTurns } from './logins.ts'

/** What is profiled: the place of its table on the page, how many of its lines are shown, and what makes so many requests a second for so many seconds. */
interface Subject {
  place: string
  lines: number
  /** Whether the server has both processors, since it hashes. */
  spread?: true
  begin (setup: Setup, server: Server): Promise<(seconds: number) => Promise<number>>
}

const subjects: Readonly<Record<string, Subject>> = {
  '/protected': {
    place: 'profile',
    lines: 25,
    async begin ({ load }, server) {
      await registerAlice(server.url)
      const headers = { authorization: `Bearer ${(await signInAlice(server.url)).access_token}` }
      return async (seconds) => (await load.slice({ server, path: '/protected', headers }, seconds)).rate
    }
  },
  '/refresh': {
    place: 'profile-refresh',
    lines: 15,
    begin: ({ load }, server) => createChains(load, server)
  },
  '/login': {
    place: 'profile-login',
    lines: 15,
    spread: true,
    async begin ({ load }, server) {
      const turns = await signInTurns(server.url)
      return async (seconds) => (await load.slice({ server, path: '/login', turns, spread: true }, seconds, clients)).rate
    }
  }
}

/** Where the time of a request goes, by function: tables of their own on the page. What the threads do that hash is in none. */
const profile: Part = async (setup) => {
  const figures = []
  for (const [path, subject] of Object.entries(subjects)) {
    const shares = await sample(setup, subject)
    const total = shares.reduce((sum, { nanoseconds }) => sum + nanoseconds, 0)
    const lines = shares.slice(0, subject.lines).map(({ name, where, nanoseconds }) => `| \`${name}\` | ${where} | ${nanoseconds.toFixed(0)} | ${(nanoseconds / total * 100).toFixed(1)} % |`)
    const table = ['| function | in | ns a request | share |', '|---|---|---|---|', ...lines].join('\n')
    if (setup.page === null) process.stdout.write(`${table}\n`)
    else writeFileSync(setup.page, between(readFileSync(setup.page, 'utf8'), subject.place, table))
    figures.push({ name: `a request to ${path} under the profiler`, values: [total / 1000], unit: 'µs' as const })
  }
  return figures
}

export default profile

async function sample (setup: Setup, { place, spread, begin }: Subject): Promise<Share[]> {
  const folder = join(setup.folder, place)
  mkdirSync(folder)
  const environment = { ...production, DATABASE_URL: `sqlite:${join(folder, 'profile.db')}`, LOG_LEVEL: 'warn', DRAIN_DELAY: '0', LOGIN_LIMIT: 'off', REGISTER_LIMIT: 'off', REFRESH_LIMIT: 'off', HASH_QUEUE: '30s' }
  const server = await startServer('server.ts', { ...environment, NODE_OPTIONS: `${production.NODE_OPTIONS} --cpu-prof --cpu-prof-interval=200 --cpu-prof-dir=${folder}` }, { pinned: spread !== true })
  let counted = 0
  let window: [from: number, to: number] = [0, 0]
  try {
    const work = await begin(setup, server)
    await work(setup.quick ? 1 : 2)
    const from = microseconds()
    const seconds = setup.quick ? 1 : 5
    counted = await work(seconds) * seconds
    window = [from, microseconds()]
  } finally {
    await stopServer(server)
  }
  const file = readdirSync(folder).find((name) => name.endsWith('.cpuprofile')) as string
  return byFunction(JSON.parse(readFileSync(join(folder, file), 'utf8')) as CpuProfile, window, counted)
}

/** On the clock of the profile, which is the machine's. */
function microseconds (): number {
  return Number(process.hrtime.bigint() / 1000n)
}
