import { fileURLToPath } from 'node:url'
import t from 'tap'
import { tableOf } from './support/docs.ts'
import { readSources, type Sources } from './support/sources.ts'
import { titlesOf } from './support/titles.ts'

const sources = readSources(fileURLToPath(new URL('..', import.meta.url)))
const page = 'docs/security-requirements.md'

/** S01 to S87 and R01 to R30, without three numbers that nothing has. */
const ids = [
  ...Array.from({ length: 87 }, (_, index) => `S${String(index + 1).padStart(2, '0')}`),
  ...Array.from({ length: 30 }, (_, index) => `R${String(index + 1).padStart(2, '0')}`).filter((id) => !['R08', 'R09', 'R21'].includes(id))
]

interface Row {
  id: string
  state: string
  /** Each with the words that a title in it has to hold. */
  shown: Array<{ path: string, words: string }>
}

function rowsOf (all: Sources): Row[] {
  return (all.get(page) ?? '').split('\n').filter((line) => /^\| [SR]\d\d \|/.test(line)).map((line) => {
    const [id = '', , , state = '', shown = ''] = line.slice(1, -1).split('|').map((cell) => cell.trim())
    return { id, state, shown: [...shown.matchAll(/\]\(\.\.\/([^)]+)\) “([^”]+)”/g)].map(([, path = '', words = '']) => ({ path, words })) }
  })
}

/** What the page and the tests do not agree about. */
function disagreements (all: Sources): string[] {
  const rows = rowsOf(all)
  const titles = titlesOf(all)
  const named = titles.filter(({ path }) => !path.startsWith('test/support/')).flatMap(({ path, text }) => [...text.matchAll(/\b[SR]\d\d\b/g)].map(([id]) => ({ id, path })))
  return [
    ...ids.filter((id) => !rows.some((row) => row.id === id)).map((id) => `${id} is missing`),
    ...rows.map(({ id }) => id).filter((id, index, listed) => listed.indexOf(id) !== index || !ids.includes(id)).map((id) => `${id} does not belong`),
    ...rows.filter(({ state }) => !/^held(?:; .+)?$|^(?:deviates|not yet): .+$/.test(state)).map(({ id, state }) => `${id} is ${state || 'nothing'}`),
    ...rows.filter(({ state, shown }) => state.startsWith('held') && shown.length === 0).map(({ id }) => `${id} is held and nothing shows it`),
    ...rows.flatMap(({ id, shown }) => shown.filter(({ path, words }) => !titles.some((title) => title.path === path && title.text.includes(words))).map(({ path, words }) => `${id}: no title in ${path} says “${words}”`)),
    ...named.filter(({ id, path }) => !rows.some((row) => row.id === id && row.shown.some((one) => one.path === path))).map(({ id, path }) => `${id} is named by ${path}, which its row does not list`)
  ]
}

t.test('docs/security-requirements.md has a row for every requirement, and each names tests that are there', async (t) => {
  t.same(disagreements(sources), [])
  const states = rowsOf(sources).map(({ state }) => state.replace(/[:;].*/, ''))
  t.comment(['held', 'deviates', 'not yet'].map((state) => `${state}: ${states.filter((one) => one === state).length}`).join(', '))
})

t.test('docs/security-requirements.md has every requirement of four chapters of ASVS 5.0', async (t) => {
  const sections: Record<string, number> = { 6.1: 3, 6.2: 12, 6.3: 8, 6.4: 6, 6.5: 8, 6.6: 4, 6.7: 2, 6.8: 4, 7.1: 3, 7.2: 4, 7.3: 2, 7.4: 5, 7.5: 3, 7.6: 2, 9.1: 3, 9.2: 4, 10.1: 2, 10.2: 3, 10.3: 5, 10.4: 16, 10.5: 5, 10.6: 2, 10.7: 3 }
  const wanted = Object.entries(sections).flatMap(([section, count]) => Array.from({ length: count }, (_, index) => `${section}.${index + 1}`))
  const rows = tableOf(sources.get(page) ?? '', 'number')
  const listed = rows.flatMap(([number = '']) => {
    const [first = '', last = first] = number.split('–')
    const section = first.replace(/\.\d+$/, '')
    const [from, to] = [first, last].map((one) => Number(one.split('.')[2])) as [number, number]
    return Array.from({ length: to - from + 1 }, (_, index) => `${section}.${from + index}`)
  })
  t.same(listed.sort(), wanted.sort())
  for (const [number, state, reason] of rows) t.ok(/^(?:held|deviates|not yet|not here|elsewhere)$/.test(state ?? '') && reason !== '', String(number))
})

t.test('a row that is missing, empty, or names a test that is not there is found out', async (t) => {
  const change = (path: string, from: string | RegExp, to: string) => new Map([...sources, [path, (sources.get(path) ?? '').replace(from, to)]])
  t.same(disagreements(change(page, /^\| S01 .*\n/m, '')), ['S01 is missing'])
  t.same(disagreements(change(page, /^\| S02 (.*) held /m, '| S02 $1 fine ')), ['S02 is fine'])
  t.same(disagreements(change(page, '“counts characters from eight on”', '“counts characters from nine on”')), ['S01: no title in test/attacks/registration.test.ts says “counts characters from nine on”'])
  t.same(disagreements(change('test/attacks/registration.test.ts', 'I168 counts characters from eight on', 'I168 S44 counts')), [
    'S01: no title in test/attacks/registration.test.ts says “counts characters from eight on”', 'S44 is named by test/attacks/registration.test.ts, which its row does not list'
  ])
})
