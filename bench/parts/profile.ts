import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { registerAlice, signInAlice } from '../alice.ts'
import { between } from '../page.ts'
import type { Part, Setup } from '../parts.ts'
import { production, startServer, stopServer } from '../servers.ts'
import { byFunction, type CpuProfile, type Share } from '../shares.ts'

const longest = 25

/** Where the time of a request to /protected goes, by function: a table of its own on the page. */
const profile: Part = async (setup) => {
  const shares = await sample(setup)
  const total = shares.reduce((sum, { nanoseconds }) => sum + nanoseconds, 0)
  const lines = shares.slice(0, longest).map(({ name, where, nanoseconds }) => `| \`${name}\` | ${where} | ${nanoseconds.toFixed(0)} | ${(nanoseconds / total * 100).toFixed(1)} % |`)
  const table = ['| function | in | ns a request | share |', '|---|---|---|---|', ...lines].join('\n')
  if (setup.page === null) process.stdout.write(`${table}\n`)
  else writeFileSync(setup.page, between(readFileSync(setup.page, 'utf8'), 'profile', table))
  return [{ name: 'a request to /protected under the profiler', values: [total / 1000], unit: 'µs' as const }]
}

export default profile

async function sample ({ load, quick, folder }: Setup): Promise<Share[]> {
  const environment = { ...production, DATABASE_URL: `sqlite:${join(folder, 'profile.db')}`, LOG_LEVEL: 'warn', DRAIN_DELAY: '0' }
  const server = await startServer('server.ts', { ...environment, NODE_OPTIONS: `${production.NODE_OPTIONS} --cpu-prof --cpu-prof-interval=200 --cpu-prof-dir=${folder}` })
  let counted = 0
  let window: [from: number, to: number] = [0, 0]
  try {
    await registerAlice(server.url)
    const target = { server, path: '/protected', headers: { authorization: `Bearer ${(await signInAlice(server.url)).access_token}` } }
    await load.slice(target, quick ? 1 : 3)
    const from = microseconds()
    const seconds = quick ? 1 : 8
    counted = (await load.slice(target, seconds)).rate * seconds
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
