import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { get } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../test/support/ports.ts'
import type { Part } from '../parts.ts'
import { type Program, production, serviceIn, sources, startServer, stopServer } from '../servers.ts'
import { inTurn, median, ratios } from '../slices.ts'

/** Milliseconds between two attempts to be answered. */
const patience = 3

const peer: Program = { script: 'bench/peers/fastify-jwt.ts', folder: '.' }

/** From the start of the process to its first answer, on a database that is there, beside Fastify with @fastify/jwt and nothing else. */
const start: Part = async ({ pairs, folder, image }) => {
  const environment = { DATABASE_URL: `sqlite:${join(folder, 'start.db')}`, LOG_LEVEL: 'warn', DRAIN_DELAY: '0' }
  await stopServer(await startServer('server.ts', environment))
  const { shipped = [], checkout = [], theirs = [] } = await inTurn({
    shipped: () => firstAnswer(serviceIn(image), '/health/live', environment),
    checkout: () => firstAnswer(sources, '/health/live', environment),
    theirs: () => firstAnswer(peer, '/token', {})
  }, pairs)
  return [
    { name: 'first answer ÷ Fastify with @fastify/jwt', values: ratios(shipped, theirs), note: `${median(shipped).toFixed(0)} and ${median(theirs).toFixed(0)} ms` },
    { name: 'first answer of npm start ÷ Fastify with @fastify/jwt', values: ratios(checkout, theirs), note: `${median(checkout).toFixed(0)} and ${median(theirs).toFixed(0)} ms` }
  ]
}

export default start

async function firstAnswer ({ script, folder }: Program, path: string, environment: Record<string, string>): Promise<number> {
  const port = await freePort()
  const begun = performance.now()
  const child = spawn(process.execPath, ['--import', './check-node.js', script], { cwd: folder, env: { ...process.env, ...production, ...environment, PORT: String(port) }, stdio: ['ignore', 'ignore', 'inherit'] })
  const closed = once(child, 'close')
  while (!await isAnswered(`http://127.0.0.1:${port}${path}`)) {
    if (child.exitCode !== null) throw new Error(`${script} ended with ${child.exitCode}`)
    await sleep(patience)
  }
  const took = performance.now() - begun
  child.kill('SIGTERM')
  await closed
  return took
}

function isAnswered (url: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  get(url, { agent: false }, (incoming) => {
    incoming.resume()
    resolve(incoming.statusCode === 200)
  }).on('error', () => resolve(false))
  return promise
}
