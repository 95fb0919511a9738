import t from 'tap'
import { createRemoteRevocations, unasked } from '../../../plugins/revocations/remote.ts'
import { readAnswer } from '../../../plugins/strict-json/answer.ts'

const start = 1_000_000

/** What was thrown, but for its words. */
function failure (work: () => unknown): object {
  try {
    work()
  } catch (error) {
    return { ...error as object }
  }
  throw new Error('nothing was thrown')
}

/** An issuer that answers as it is told to, and a clock to turn. */
function setUp (options: { maxAge?: number, clientSecret?: string } = {}) {
  const world = {
    now: start,
    answer: async (): Promise<Response> => Response.json({ active: true }),
    asked: [] as Array<{ address: string, init: RequestInit }>,
    failures: [] as unknown[]
  }
  const revocations = createRemoteRevocations({
    introspectionEndpoint: 'https://auth.test/oauth/introspect',
    clientId: 'a client',
    clientSecret: 's:e cret',
    maxAge: 5,
    ...options,
    fetch: async (address, init) => {
      world.asked.push({ address: `${address}`, init: init as RequestInit })
      return world.answer()
    },
    now: () => world.now,
    readJson: readAnswer,
    onFailure: (error) => { world.failures.push(error) },
    unavailable: () => Object.assign(new Error('unavailable'), { code: 'unavailable' })
  })
  const look = (tokenId = 'j', token = 'a.b.c') => revocations.isRevoked({ tokenId, expiresAt: 0 }, token)
  /** Looks, asks where it has to, and looks again. */
  const settle = async (tokenId = 'j', token = 'a.b.c') => {
    try {
      return look(tokenId, token)
    } catch (error) {
      if ((error as { reason?: string }).reason !== unasked) throw error
      await revocations.ask(tokenId)
      return look(tokenId, token)
    }
  }
  return { world, revocations, look, settle }
}

t.test('asks about a token once in its max age, by form and HTTP Basic', async (t) => {
  const { world, look, settle } = setUp()
  t.strictSame(failure(() => look()), { reason: unasked, tokenId: 'j' })
  t.equal(await settle(), false)
  const [{ address, init }] = world.asked as [{ address: string, init: RequestInit }]
  t.equal(address, 'https://auth.test/oauth/introspect')
  t.match(init, { method: 'POST', redirect: 'error', headers: { authorization: `Basic ${Buffer.from('a%20client:s%3Ae%20cret').toString('base64')}` } })
  t.equal(`${init.body}`, 'token=a.b.c')
  world.now += 4999
  t.equal(look(), false)
  world.now += 1
  t.match(failure(() => look()), { reason: unasked })
  world.answer = async () => Response.json({ active: false })
  t.equal(await settle(), true)
  t.equal(world.asked.length, 2)
})

t.test('shares one question among all who ask at once', async (t) => {
  const { world, revocations, look } = setUp()
  for (let count = 0; count < 20; count++) t.match(failure(() => look()), { reason: unasked })
  const asked = revocations.ask('j')
  t.match(failure(() => look()), { reason: unasked }, 'not answered yet')
  await Promise.all([asked, ...Array.from({ length: 20 }, () => revocations.ask('j'))])
  t.equal(world.asked.length, 1)
  t.equal(look(), false)
  await revocations.ask('never looked for')
  t.equal(world.asked.length, 1)
})

t.test('takes nothing but true for active', async (t) => {
  for (const body of [{ active: 'true' }, { active: 1 }, {}, { active: null }]) {
    const { world, settle } = setUp()
    world.answer = async () => Response.json(body)
    t.equal(await settle(), true, JSON.stringify(body))
  }
})

t.test('is unavailable for a second where the issuer does not answer, tells why, and asks again then', async (t) => {
  const answers: Array<[string, () => Promise<Response>]> = [
    ['no connection', async () => { throw new Error('refused') }],
    ['401', async () => Response.json({ error: 'invalid_client' }, { status: 401 })],
    ['503', async () => new Response('', { status: 503 })],
    ['no JSON', async () => new Response('<html>')],
    ['null', async () => Response.json(null)],
    ['too long', async () => new Response('{"active":true}'.padEnd(16 * 1024 + 1))]
  ]
  for (const [what, answer] of answers) {
    const { world, settle, look } = setUp()
    world.answer = answer
    await t.rejects(settle(), { code: 'unavailable' }, what)
    t.equal(world.failures.length, 1, what)
    world.now += 999
    t.throws(() => look(), { code: 'unavailable' }, what)
    world.now += 1
    world.answer = async () => Response.json({ active: true })
    t.equal(await settle(), false, what)
    t.equal(world.asked.length, 2, what)
  }
})

t.test('reads an answer of sixteen KiB', async (t) => {
  const { world, settle } = setUp()
  world.answer = async () => new Response('{"active":true}'.padEnd(16 * 1024))
  t.equal(await settle(), false)
})

t.test('remembers ten thousand answers and no more', async (t) => {
  const { world, settle, look } = setUp()
  await settle('first')
  await settle('second')
  world.now += 5000
  await settle('first')
  for (let id = 0; id < 9999; id++) await settle(`${id}`)
  t.equal(world.asked.length, 10_002)
  t.strictSame([look('first'), look('0'), look('9998')], [false, false, false])
  t.match(failure(() => look('second')), { reason: unasked }, 'the one answered first left')
})

t.test('stops reading where there is too much', async (t) => {
  const { world, settle } = setUp()
  let sent = 0
  let isCancelled = false
  world.answer = async () => new Response(new ReadableStream({
    pull (controller) {
      sent += 4096
      // So that what reads to the end has one.
      if (sent > 64 * 1024) controller.close()
      else controller.enqueue(Buffer.alloc(4096, ' '))
    },
    cancel () { isCancelled = true }
  }))
  await t.rejects(settle(), { code: 'unavailable' })
  t.match(world.failures, [{ message: 'the issuer answered with too much' }])
  t.ok(sent <= 32 * 1024, `${sent} bytes`)
  t.ok(isCancelled, 'and says so')
})
