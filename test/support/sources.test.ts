import { fileURLToPath } from 'node:url'
import t from 'tap'
import { codeOf, importsOf, readSources, stringsOf } from './sources.ts'

/** Code and what is left of it, with the blanks as one. A dollar is written § here: a linter takes the other for a slip. */
function left (text: string): string {
  return codeOf(text.replaceAll('§', '$')).replaceAll(/ +/g, ' ').trimEnd()
}

t.test('leaves code, and blanks comments, texts and regular expressions', async (t) => {
  t.equal(left('const a = 1 // process.env'), 'const a = 1')
  t.equal(left('/* a\n * `b` \' */const c = 1'), ' \n const c = 1')
  t.equal(left('f(\'it\\\'s // not\', "a \\" /* b")'), 'f(\' \', " ")')
  t.equal(left('const a = b / c / d // e'), 'const a = b / c / d')
  t.equal(left('if (/[/"\'`]\\/{2}/g.test(a)) b()'), 'if (/ /g.test(a)) b()')
  t.equal(left('return /"/.test(a) ? \'x\' : (b) / 2 / c'), 'return / /.test(a) ? \' \' : (b) / 2 / c')
  t.equal(left('const a = [/\'/, /"/y].map((one) => /`/.exec(one))'), 'const a = [/ /, / /y].map((one) => / /.exec(one))')
})

t.test('keeps the code in templates, however deep', async (t) => {
  t.equal(left('`a §{b} c`'), '` {b} `')
  t.equal(left('`a §{b.map((c) => `d §{c ? `e §{f}` : { g: 1 }.g} h`)} i` + process.env'), '` {b.map((c) => ` {c ? ` {f}` : { g: 1 }.g} `)} ` + process.env')
  t.equal(left('`\\` \\§{ §a §` + Date.now()'), '` ` + Date.now()')
  t.equal(left('`§{\'}\'}` + sql`select`'), '` {\' \'}` + sql` `')
})

t.test('keeps every place and every line of our own sources', async (t) => {
  for (const [path, text] of readSources(fileURLToPath(new URL('../..', import.meta.url)))) {
    if (!/\.[jt]s$/.test(path)) continue
    const code = codeOf(text)
    t.equal(code.length, text.length, path)
    t.equal(code.replaceAll(/[^\n]/g, ''), text.replaceAll(/[^\n]/g, ''), path)
  }
})

t.test('finds every way to name a module', async (t) => {
  const text = [
    "import 'node:one'",
    "import two, { type Two } from './two.ts'",
    'import {',
    '  three, // from \'./nowhere.ts\'',
    '  four',
    "} from \"../three.ts\"",
    "import type { Five } from './five.ts'",
    "import * as six from 'six'",
    "export { seven } from './seven.ts'",
    "export type { Eight } from './eight.ts'",
    "export * from './nine.ts'",
    "const ten = await import('./ten.ts')",
    "type Eleven = import('./eleven.ts').Eleven",
    'const twelve = await import(name)',
    "const thirteen = require('./thirteen.cjs')",
    "declare module '../fourteen.ts' {}"
  ].join('\n')
  t.same(importsOf('a/b/c.ts', text).map(({ kind, typeOnly, target, line }) => [kind, typeOnly, target, line]), [
    ['import', false, 'node:one', 1],
    ['import', false, 'a/b/two.ts', 2],
    ['import', false, 'a/three.ts', 3],
    ['import', true, 'a/b/five.ts', 7],
    ['import', false, 'six', 8],
    ['export', false, 'a/b/seven.ts', 9],
    ['export', true, 'a/b/eight.ts', 10],
    ['export', false, 'a/b/nine.ts', 11],
    ['dynamic', false, 'a/b/ten.ts', 12],
    ['dynamic', false, 'a/b/eleven.ts', 13],
    ['dynamic', false, '', 14],
    ['dynamic', false, 'a/b/thirteen.cjs', 15],
    ['augmentation', false, 'a/fourteen.ts', 16]
  ])
})

t.test('takes nothing for an import that only looks like one', async (t) => {
  const text = [
    "// import a from './a.ts'",
    "const b = \"import b from './b.ts'\"",
    'const c = `',
    "import c from './c.ts'`",
    'const { url } = import.meta',
    "export const d = { from: './d.ts' }",
    "export default fp(e, { name: 'e' })",
    "const important = 'f'"
  ].join('\n')
  t.same(importsOf('a.ts', text), [])
})

t.test('lists quoted texts, and none that a comment holds', async (t) => {
  t.same(stringsOf("f('a', \"b c\", '', `d`) // 'e'"), ['a', 'b c', ''])
})

t.test('reads what is kept, and nothing that is ignored', async (t) => {
  const root = t.testdir({
    '.gitignore': 'node_modules/\n*.log\n',
    '.git': { HEAD: 'ref' },
    '.ci': { run: '#!' },
    node_modules: { a: { 'index.js': '1' } },
    a: { node_modules: { 'b.ts': '1' }, 'c.ts': '2', 'd.log': '3' },
    'e.md': '4'
  })
  t.same([...readSources(root)], [['.ci/run', '#!'], ['.gitignore', 'node_modules/\n*.log\n'], ['a/c.ts', '2'], ['e.md', '4']])
})
