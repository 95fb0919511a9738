import { randomUUIDv7 } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { registerAlice, signInAlice } from '../alice.ts'
import type { Slice, Target } from '../load.ts'
import type { Part, Setup } from '../parts.ts'
import { production, type Server, startServer, stopServer } from '../servers.ts'
import { inTurn, median, ratios } from '../slices.ts'
import { tokensFor } from '../token-source.ts'

const many = 100_000
const manyTokens = 5000
/** Seconds in which each of them is seen once. */
const firstSight = 3

/** The way of a known token beside what others would have instead: every server is up at the same time, and each gets a slice in turn. */
const gate: Part = async (setup) => {
  const servers: Server[] = []
  const start = async (script: string, variables: Record<string, string> = {}) => {
    const server = await startServer(script, { ...production, ...variables })
    servers.push(server)
    return server
  }
  try {
    const targets = { ...await ourTargets(setup, start), ...await peerTargets(setup, start) }
    await setup.load.slice(targets.turns, setup.quick ? 1 : firstSight)
    const slices = await inTurn(Object.fromEntries(Object.entries(targets).map(([name, target]) => [name, () => setup.load.slice(target, 1)])), setup.pairs)
    return figuresOf(slices)
  } finally {
    for (const server of servers) await stopServer(server)
  }
}

export default gate

type Start = (script: string, variables?: Record<string, string>) => Promise<Server>

async function ourTargets ({ folder, quick }: Setup, start: Start): Promise<Record<string, Target> & { turns: Target }> {
  const environment = (file: string, level = 'warn') => ({ DATABASE_URL: `sqlite:${join(folder, file)}`, LOG_LEVEL: level, DRAIN_DELAY: '0' })
  const service = await start('server.ts', environment('plain.db'))
  const headers = await knownToken(service)
  const tokens = await tokensFor(environment('plain.db'), service.url, quick ? manyTokens / 10 : manyTokens)
  const common = {
    bare: { server: await start('bench/peers/bare.ts'), path: '/hello' },
    protected: { server: service, path: '/protected', headers },
    verify: { server: service, path: '/verify', headers },
    turns: { server: service, path: '/protected', turns: tokens.map((token) => ({ headers: { authorization: `Bearer ${token}` } })) }
  }
  if (quick) return common
  const atInfo = await start('server.ts', environment('info.db', 'info'))
  await stopServer(await startServer('server.ts', environment('revoked.db')))
  plant(join(folder, 'revoked.db'))
  const beside = await start('server.ts', environment('revoked.db'))
  return { ...common, info: { server: atInfo, path: '/protected', headers: await knownToken(atInfo) }, revoked: { server: beside, path: '/protected', headers: await knownToken(beside) } }
}

async function peerTargets ({ folder, hasPeers }: Setup, start: Start): Promise<Record<string, Target>> {
  const target = async (script: string, variables?: Record<string, string>): Promise<Target> => {
    const server = await start(script, variables)
    return { server, ...await (await fetch(`${server.url}/token`)).json() as Pick<Target, 'path'> }
  }
  const hs256 = await target('bench/peers/fastify-jwt.ts')
  if (!hasPeers) return { hs256 }
  return {
    hs256,
    eddsa: await target('bench/peers/fastify-jwt.ts', { ALG: 'EdDSA' }),
    cached: await target('bench/peers/fastify-jwt.ts', { ALG: 'EdDSA', CACHE: '1' }),
    express: await target('bench/peers/express-jsonwebtoken.js'),
    betterAuth: await target('bench/peers/better-auth.js', { DATABASE_FILE: join(folder, 'better-auth.db') })
  }
}

async function knownToken ({ url }: Server): Promise<Record<string, string>> {
  await registerAlice(url)
  return { authorization: `Bearer ${(await signInAlice(url)).access_token}` }
}

function plant (file: string): void {
  const database = new DatabaseSync(file)
  const insert = database.prepare('insert into revocations (subject, subject_id, expires_at) values (\'session\', ?, ?)')
  database.exec('begin')
  for (let i = 0; i < many; i++) insert.run(randomUUIDv7(), Date.now() + 3_600_000)
  database.exec('commit')
  database.close()
}

const rows: ReadonlyArray<[name: string, over: string, under: string]> = [
  ['/protected, known token ÷ bare Fastify', 'protected', 'bare'],
  ['/verify, known token ÷ bare Fastify', 'verify', 'bare'],
  ['/protected ÷ @fastify/jwt HS256', 'protected', 'hs256'],
  ['5,000 tokens in turn ÷ bare Fastify', 'turns', 'bare'],
  ['/protected with 100,000 live revocations ÷ without', 'revoked', 'protected'],
  ['/verify ÷ @fastify/jwt HS256', 'verify', 'hs256'],
  ['/protected at LOG_LEVEL=info ÷ bare Fastify', 'info', 'bare'],
  ['@fastify/jwt HS256 ÷ bare Fastify', 'hs256', 'bare'],
  ['@fastify/jwt EdDSA ÷ bare Fastify', 'eddsa', 'bare'],
  ['@fastify/jwt EdDSA with its cache ÷ bare Fastify', 'cached', 'bare'],
  ['Express with jsonwebtoken HS256 ÷ bare Fastify', 'express', 'bare'],
  ['better-auth, its session asked for ÷ bare Fastify', 'betterAuth', 'bare']
]

function figuresOf (slices: Record<string, Slice[]>) {
  const figures = rows.map(([name, over, under]) => {
    const [first, second] = [slices[over], slices[under]]
    if (first === undefined || second === undefined) return { name, values: [], note: 'not in this run' }
    return { name, values: ratios(first.map(({ rate }) => rate), second.map(({ rate }) => rate)), note: noteOf(first, second) }
  })
  const { bare = [], protected: guarded = [], verify = [] } = slices
  const byTime = (name: string, ours: Slice[]) => ({ name: `${name}, processor time of bare Fastify ÷ ours`, values: ratios(bare.map(({ processor }) => processor), ours.map(({ processor }) => processor)) })
  return [...figures, byTime('/protected', guarded), byTime('/verify', verify)]
}

function noteOf (first: Slice[], second: Slice[]): string {
  const rate = (slices: Slice[]) => Math.round(median(slices.map((slice) => slice.rate))).toLocaleString('en')
  const processor = (slices: Slice[]) => median(slices.map((slice) => slice.processor)).toFixed(1)
  return `${rate(first)} and ${rate(second)} requests/s; ${processor(first)} and ${processor(second)} µs of processor each`
}
