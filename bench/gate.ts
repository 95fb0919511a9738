import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compare, type Ratio, startServer, stopServer } from './slices.ts'

/** GET /protected with a token that was seen before, as a share of a bare Fastify answering the same text. */
const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'))
const alice = { username: 'alice', password: 'correct horse battery staple' }
const bare = await startServer('bench/peers/bare.ts')
const service = await startServer('server.ts', {
  DATABASE_URL: `sqlite:${join(folder, 'bench.db')}`, LOG_LEVEL: 'warn', DRAIN_DELAY: '0'
})
try {
  const { access_token: token } = await post('/register').then(() => post('/login')) as { access_token: string }
  const known = { url: `${service.url}/protected`, headers: { authorization: `Bearer ${token}` } }
  print('/protected, known token ÷ bare Fastify', await compare(known, { url: `${bare.url}/hello` }))
} finally {
  await stopServer(service)
  await stopServer(bare)
  rmSync(folder, { recursive: true })
}

async function post (path: string): Promise<unknown> {
  const response = await fetch(service.url + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(alice) })
  return response.json()
}

function print (name: string, { median, least, most, of: [ours, theirs] }: Ratio): void {
  process.stdout.write(`${name}: ${median.toFixed(2)} (${least.toFixed(2)} to ${most.toFixed(2)}); ${Math.round(ours)} and ${Math.round(theirs)} requests a second\n`)
}
