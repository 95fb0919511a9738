import { fileURLToPath } from 'node:url'
import t from 'tap'
import { tableOf } from './support/docs.ts'
import { attacksAreSearched } from './support/house.ts'
import { readSources, type Sources } from './support/sources.ts'
import { titlesOf } from './support/titles.ts'

const sources = readSources(fileURLToPath(new URL('..', import.meta.url)))
const page = 'docs/attacks.md'
const anyId = /\b(?:[A-O]\d{3}|CVE-\d{4}-\d+|GHSA(?:-\w{4}){3}|GO-\d{4}-\d+)\b/g
/** Whether a title is of an attack wherever it stands: a suite's own numbers are letters and two digits. */
const attackFolders = /^test\/(?:attacks|races|faults)\/|^test\/support\/attacker\.ts$/

/** What docs/attacks.md and the titles of the tests do not agree about. */
function disagreements (all: Sources): string[] {
  const text = all.get(page) ?? ''
  const listed = [...text.matchAll(/^\| ([A-O]\d{3}|CVE-\d{4}-\d+|GHSA(?:-\w{4}){3}|GO-\d{4}-\d+) \|.*\| (.*?) \|$/gm)]
  const shown = new Map(listed.map(([, id = '', files = '']) => [id, [...files.matchAll(/\]\(\.\.\/([^)]+)\)/g)].map(([, path = '']) => path).sort()]))
  const titled = new Map<string, Set<string>>()
  for (const { path, text: title } of titlesOf(all)) {
    if (attackFolders.test(path)) for (const [id] of title.matchAll(anyId)) titled.set(id, (titled.get(id) ?? new Set()).add(path))
  }
  return [
    ...listed.map(([, id = '']) => id).filter((id, at, ids) => ids.indexOf(id) !== at).map((id) => `${page} lists ${id} twice`),
    ...[...titled.keys()].filter((id) => !shown.has(id)).map((id) => `${page} does not list ${id}`),
    ...[...shown].flatMap(([id, paths]) => {
      const there = [...titled.get(id) ?? []].sort()
      return there.join() === paths.join() ? [] : [`${page} says that ${id} is shown in ${paths.join(' and ')}, and it is in ${there.join(' and ') || 'no file'}`]
    })
  ]
}

t.test('docs/attacks.md lists the cases that the tests name in their titles, with their files, and no other', async (t) => {
  t.same(disagreements(sources), [])
  t.equal((sources.get(page) ?? '').match(/^\| [A-O]\d{3} \|/gm)?.length, 202, 'every case of the families')
  t.ok(tableOf(sources.get(page) ?? '', 'advisory').length >= 40, 'and as many of our own, each with its source')
})

t.test('a case that is listed and not shown, or shown and not listed, is found out', async (t) => {
  const change = (path: string, from: string, to: string) => new Map([...sources, [path, (sources.get(path) ?? '').replace(from, to)]])
  const first = 'test/attacks/algorithms.test.ts'
  t.same(disagreements(change(first, '\'A001 refuses', '\'refuses')), [`${page} says that A001 is shown in ${first}, and it is in no file`])
  t.same(disagreements(change(first, '\'A001 refuses', '\'A001 A999 refuses')), [`${page} does not list A999`])
  t.same(disagreements(change(page, '| A001 |', '| A002 |')).sort(), [`${page} does not list A001`, `${page} lists A002 twice`])
})

t.test('every service that attacks are let at is searched for secrets in the end', async (t) => {
  t.same(attacksAreSearched(sources), [])
})

t.test('an attack on a service that nobody searches is found out', async (t) => {
  const complaint = 'attacks are let at what startAttacked starts'
  const ahead = (path: string, line: string) => attacksAreSearched(new Map([...sources, [path, `${line}\n${sources.get(path) ?? ''}`]]))
  t.same(ahead('test/attacks/new.test.ts', "import { startService } from '../support/service.ts'"), [`test/attacks/new.test.ts:1 startService: ${complaint}`])
  t.same(ahead('test/attacks/new.test.ts', "import { launch as begin } from '../support/service.ts'"), [`test/attacks/new.test.ts:1 launch: ${complaint}`])
  t.same(ahead('test/attacks/new.test.ts', "import { spawn } from 'node:child_process'"), [`test/attacks/new.test.ts:1 node:child_process: ${complaint}`])
  t.match(ahead('test/support/target.ts', "import { startService } from './service.ts'"), [`test/support/target.ts:1 startService: ${complaint}`], 'also through what supports it')
  const idle = new Map([...sources, ['test/attacks/keys-and-discovery.test.ts', '']])
  t.same(attacksAreSearched(idle), ['test/attacks/keys-and-discovery.test.ts is an exception that nothing needs'])
})
