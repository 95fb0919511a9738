import { readFileSync } from 'node:fs'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import type { TokenReply } from '../../schemas/login.ts'
import verifier from '../../verifier.ts'
import { aliceSignedIn, build } from '../support/build.ts'
import { type Answer, type Client, createClient, headerOf } from '../support/http.ts'
import { algorithmCases } from '../support/matrix/algorithms.ts'
import { claimCases } from '../support/matrix/claims.ts'
import { encodingCases } from '../support/matrix/encodings.ts'
import { type Algorithm, bearer, type Case, createMaterials, type Materials } from '../support/matrix/materials.ts'
import { issuer } from '../support/service.ts'
import { until } from '../support/until.ts'
import { listen } from '../support/wire.ts'

// Every case of the token families over real HTTP: on three algorithms, at /protected and at another service behind the verifier.
t.setTimeout(180_000)

const algorithms: Algorithm[] = ['ES256', 'RS256', 'EdDSA']
const families = ['algorithms', 'token-kinds', 'claims', 'encodings', 'credentials']

/** What the families' own tests alone can show, and why. */
const elsewhere = new Map([
  ['A034', 'takes a key away: below, at the end of each algorithm'],
  ['E100', 'is about the address, which no guard looks at'],
  ['E104', 'is about methods: a route\'s, not a token\'s']
])

interface Places {
  service: FastifyInstance
  materials: Materials
  calls: Record<string, Client>
  /** Milliseconds the other service's clock is ahead. */
  clock: { ahead: number }
}

/** The service with one algorithm, and another service that believes its tokens, both behind sockets. */
async function startPlaces (t: Test, alg: Algorithm): Promise<Places> {
  const service = await build(t, { environment: { SIGNING_ALG: alg, PUBLIC_URL: issuer } })
  const reply = await aliceSignedIn(service) as TokenReply
  const port = await listen(service)
  const clock = { ahead: 0 }
  const host = Fastify()
  t.teardown(() => host.close())
  await host.register(verifier, {
    issuer, audience: 'api', now: () => Date.now() + clock.ahead, fetch: (address, init) => fetch(`${address}`.replace(issuer, `http://127.0.0.1:${port}`), init)
  })
  host.get('/protected', { config: { access: 'user' } }, async ({ identity }) => ({ message: `Hello, ${identity.username}! This is a protected resource.` }))
  const calls = { '/protected': createClient(t, port), verifier: createClient(t, await listen(host)) }
  return { service, materials: createMaterials(service, alg, reply), calls, clock }
}

/** The outcome of an answer, and what has to be the same each time it is this one. */
function readAnswer ({ status, headers, body }: Answer): { outcome: string, shape: string } {
  const outcome = status === 200 && body.includes('Hello, alice!') ? 'accepted' : String((JSON.parse(body) as { code?: unknown }).code)
  return { outcome, shape: JSON.stringify([status, headerOf(headers, 'www-authenticate') ?? null, body]) }
}

/** How many were tried and what went wrong, by case and by place. */
type Table = Map<string, Record<string, { tried: number, wrong: string[] }>>

const table: Table = new Map()
const shapes = new Map<string, Set<string>>()

async function attack (call: Client, column: string, cases: Case[]): Promise<void> {
  await Promise.all(cases.map(async ({ id, what, lines, outcome }) => {
    const answer = readAnswer(await call({ path: '/protected', headers: lines }))
    const row = table.get(id) ?? {}
    const cell = row[column] ?? { tried: 0, wrong: [] }
    table.set(id, { ...row, [column]: cell })
    cell.tried++
    if (answer.outcome !== outcome) cell.wrong.push(`${what}: ${answer.outcome} instead of ${outcome}`)
    shapes.set(outcome, (shapes.get(outcome) ?? new Set()).add(answer.shape))
  }))
}

for (const alg of algorithms) {
  t.test(`${alg} is attacked at both places`, async (t) => {
    const { service, materials, calls, clock } = await startPlaces(t, alg)
    t.equal(materials.header.alg, alg)
    const cases = [...algorithmCases(materials), ...claimCases(materials), ...encodingCases(materials)]
    for (const [place, call] of Object.entries(calls)) await attack(call, `${alg} ${place}`, cases)
    const faults = [...table].flatMap(([id, row]) => Object.entries(row).flatMap(([column, { wrong }]) => wrong.map((fault) => `${id} ${column} ${fault}`)))
    t.strictSame(faults, [])

    t.test('A034 the key is revoked: its tokens go with it, at once here and with the next reading there', async (t) => {
      const visit = async (place: string, token: string) => readAnswer(await (calls[place] as Client)({ path: '/protected', headers: [bearer(token)] })).outcome
      const [key, next] = materials.keys
      const later = materials.forge({ header: { kid: next.kid }, key: next })
      await service.keys.revoke(key.kid)
      t.equal(await visit('/protected', materials.good), 'invalid_token')
      t.equal(await visit('verifier', materials.good), 'accepted', 'the set is kept for its max-age')
      clock.ahead += 301_000
      await until(async () => await visit('verifier', materials.good) === 'invalid_token')
      for (const place of Object.keys(calls)) t.equal(await visit(place, later), 'accepted', `the next key serves on at ${place}`)
    })
  })
}

t.test('one body and one challenge for every cause, wherever it is asked', async (t) => {
  t.strictSame([...shapes].map(([outcome, { size }]) => [outcome, size]).sort(), [['accepted', 1], ['invalid_request', 1], ['invalid_token', 1], ['missing_token', 1]])
})

t.test('names every case of the families', async (t) => {
  const named = families.flatMap((family) => readFileSync(new URL(`./${family}.test.ts`, import.meta.url), 'utf8').match(/\b[A-E]\d{3}\b/g) ?? [])
  t.strictSame([...new Set(named)].filter((id) => !table.has(id) && !elsewhere.has(id)).sort(), [])
  t.strictSame([...elsewhere.keys()].filter((id) => table.has(id) || !named.includes(id)), [], 'no exception that nothing needs')
  const columns = algorithms.flatMap((alg) => [`${alg} /protected`, `${alg} verifier`])
  t.comment(['case', ...columns].map((cell) => cell.padEnd(18)).join(''))
  for (const [id, row] of [...table].sort()) t.comment([id, ...columns.map((column) => String(row[column]?.tried ?? 0))].map((cell) => cell.padEnd(18)).join(''))
  t.ok([...table.values()].every((row) => columns.every((column) => (row[column]?.tried ?? 0) > 0)), 'each everywhere')
})
