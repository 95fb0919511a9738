import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import t from 'tap'
import { alice } from '../support/build.ts'
import { beside, runCli } from '../support/cli.ts'
import { type Client, createClient } from '../support/http.ts'
import { startService } from '../support/service.ts'
import { readSegment } from '../support/target.ts'
import { until } from '../support/until.ts'
import { witness } from '../support/witness.ts'

// That a verifier which keeps the key set for its max-age never meets an unknown key, over the months three rotations take:
// test/interop/caching-verifier.test.ts, with a turned clock. Here the rotations are hurried by another process, under load and by the real clock.
t.setTimeout(180_000)

const rotations = 3
const atLeast = 10_000
const clients = 8
/** Requests of a client between two sign-ins. */
const signInEvery = 100

interface Load {
  requests: number
  /** Every access token issued so far: old and new ones are shown in turn. */
  tokens: string[]
  failures: string[]
  over: boolean
}

const kidOf = (token: string) => String(readSegment(token, 0).kid)

async function signIn (call: Client): Promise<string> {
  const { status, body } = await call({ path: '/login', method: 'POST', headers: [['content-type', 'application/json']], body: JSON.stringify(alice) })
  if (status !== 200) throw new Error(`sign-in: ${status} ${body}`)
  return (JSON.parse(body) as { access_token: string }).access_token
}

/** One client among others: signs in now and then, and shows any of the tokens there are. */
async function work (call: Client, load: Load, offset: number): Promise<void> {
  for (let sent = offset; !load.over; sent++) {
    try {
      if (sent % signInEvery === 0) load.tokens.push(await signIn(call))
      const token = load.tokens[sent % load.tokens.length] as string
      const { status, body } = await call({ path: '/protected', headers: [['authorization', `Bearer ${token}`]] })
      if (status !== 200) load.failures.push(`${kidOf(token)}: ${status} ${body}`)
    } catch (error) {
      load.failures.push(String(error))
    }
    load.requests++
  }
}

async function readKeys (call: Client): Promise<Map<string, KeyObject>> {
  const { keys } = JSON.parse((await call({ path: '/.well-known/jwks.json' })).body) as { keys: Array<{ kid: string, kty: string }> }
  return new Map(keys.map((jwk) => [jwk.kid, createPublicKey({ key: jwk, format: 'jwk' })]))
}

function isSignedBy (token: string, keys: Map<string, KeyObject>): boolean {
  const dot = token.lastIndexOf('.')
  const key = keys.get(kidOf(token))
  return key !== undefined && verify('sha256', Buffer.from(token.slice(0, dot)), { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(token.slice(dot + 1), 'base64url'))
}

t.test(`fails no request while another process rotates the keys ${rotations} times`, async (t) => {
  const seen = witness(t, { fault: `another process rotates the keys under load, ${rotations} times`, store: 'SQLite' })
  const service = await startService(t, { environment: { MAX_SESSIONS: '10000' } })
  const call = createClient(t, service.port)
  await call({ path: '/register', method: 'POST', headers: [['content-type', 'application/json']], body: JSON.stringify(alice) })
  const load: Load = { requests: 0, tokens: [await signIn(call)], failures: [], over: false }
  const working = Promise.all(Array.from({ length: clients }, (_, client) => work(call, load, 1 + client * 13)))
  let known = await readKeys(call)
  const unknown: string[] = []
  for (let rotation = 0; rotation < rotations; rotation++) {
    const before = load.tokens.length
    const kid = kidOf(await signIn(call))
    t.match(await runCli(beside(service), 'keys', 'rotate', '--now'), { code: 0, err: '' })
    await until(async () => {
      const token = await signIn(call)
      load.tokens.push(token)
      return kidOf(token) !== kid
    })
    while (load.requests < (rotation + 1) * atLeast / rotations) await readKeys(call)
    unknown.push(...load.tokens.slice(before).filter((token) => !isSignedBy(token, known)))
    known = await readKeys(call)
  }
  load.over = true
  await working
  t.strictSame(load.failures, [])
  t.strictSame(unknown, [], 'every token could be verified by the keys that were read before its rotation')
  t.ok(load.requests >= atLeast)
  t.equal(new Set(load.tokens.map(kidOf)).size, rotations + 1)
  seen.note(`${load.requests} requests with ${load.tokens.length} tokens of ${rotations + 1} keys`)
})
