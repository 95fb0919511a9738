import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, type IncomingMessage, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { text } from 'node:stream/consumers'
import { welch } from '../test/support/welch.ts'
import { startServer, stopServer } from './servers.ts'
import { median } from './slices.ts'

// Whether an answer to a failed sign-in tells by its bytes, its headers or its time why it failed. Ends with 1 where it does.
const samples = 300
/** Medians may differ by this share, and Welch's t be this far from nothing: what leakage tests of cryptography take for a sign. */
const tolerance = 0.05
const largestT = 4.5
const password = 'correct horse battery staple'
const kinds = ['unknown', 'disabled', 'passwordless', 'wrong password'] as const

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'))
const file = join(folder, 'bench.db')
const service = await startServer('server.ts', { DATABASE_URL: `sqlite:${file}`, LOG_LEVEL: 'warn', DRAIN_DELAY: '0', LOGIN_LIMIT: 'off', REGISTER_LIMIT: 'off' }, { pinned: false })
const agent = new Agent({ keepAlive: true, maxSockets: 1 })

try {
  await makeAccounts()
  const times = Object.fromEntries(kinds.map((kind) => [kind, [] as number[]])) as Record<typeof kinds[number], number[]>
  const answers = new Set<string>()
  // The first rounds warm up and are not counted.
  for (let round = -10; round < samples; round++) {
    for (const kind of shuffled(kinds)) {
      const { milliseconds, seen } = await fail(nameOf(kind, round))
      answers.add(seen)
      if (round >= 0) times[kind].push(milliseconds)
    }
  }
  process.exitCode = report(times, answers) ? 0 : 1
} finally {
  agent.destroy()
  await stopServer(service)
  rmSync(folder, { recursive: true })
}

/** An account of its own for each sample, so that what counts failures for an account has nothing to count. */
function nameOf (kind: string, round: number): string {
  return `${kind.split(' ')[0]}-${round + 10}`
}

/** One real digest for all of them: registering each would take as long as all that is measured. */
async function makeAccounts (): Promise<void> {
  const { status } = await post('/register', { username: 'pattern', password })
  if (status !== 201) throw new Error(`no account: ${status}`)
  const database = new DatabaseSync(file)
  database.exec('pragma busy_timeout = 5000; begin')
  const { password_hash: digest } = database.prepare("select password_hash from users where username = 'pattern'").get() as { password_hash: string }
  const insert = database.prepare('insert into users (id, username, password_hash, disabled_at, created_at) values (?, ?, ?, ?, 1)')
  for (let round = -10; round < samples; round++) {
    insert.run(crypto.randomUUID(), nameOf('disabled', round), digest, 1)
    insert.run(crypto.randomUUID(), nameOf('passwordless', round), null, null)
    insert.run(crypto.randomUUID(), nameOf('wrong', round), digest, null)
  }
  database.exec('commit')
  database.close()
}

async function fail (username: string): Promise<{ milliseconds: number, seen: string }> {
  // A disabled account is tried with its own password: nothing else would tell it from one that is not.
  const begun = performance.now()
  const { status, headers, body } = await post('/login', { username, password: username.startsWith('wrong') ? 'not the password' : password })
  const milliseconds = performance.now() - begun
  const kept = headers.filter(([name]) => name !== 'date' && name !== 'x-request-id')
  return { milliseconds, seen: JSON.stringify([status, kept, body]) }
}

async function post (path: string, body: object): Promise<{ status: number, headers: Array<[string, string]>, body: string }> {
  const outgoing = request(service.url + path, { agent, method: 'POST', headers: { 'content-type': 'application/json' } })
  outgoing.end(JSON.stringify(body))
  const [incoming] = await once(outgoing, 'response') as [IncomingMessage]
  const { rawHeaders } = incoming
  const headers = rawHeaders.flatMap((name, index) => index % 2 === 0 ? [[name.toLowerCase(), rawHeaders[index + 1]] as [string, string]] : [])
  return { status: incoming.statusCode as number, headers, body: await text(incoming) }
}

function report (times: Record<typeof kinds[number], number[]>, answers: Set<string>): boolean {
  process.stdout.write(`answers that differ: ${answers.size - 1}\n`)
  let holds = answers.size === 1 && [...answers].every((answer) => answer.startsWith('[401,'))
  for (const kind of kinds) {
    const difference = median(times[kind]) / median(times['wrong password']) - 1
    const t = welch(times[kind], times['wrong password'])
    holds &&= Math.abs(difference) <= tolerance && Math.abs(t) < largestT
    process.stdout.write(`${kind}: median ${median(times[kind]).toFixed(2)} ms, ${(difference * 100).toFixed(1)} % from a wrong password's, t ${t.toFixed(2)}\n`)
  }
  process.stdout.write(holds ? 'nothing tells them apart\n' : 'THEY CAN BE TOLD APART\n')
  return holds
}

function shuffled<T> (values: readonly T[]): T[] {
  return values.map((value) => ({ value, order: Math.random() })).toSorted((a, b) => a.order - b.order).map(({ value }) => value)
}
