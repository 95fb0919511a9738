import { execFileSync } from 'node:child_process'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { Agent } from 'node:http'
import { dirname, join } from 'node:path'
import { alice, registerAlice, signInAlice } from '../alice.ts'
import { call } from '../call.ts'
import { type Dimension, dimensions } from '../dimensions.ts'
import { between } from '../page.ts'
import type { Part, Setup } from '../parts.ts'
import { production, type Server, startServer, stopServer } from '../servers.ts'
import { median } from '../slices.ts'

const operations = ['/protected', '/login', '/refresh', '/me/sessions'] as const
type Times = Record<typeof operations[number], number>

export interface Curve {
  dimension: string
  counts: number[]
  /** Milliseconds, a median for each count. */
  times: Record<string, number[]>
}

/** How what a caller waits for grows with what there is: a picture, and for each the largest over the least. */
const growth: Part = async (setup) => {
  const base = join(setup.folder, 'base.db')
  const server = await startServer('server.ts', { DATABASE_URL: `sqlite:${base}`, DRAIN_DELAY: '0' })
  await registerAlice(server.url)
  await stopServer(server)
  const curves: Curve[] = []
  for (const dimension of dimensions(setup.quick)) curves.push(await curveOf(setup, base, dimension))
  if (setup.page !== null && setup.hasPeers) {
    const picture = execFileSync(process.execPath, ['bench/peers/chart.js'], { input: JSON.stringify(curves) })
    writeFileSync(join(dirname(setup.page), 'growth.svg'), picture)
    writeFileSync(setup.page, between(readFileSync(setup.page, 'utf8'), 'growth', '![What a caller waits for, against users, sessions, revocations, keys and the length of a token](growth.svg)'))
  }
  return curves.map(figureOf)
}

export default growth

function figureOf ({ dimension, counts, times }: Curve) {
  const note = Object.entries(times).map(([operation, series]) => `${operation} ${series.map((time) => time.toFixed(2)).join(', ')} ms`).join('; ')
  const worst = Math.max(...Object.values(times).map((series) => (series.at(-1) as number) / (series[0] as number)))
  return { name: `slowest growth from ${counts[0]?.toLocaleString('en')} to ${counts.at(-1)?.toLocaleString('en')} ${dimension}`, values: [worst], note }
}

async function curveOf (setup: Setup, base: string, { name, counts, plant, environment = {}, tokenOf }: Dimension): Promise<Curve> {
  const times: Record<string, number[]> = Object.fromEntries(operations.map((operation) => [operation, []]))
  for (const count of counts) {
    const file = join(setup.folder, `${name.replaceAll(' ', '-')}-${count}.db`)
    copyFileSync(base, file)
    copyFileSync(`${base}.secret`, `${file}.secret`)
    plant?.(file, count)
    const variables = { ...production, DATABASE_URL: `sqlite:${file}`, LOG_LEVEL: 'warn', DRAIN_DELAY: '0', LOGIN_LIMIT: 'off', REFRESH_LIMIT: 'off', ...environment }
    const server = await startServer('server.ts', variables)
    try {
      const token = await tokenOf?.(variables, server.url, count)
      const measured = await timesOf(server, token, setup.quick ? 5 : 40)
      for (const operation of operations) times[operation]?.push(measured[operation])
    } finally {
      await stopServer(server)
    }
  }
  return { dimension: name, counts: [...counts], times }
}

/** Medians of calls one after another. */
async function timesOf ({ url }: Server, given: string | undefined, rounds: number): Promise<Times> {
  const agent = new Agent({ keepAlive: true })
  let { access_token: accessToken, refresh_token: refreshToken } = await signInAlice(url)
  if (given !== undefined) accessToken = given
  const headers = () => ({ authorization: `Bearer ${accessToken}` })
  const ask = async (path: string, options: { method?: string, body?: object, headers?: Record<string, string> }) => {
    const { status, body } = await call(url + path, { agent, ...options })
    if (status !== 200) throw new Error(`${path} answered ${status}`)
    return body
  }
  const work: Record<typeof operations[number], () => Promise<unknown>> = {
    '/protected': () => ask('/protected', { headers: headers() }),
    '/login': () => ask('/login', { method: 'POST', body: alice }),
    '/refresh': async () => { refreshToken = JSON.parse(await ask('/refresh', { method: 'POST', body: { refresh_token: refreshToken } })).refresh_token },
    '/me/sessions': () => ask('/me/sessions', { headers: headers() })
  }
  const times: Partial<Times> = {}
  for (const operation of operations) times[operation] = await medianOf(work[operation], rounds)
  agent.destroy()
  return times as Times
}

async function medianOf (work: () => Promise<unknown>, rounds: number): Promise<number> {
  const took: number[] = []
  for (let round = -5; round < rounds; round++) {
    const begun = performance.now()
    await work()
    if (round >= 0) took.push(performance.now() - begun)
  }
  return median(took)
}
