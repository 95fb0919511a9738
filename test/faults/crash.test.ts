import { randomBytes } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { type Service, startService, temporaryFolder } from '../support/service.ts'

/** `npm run faults` asks for 20. */
const rounds = Number(process.env['CRASH_ROUNDS'] ?? 2)
const secretKey = randomBytes(32).toString('base64url')
const password = 'correct horse battery staple'
/** Milliseconds between the first sign-in and the kill: another length each time, so that it falls into different moments. */
const spread = 400
const clients = 8

interface Acknowledged {
  usernames: string[]
  sessions: string[]
  token: string | null
}

t.test(`loses no acknowledged registration or sign-in at ${rounds} kills`, { timeout: 300_000 }, async (t) => {
  const folder = temporaryFolder(t)
  const acknowledged: Acknowledged = { usernames: [], sessions: [], token: null }
  let service = await startService(t, { folder, secretKey })
  for (let round = 0; round < rounds; round++) {
    const begun = Promise.withResolvers<void>()
    const over = Promise.all(Array.from({ length: clients }, (_, client) => work(service, `r${round}-c${client}`, acknowledged, begun.resolve)))
    await begun.promise
    const kill = setTimeout(() => service.stop('SIGKILL'), spread * round / rounds)
    await over
    clearTimeout(kill)
    await service.ended
    service = await startService(t, { folder, secretKey })
    if (acknowledged.token !== null) t.equal(await greet(service, acknowledged.token), 200, `a token from before kill ${round + 1} still passes`)
  }
  const database = new DatabaseSync(service.databaseFile, { readOnly: true })
  const has = (table: string, column: string) => new Set(database.prepare(`select ${column} as id from ${table}`).all().map(({ id }) => id))
  const users = has('users', 'username')
  const sessions = has('sessions', 'id')
  t.same(acknowledged.usernames.filter((name) => !users.has(name)), [], 'no acknowledged account is lost')
  t.same(acknowledged.sessions.filter((id) => !sessions.has(id)), [], 'no acknowledged session is lost')
  t.same(database.prepare('pragma integrity_check').get(), { integrity_check: 'ok' })
  t.ok(acknowledged.usernames.length > 0 && acknowledged.sessions.length > 0, 'there was something to lose')
  database.close()
  t.comment(`${acknowledged.usernames.length} accounts and ${acknowledged.sessions.length} sessions acknowledged, ${rounds} kills`)
})

/** Registers and signs in, over and over, until the service is gone. */
async function work (service: Service, prefix: string, acknowledged: Acknowledged, begun: () => void): Promise<void> {
  for (let number = 0; ; number++) {
    const username = `${prefix}-${number}`
    try {
      if (await call(service, '/register', { username, password }) === null) return
      acknowledged.usernames.push(username)
      const reply = await call(service, '/login', { username, password })
      if (reply === null) return
      acknowledged.sessions.push(JSON.parse(Buffer.from(reply.access_token.split('.')[1] as string, 'base64url').toString()).sid)
      acknowledged.token = reply.access_token
      begun()
    } catch {
      return
    }
  }
}

async function call ({ url }: Service, path: string, body: object): Promise<{ access_token: string } | null> {
  const response = await fetch(url + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  return response.ok ? await response.json() as { access_token: string } : null
}

async function greet ({ url }: Service, token: string): Promise<number> {
  return (await fetch(`${url}/protected`, { headers: { authorization: `Bearer ${token}` } })).status
}
