import { readFileSync } from 'node:fs'
import t from 'tap'
import { type Figure, goals, spreadText, textOf, verdictOf } from '../bench/figures.ts'
import { between, machineText, tableOf } from '../bench/page.ts'
import { byFunction } from '../bench/shares.ts'
import { inTurn, median, percentile, quantile, ratios, spreadOf } from '../bench/slices.ts'
import { chainScript, readWrk, turnsScript } from '../bench/wrk.ts'

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')

t.test('slices', async (t) => {
  t.test('have a median, quartiles and percentiles', async (t) => {
    t.equal(median([3, 1, 2]), 2)
    t.equal(median([4, 1, 2, 3]), 2.5)
    t.equal(quantile([1, 2, 3, 4, 5], 0.25), 2)
    t.equal(quantile([1, 2], 0.75), 1.75)
    t.ok(Number.isNaN(median([])))
    t.equal(percentile([5, 1, 4, 2, 3], 99), 5)
    t.equal(percentile([5, 1, 4, 2, 3], 50), 3)
    t.ok(Number.isNaN(percentile([], 50)))
    t.same(spreadOf([4, 1, 3, 2, 5]), { median: 3, lower: 2, upper: 4, least: 1, most: 5, count: 5 })
  })

  t.test('are divided round by round, so that a drift of the machine does no harm', async (t) => {
    t.same(ratios([10, 5, 20], [20, 10, 40]), [0.5, 0.5, 0.5])
  })

  t.test('come in turn, and the first round is not counted', async (t) => {
    const order: string[] = []
    const given = await inTurn({ a: () => order.push('a'), b: async () => order.push('b') }, 2)
    t.same(order, ['a', 'b', 'a', 'b', 'a', 'b'])
    t.same(given, { a: [3, 5], b: [4, 6] })
    t.same(await inTurn({ a: () => 1 }, 1), { a: [1] })
  })
})

t.test('figures', async (t) => {
  const figure = (values: number[], more: Partial<Figure> = {}): Figure => ({ part: 'gate', name: '/protected, known token ÷ bare Fastify', values, ...more })

  t.test('are judged by their median', async (t) => {
    t.equal(verdictOf(figure([0.1, 0.75, 0.9])), 'reached')
    t.equal(verdictOf(figure([0.6])), 'met')
    t.equal(verdictOf(figure([0.59])), 'missed')
    t.equal(verdictOf(figure([])), '')
    t.equal(verdictOf(figure([0.1], { name: 'something beside' })), '')
    const start = { part: 'start', name: 'first answer ÷ Fastify with @fastify/jwt' }
    t.same([1.25, 1.5, 1.51].map((value) => verdictOf(figure([value], start))), ['reached', 'met', 'missed'])
  })

  t.test('have goals whose aim is beyond their bound', async (t) => {
    for (const [name, { bound, aim, less }] of Object.entries(goals)) t.ok(less === true ? aim < bound : aim > bound, name)
  })

  t.test('are written with their unit and their spread', async (t) => {
    t.same([textOf(0.613), textOf(0.0123), textOf(12.34, 'ms'), textOf(123.4, 'ms'), textOf(90.6, 'MiB')], ['0.61', '0.012', '12.3 ms', '123 ms', '91 MiB'])
    t.same(spreadText(figure([1, 2, 3, 4, 5])), ['3.00', '2.00–4.00', '1.00–5.00'])
    t.same(spreadText(figure([90], { unit: 'MiB' })), ['90 MiB', '–', '–'])
    t.same(spreadText(figure([])), ['–', '–', '–'])
  })
})

