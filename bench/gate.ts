import { randomUUIDv7 } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { compare, type Ratio, type Server, startServer, stopServer, type Target } from './slices.ts'

/** GET /protected with a token that was seen before, as a share of a bare Fastify answering the same text; and beside as much that has ended. */
const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'))
const alice = { username: 'alice', password: 'correct horse battery staple' }
const many = 100_000
const servers: Server[] = []

try {
  const bare = await start('bench/peers/bare.ts')
  const service = await known(await start('server.ts', environment('plain.db')))
  print('/protected, known token ÷ bare Fastify', await compare(service, { url: `${bare.url}/hello` }))
  const first = await start('server.ts', environment('revoked.db'))
  await stop(first)
  plant(join(folder, 'revoked.db'))
  const beside = await known(await start('server.ts', environment('revoked.db')))
  print(`the same with ${many} live revocations ÷ without`, await compare(beside, service))
} finally {
  for (const server of servers.slice()) await stop(server)
  rmSync(folder, { recursive: true })
}

function environment (file: string): Record<string, string> {
  return { DATABASE_URL: `sqlite:${join(folder, file)}`, LOG_LEVEL: 'warn', DRAIN_DELAY: '0' }
}

async function start (script: string, variables: Record<string, string> = {}): Promise<Server> {
  const server = await startServer(script, variables)
  servers.push(server)
  return server
}

async function stop (server: Server): Promise<void> {
  servers.splice(servers.indexOf(server), 1)
  await stopServer(server)
}

function plant (file: string): void {
  const database = new DatabaseSync(file)
  const insert = database.prepare('insert into revocations (subject, subject_id, expires_at) values (\'session\', ?, ?)')
  database.exec('begin')
  for (let i = 0; i < many; i++) insert.run(randomUUIDv7(), Date.now() + 3_600_000)
  database.exec('commit')
  database.close()
}

/** /protected, with a token of alice's. */
async function known ({ url }: Server): Promise<Target> {
  const post = async (path: string): Promise<unknown> => {
    const response = await fetch(url + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(alice) })
    return response.json()
  }
  await post('/register')
  const { access_token: token } = await post('/login') as { access_token: string }
  return { url: `${url}/protected`, headers: { authorization: `Bearer ${token}` } }
}

function print (name: string, { median, least, most, of: [ours, theirs] }: Ratio): void {
  process.stdout.write(`${name}: ${median.toFixed(2)} (${least.toFixed(2)} to ${most.toFixed(2)}); ${Math.round(ours)} and ${Math.round(theirs)} requests a second\n`)
}
