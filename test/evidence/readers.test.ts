import t from 'tap'
import { fromConformance, fromLines, fromMutation, fromSoak, fromTap, withFaults } from './readers.ts'

const tap = `TAP version 14
# Subtest: test/attacks/refresh.test.ts
    # Subtest: H140 a token that returns ends the session
        not ok 1 - inside
    not ok 1 - H140 a token that returns ends the session # time=20.5ms
    # Subtest: H141 another
    ok 2 - H141 another # time=20.5ms
    # 12,000 acknowledged, 0 lost
    # {"fault":"kill -9","store":"SQLite","held":true}
    1..2
    # { total: 2, pass: 1, fail: 1 }
    # time=27.3ms
not ok 1 - test/attacks/refresh.test.ts # time=28437.397ms
# Subtest: test/faults/crash.test.ts
    ok 1 - loses nothing # SKIP no disk
ok 2 - test/faults/crash.test.ts # time=1ms
# { total: 3, pass: 2, fail: 1 }
`

t.test('tests are a row for each file, with the titles of those that failed and what they said', async (t) => {
  const { failed, text } = fromTap({ code: 1, out: tap })
  t.same(failed, ['test/attacks/refresh.test.ts: H140 a token that returns ends the session'])
  t.equal(text, '2 passed, 1 failed.\n\n|  | all | failed |\n|---|---|---|\n| attacks/refresh | 2 | 1 |\n| faults/crash | 1 | 0 |\n\n```text\n12,000 acknowledged, 0 lost\nloses nothing: SKIP no disk\n```')
})

t.test('what ends badly has failed, whatever it says', async (t) => {
  const good = tap.replaceAll('not ok', 'ok')
  t.same(fromTap({ code: 0, out: good }).failed, [])
  t.same(fromTap({ code: 1, out: good }).failed, ['it ended with 1'])
  t.same(fromTap({ code: null, out: good }).failed, ['it did not end in its time'])
  t.same(fromTap({ code: 0, out: 'TAP version 14\n1..0\n' }).failed, ['it found nothing and ended with 0'])
  t.same(fromTap({ code: 1, out: '# Subtest: test/x.test.ts\n    ok 1 - one\nnot ok 1 - test/x.test.ts # time=1ms\n' }).failed, ['test/x.test.ts'], 'a file that fails without a test of its own')
  t.same(fromConformance({ code: 2, out: '' }).failed, ['it found nothing and ended with 2'])
  t.same(fromMutation({ code: null, out: '' }).failed, ['it did not end in its time'])
  t.same(fromSoak({ code: 1, out: '' }, '', '', [], 'soak.svg').failed, ['it found nothing and ended with 1'])
})

t.test('lines are taken as they are, the last of them where they are bad news', async (t) => {
  t.same(fromLines({ code: 0, out: 'a\nb\n' }), { failed: [], text: '```text\na\nb\n```' })
  t.same(fromLines({ code: 1, out: 'a\nTHEY CAN BE TOLD APART\n' }).failed, ['THEY CAN BE TOLD APART', 'it ended with 1'])
})

t.test('conformance is a row for each check', async (t) => {
  const results = [{ name: 'one', outcome: 'holds', detail: '' }, { name: 'two', outcome: 'fails', detail: '200 | 401' }, { name: 'three', outcome: 'not here', detail: 'no metrics' }]
  const { failed, text } = fromConformance({ code: 1, out: JSON.stringify({ results }) })
  t.same(failed, ['two: 200 | 401'])
  t.match(text, '| two | fails | 200 \\| 401 |\n| three | not here | no metrics |')
})