t.test('a page', async (t) => {
  t.test('has those with a goal in one table and the others beside', async (t) => {
    const table = tableOf([
      { part: 'gate', name: '/protected, known token ÷ bare Fastify', values: [0.5, 0.5], note: 'of this and that' },
      { part: 'memory', name: 'resident, idle', values: [95], unit: 'MiB' },
      { part: 'gate', name: 'something beside', values: [0.1] }
    ])
    t.match(table, '| /protected, known token ÷ bare Fastify | 0.50 | 0.50–0.50 | 0.50–0.50 | 0.60 | 0.75 | **no** | of this and that |\n')
    t.match(table, '| resident, idle | 95 MiB | – | – | ≤ 100 MiB | ≤ 90 MiB | at least |  |\n')
    t.ok(table.endsWith('| something beside | 0.10 | – | – |  |'))
  })

  t.test('is written between its markers, and nowhere else', async (t) => {
    const page = 'before\n<!-- figures -->\nold\n<!-- /figures -->\nafter\n'
    t.equal(between(page, 'figures', 'new'), 'before\n<!-- figures -->\nnew\n<!-- /figures -->\nafter\n')
    t.throws(() => between(page, 'profile', 'new'), { message: 'the page has no place for profile' })
    for (const name of ['figures', 'profile', 'growth']) t.ok(between(read('docs/performance.md'), name, '').length > 0)
  })

  t.test('names the machine', async (t) => {
    const machine = {
      processor: 'a processor', processors: 2, memory: '4 GiB', system: 'Linux', node: '26.0.0', openssl: '3.5.0', fastify: '5.0.0', argon2: '0.45.1, as it comes from npm', load: 'wrk', pinned: true, loadAverage: '0.1 0.2 0.3'
    }
    t.match(machineText(machine, '2026-11-27'), /^Measured 2026-11-27: 2 processors \(a processor\), .* the load on the second\. Load average before the run: 0\.1 0\.2 0\.3\.$/)
    t.match(machineText({ ...machine, pinned: false }, '2026-11-27'), 'servers and load on the same processors')
  })
})

t.test('a profile is read between two moments, by function, without what was idle', async (t) => {
  const frame = (functionName: string, url: string, lineNumber = 4) => ({ functionName, url, lineNumber })
  const nodes = [
    { id: 1, callFrame: frame('(idle)', '') }, { id: 2, callFrame: frame('send', 'file:///x/node_modules/fastify/lib/reply.js') },
    { id: 3, callFrame: frame('', new URL('../plugins/http.ts', import.meta.url).href) }, { id: 4, callFrame: frame('send', 'file:///x/node_modules/fastify/lib/reply.js') },
    { id: 5, callFrame: frame('(program)', '') }
  ]
  const shares = byFunction({ nodes, startTime: 100, samples: [2, 1, 2, 3, 4, 9, 5, 2], timeDeltas: [10, 10, 10, 10, 10, 10, 10, 900] }, [115, 1000], 10)
  t.same(shares, [
    { name: 'send', where: 'fastify/lib/reply.js', nanoseconds: 2000 },
    { name: 'line 5', where: 'plugins/http.ts', nanoseconds: 1000 },
    { name: '(program)', where: 'V8 and the system', nanoseconds: 1000 }
  ])
})

t.test('wrk is told to ask with tokens in turn, and to send what has a body', async (t) => {
  const script = turnsScript('/protected', [{ headers: { authorization: 'Bearer a.b.c' } }, { headers: { 'content-type': 'application/json' }, body: '{"username":"alice"}' }])
  t.match(script, 'requests[1] = wrk.format("GET", "/protected", { ["authorization"] = "Bearer a.b.c" }, nil)')
  t.match(script, 'requests[2] = wrk.format("POST", "/protected", { ["content-type"] = "application/json" }, "{\\"username\\":\\"alice\\"}")')
})

t.test('wrk is told to go on with what each answer brings', async (t) => {
  const script = chainScript('/refresh', ['gr1_a', 'gr1_b'])
  t.match(script, 'local tokens = { "gr1_a", "gr1_b" }')
  t.match(script, 'wrk.format("POST", "/refresh", headers,')
})

t.test('what wrk says is read, and refused where any answer was not a success', async (t) => {
  t.same(readWrk('  1234 requests in 1.00s, 2MB read\nRequests/sec:   1229.5\n'), { count: 1234, rate: 1229.5 })
  t.throws(() => readWrk('  Non-2xx or 3xx responses: 3\n'), /not every answer was a success/)
})

t.test('the peers are packages of their own, and build on the very Fastify that the service builds on', async (t) => {
  const [{ dependencies: ours, devDependencies }, { dependencies: theirs }] = [read('package.json'), read('bench/peers/package.json')].map((text) => JSON.parse(text))
  for (const name of ['fastify', '@fastify/jwt']) t.equal(theirs[name], ours[name], name)
  for (const name of ['express', 'better-auth', 'autocannon', 'echarts']) t.notOk(name in ours || name in devDependencies, name)
  const lockfile = JSON.parse(read('bench/peers/package-lock.json'))
  t.same(lockfile.packages[''].dependencies, theirs)
  t.same(Object.values<{ resolved?: string }>(lockfile.packages).filter(({ resolved }) => resolved !== undefined), [])
})
