import { readFileSync } from 'node:fs'
import t from 'tap'
import { rowsOf, sectionOf, written } from './page.ts'
import { parts } from './parts.ts'

const circumstances = { date: '2026-11-27', commit: '`0123456789`', minutes: 2.345, machine: 'a machine; load average before 0.1 0.2 0.3' }
const names = ['attacks', 'faults', 'soak']
const empty = `# Evidence\n\n<!-- parts -->\n<!-- /parts -->\n${names.map((name) => `\n## ${name}\n\n<!-- ${name} -->\n<!-- /${name} -->\n`).join('')}`
const held = { failed: [], text: 'all of it' }

t.test('says when, at which commit and on what a part was run, and what it found', async (t) => {
  const page = written(empty, names, 'attacks', held, circumstances)
  t.equal(sectionOf(page, 'attacks').trim(), '2026-11-27, commit `0123456789`, 2.3 minutes on a machine; load average before 0.1 0.2 0.3.\n\nall of it')
  t.same(rowsOf(page), [
    { name: 'faults', state: 'not run yet', rest: ['', '', ''] }, { name: 'soak', state: 'not run yet', rest: ['', '', ''] },
    { name: 'attacks', state: 'held', rest: ['2026-11-27', '`0123456789`', '2.3'] }
  ])
  t.match(page, '\n0 of 3 parts failed, 2 not run.\n')
})

t.test('keeps what it says of the parts that were not run again', async (t) => {
  const first = written(empty, names, 'attacks', { failed: ['a | b'], text: 'old' }, circumstances)
  const second = written(first, names, 'soak', held, { ...circumstances, date: '2026-11-28', commit: '`abcdef0123`' })
  t.equal(sectionOf(second, 'attacks'), sectionOf(first, 'attacks'))
  t.same(rowsOf(second).map(({ name, state, rest }) => [name, state, rest[0]]), [['attacks', '**failed**: a | b', '2026-11-27'], ['faults', 'not run yet', ''], ['soak', 'held', '2026-11-28']], 'failures first')
  const third = written(second, names, 'attacks', held, { ...circumstances, date: '2026-11-29' })
  t.match(third, '0 of 3 parts failed, 1 not run.')
  t.notMatch(sectionOf(third, 'attacks'), 'old')
  t.same(rowsOf(third).map(({ name, rest }) => [name, rest[0]]), [['faults', ''], ['attacks', '2026-11-29'], ['soak', '2026-11-28']])
})

t.test('names five failures at the top and all of them in the section', async (t) => {
  const failed = Array.from({ length: 7 }, (_, number) => `failure ${number}`)
  const page = written(empty, names, 'faults', { failed, text: '' }, circumstances)
  t.equal(rowsOf(page)[0]?.state, '**failed**: failure 0; failure 1; failure 2; failure 3; failure 4; and 2 more')
  t.match(sectionOf(page, 'faults'), '\n- failure 6\n')
  t.match(page, '1 of 3 parts failed, 2 not run.')
})

t.test('has no place for a part that the page does not know', async (t) => {
  t.throws(() => written(empty, [...names, 'nothing'], 'nothing', held, circumstances), { message: 'the page has no place for nothing' })
})

t.test('docs/evidence.md has a section for every part, and each has a row', async (t) => {
  const page = readFileSync(new URL('../../docs/evidence.md', import.meta.url), 'utf8')
  t.same([...page.matchAll(/^## (.+)$/gm)].map(([, name]) => name), [...Object.keys(parts), 'what was found'])
  t.same(rowsOf(page).map(({ name }) => name).sort(), Object.keys(parts).sort())
  for (const { name, state, rest: [date = '', commit = ''] } of rowsOf(page)) {
    if (state === 'not run yet') t.equal(sectionOf(page, name).trim(), '', name)
    else t.ok(/^\d{4}-\d\d-\d\d$/.test(date) && sectionOf(page, name).includes(`${date}, commit ${commit},`), `${name} was run when its row says`)
  }
})