t.test('mutation is a row for each file, and one for each survivor with its reason', async (t) => {
  const files = [{ path: 'a.ts', killed: 9, survivors: [{ line: 3, from: 'x', to: 'y', why: 'the same' }] }, { path: 'b.ts', killed: 0, survivors: [] }]
  const { failed, text } = fromMutation({ code: 0, out: JSON.stringify(files) })
  t.same(failed, [])
  t.match(text, '| a.ts | 10 | 9 | 90.0 % |\n| b.ts | 0 | 0 | not tried |\n| all | 10 | 9 | 90.0 % |')
  t.match(text, '| a.ts:3 | `x` → `y` | the same |')
  const unexplained = JSON.stringify(files).replace('"the same"', 'null')
  t.same(fromMutation({ code: 1, out: unexplained }).failed, ['a.ts:3 `x` → `y`'])
})

t.test('faults are a row for each line they left', async (t) => {
  const lines = '{"fault":"kill -9","store":"sqlite","held":true,"readyAfter":640,"note":"12,000 acknowledged"}\n{"fault":"frozen database","store":"postgresql","held":false,"readyAfter":null}\nnot JSON\n'
  const { failed, text } = withFaults({ failed: ['a test'], text: 'tests' }, lines)
  t.same(failed, ['frozen database postgresql', 'a test'])
  t.equal(text, '| fault | store | held | ready after |  |\n|---|---|---|---|---|\n| kill -9 | sqlite | yes | 640 ms | 12,000 acknowledged |\n| frozen database | postgresql | **no** |  |  |\n\ntests')
  t.same(withFaults({ failed: [], text: 'tests' }, ''), { failed: [], text: 'tests' })
})

t.test('pieces of a soak are put together', async (t) => {
  const soaked = (minutes: number, growth: number, failed = 0) => JSON.stringify({
    minutes, speed: 1, rate: 50, requests: 3000, failed, series: [{ name: 'memory', unit: 'MiB', first: 140, last: 141, growth }, { name: 'descriptors', unit: '', first: 30, last: 30, growth: 0 }]
  })
  const good = { code: 0, out: '' }
  const first = fromSoak(good, soaked(20, 2), '', ['2026-11-27', '`a`'], 'soak.svg')
  t.same(first.failed, [], 'a piece is too short to say that anything grows')
  t.match(first.text, '20.0 minutes in 1 piece: memory 2.00 MiB an hour.')
  t.match(first.text, '| 2026-11-27 | `a` | 20.0 | 50 | 3000 | 0 | 2.00 | 140.0 – 141.0 MiB | 30.0 – 30.0 |')
  const calm = fromSoak(good, soaked(60, 0.5), first.text, ['2026-11-28', '`b`'], 'soak.svg')
  t.match(calm, { failed: [], text: /80\.0 minutes in 2 pieces: memory 0\.88 MiB an hour\./ })
  t.same(fromSoak(good, soaked(60, 1.5), first.text, ['2026-11-28', '`b`'], 'soak.svg').failed, ['memory grows by 1.63 MiB an hour'])
  const poor = fromSoak({ code: 1, out: '    # 3000 requests, 2 failed: {"me 503":"2"}\n' }, soaked(60, 0.5, 2), '', ['2026-11-28', '`b`'], 'soak.svg')
  t.match(poor.text, /\n\n```text\n\{"me 503":"2"\}\n```$/, 'it says what failed')
  const brief = fromSoak(good, soaked(3, 500), calm.text, ['2026-11-29', '`c`'], 'soak.svg')
  t.match(brief, { failed: [], text: /80\.0 minutes in 2 pieces: .*\n\| 2026-11-29 \| `c` \| 3\.0 /s }, 'minutes say nothing')
  t.notMatch(fromSoak(good, soaked(60, 0.5), brief.text, ['2026-11-30', '`d`'], 'soak.svg').text, '2026-11-29')
  t.match(fromSoak(good, soaked(3, 500), '', ['2026-11-29', '`c`'], 'soak.svg').text, /^Too short to say/)
  const kept = fromSoak({ code: 1, out: '' }, '', `\n2026-11-27, commit \`a\`, 20 minutes on a machine.\n\n${first.text}\n`, [], 'soak.svg')
  t.equal(kept.text, first.text, 'one that left no figures takes away none')
})
