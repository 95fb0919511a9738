import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { mutantsOf } from './mutants.ts'
import { copySources, discard, fails, testsOf, tryMutants } from './run.ts'
import { type Kept, outdated, strangers } from './survivors.ts'

const root = resolve(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const kept: Kept[] = JSON.parse(read('test/mutation/survivors.json'))

/** What mutants make of one statement in a function. */
const changesOf = (statement: string) => mutantsOf(`function f () {\n  ${statement}\n}\n`).map(({ text }) => text.split('\n')[1]?.trim())

t.test('changes conditions, comparisons, logic, numbers, results and statements, one at a time', async (t) => {
  t.same(changesOf('if (a === b) return null'), ['if (a !== b) return null', 'if (true) return null', 'if (false) return null'])
  t.same(changesOf('return a < b && !c'), ['return a <= b && !c', 'return a < b || !c', 'return a < b && c'])
  t.same(changesOf('return [a ?? 7, list.some(f), true]'), ['return [a ?? 7, list.some(f), false]', 'return [a ?? 7, list.every(f), true]', 'return [a ?? 8, list.some(f), true]', 'return [a && 7, list.some(f), true]'])
  t.same(changesOf("return 'rotate'"), ["return ''"])
  t.same(changesOf('count.total += 2'), ['count.total += 3', ''])
  t.same(changesOf('await app.close(now)'), [''])
})

t.test('leaves comments, texts, patterns and types alone', async (t) => {
  for (const statement of ['// if (a === b) return 1', "const text = `a && b`", "call: 'a < 1',", 'const pattern = /a{1,2}/']) t.same(changesOf(statement).filter((one) => one !== ''), [], statement)
  t.same(mutantsOf('export interface A {\n  size: 5\n  flag?: true\n}\ntype B = 1 | 2\n'), [])
})

t.test('knows the tests that stand for a file', async (t) => {
  t.same(testsOf('plugins/sessions/verdict.ts'), ['test/plugins/sessions/verdict.test.ts', 'test/plugins/sessions.test.ts'])
  t.same(testsOf('plugins/access.ts'), ['test/plugins/access.test.ts'])
})

t.test('explains no survivor whose line is not there any more, and every one with a reason', async (t) => {
  t.same(outdated(kept, read), [])
  t.same(kept.filter(({ why }) => why.length < 5), [])
  const mutant = { line: 3, source: 'return a', from: 'a', to: 'b', text: '' }
  const explained = { path: 'x.ts', line: 'return a', from: 'a', to: 'b', why: 'because' }
  t.same(strangers({ path: 'x.ts', killed: 0, survivors: [mutant] }, [explained]), [])
  for (const other of [{ path: 'y.ts' }, { line: 'return c' }, { to: 'c' }]) t.same(strangers({ path: 'x.ts', killed: 0, survivors: [mutant] }, [{ ...explained, ...other }]), ['x.ts:3'])
  t.same(outdated([explained], () => 'return b'), ['x.ts has no line return a'])
})

t.test('sees a test fail where its source is changed, and pass where it is not', async (t) => {
  const folder = copySources()
  t.teardown(() => discard(folder))
  const tests = ['test/plugins/sessions/verdict.test.ts']
  t.equal(await fails(folder, tests), false)
  writeFileSync(join(folder, 'plugins/sessions/verdict.ts'), read('plugins/sessions/verdict.ts').replace('presented > session.counter', 'presented >= session.counter'))
  t.equal(await fails(folder, tests), true)
})

t.test('tries mutants in several copies at once, and leaves each as it was', async (t) => {
  const path = 'plugins/secrets.ts'
  const folders = [copySources(), copySources()]
  t.teardown(() => { for (const folder of folders) discard(folder) })
  const share = 2 / mutantsOf(read(path)).length
  t.same(await tryMutants(folders, path, { share, deadline: Number.POSITIVE_INFINITY }), { path, killed: 2, survivors: [] })
  for (const folder of folders) t.equal(readFileSync(join(folder, path), 'utf8'), read(path))
})
