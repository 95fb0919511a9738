import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const program = fileURLToPath(new URL('../../.ci/totals', import.meta.url))

/** What .ci/totals makes of an output of tap: its lines, and whether the run may pass. */
function totals (output: string) {
  const { stdout, status } = spawnSync('bash', [program], { input: output, encoding: 'utf8' })
  return { lines: stdout.trimEnd().split('\n'), passes: status === 0 }
}

t.test('ends with what passed and what failed', async (t) => {
  t.same(totals('TAP version 14\nok 1 - a.test.ts\n# { total: 22, pass: 22 }\n# time=615.317ms\n'), { lines: ['22 passed, 0 failed'], passes: true })
})

t.test('adds up several runs', async (t) => {
  t.same(totals('# { total: 22, pass: 22 }\nok\n# { total: 3, pass: 2, skip: 1 }\n'), { lines: ['1 skipped or still to do', '24 passed, 0 failed'], passes: true })
  t.same(totals('# { total: 22, pass: 21, fail: 1 }\n# { total: 3, pass: 3 }\n').passes, false)
})

t.test('fails a run in which a test failed', async (t) => {
  t.same(totals('# { total: 3, pass: 1, fail: 2 }\n'), { lines: ['1 passed, 2 failed'], passes: false })
  t.same(totals('# { total: 1, pass: 0, fail: 1 }\n'), { lines: ['0 passed, 1 failed'], passes: false })
})

t.test('counts what was skipped or is still to do as neither', async (t) => {
  t.same(totals('# { total: 5, pass: 3, todo: 1, skip: 1 }\n'), { lines: ['2 skipped or still to do', '3 passed, 0 failed'], passes: true })
  t.same(totals('# { total: 7, pass: 4, fail: 1, todo: 1, skip: 1 }\n'), { lines: ['2 skipped or still to do', '4 passed, 1 failed'], passes: false })
  t.same(totals('# { total: 1, pass: 0, skip: 1 }\n'), { lines: ['1 skipped or still to do', '0 passed, 0 failed'], passes: false })
})

t.test('reads an output with bytes that are no text', async (t) => {
  t.same(totals('ok 1 - refuses \0 and \ud800\n# { total: 1, pass: 1 }\n'), { lines: ['1 passed, 0 failed'], passes: true })
})

t.test('fails a run in which no test ran', async (t) => {
  for (const output of ['', 'No test files found\n', 'Bail out! no more\n# { total: 0, pass: 0 }\n']) {
    t.same(totals(output), { lines: ['0 passed, 0 failed'], passes: false })
  }
})

t.test('believes closing lines alone, and only where it adds up', async (t) => {
  t.same(totals('    # { total: 9, pass: 9 }\n# { total: 4, pass: 4 }\nok - prints "# { total: 1, pass: 1 }"\n'), { lines: ['4 passed, 0 failed'], passes: true })
  t.same(totals('# { total: 4, pass: 4 }\n# { total: 1, fail: 1 }\n'), { lines: ['4 passed, 1 failed'], passes: false })
  t.same(totals('# { total: 9, pass: 4 }\n'), { lines: ['4 passed, 0 failed'], passes: false })
})
