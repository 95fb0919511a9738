import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { argon2Build, levels, levelsOf } from '../argon2-build.ts'
import { temporaryFolder } from './support/service.ts'

const run = promisify(execFile)
const cwd = new URL('..', import.meta.url)
const v4 = levels[0]?.flags ?? []
const v3 = levels[1]?.flags ?? []
const cpuinfo = (...processors: Array<readonly string[]>) => processors.map((flags, number) => `processor\t: ${number}\nflags\t\t: fpu sse2 ${flags.join(' ')}\nbugs\t\t: none\n\n`).join('')

t.test('knows the levels that every processor has', async (t) => {
  t.same(levelsOf(cpuinfo(v4, v4)), ['x86-64-v4', 'x86-64-v3'])
  t.same(levelsOf(cpuinfo(v3)), ['x86-64-v3'])
  t.same(levelsOf(cpuinfo(v4, v3)), ['x86-64-v3'], 'the threads may run on any of them')
  t.same(levelsOf(cpuinfo(v4, [])), [])
  t.same(levelsOf(''), [])
  for (const missing of v4) t.notOk(levelsOf(cpuinfo(v4.filter((flag) => flag !== missing))).includes('x86-64-v4'), `not without ${missing}`)
  for (const missing of v3) t.same(levelsOf(cpuinfo(v4.filter((flag) => flag !== missing))), [], `none without ${missing}`)
})

t.test('takes the widest build there is for the machine, and else the one from npm', async (t) => {
  const folder = temporaryFolder(t)
  const file = join(folder, 'cpuinfo')
  const pick = (flags: readonly string[], { platform = 'linux', arch = 'x64' } = {}) => {
    writeFileSync(file, cpuinfo(flags))
    return argon2Build(join(folder, 'native'), { platform, arch, cpuinfo: file })
  }
  const put = (level: string) => {
    const release = join(folder, 'native', level, 'build/Release')
    mkdirSync(release, { recursive: true })
    writeFileSync(join(release, 'argon2.node'), '')
    return join(folder, 'native', level)
  }
  t.equal(pick(v4), null, 'nothing was built')
  const narrow = put('x86-64-v3')
  t.equal(pick(v4), narrow)
  const wide = put('x86-64-v4')
  t.equal(pick(v4), wide)
  t.equal(pick(v3), narrow)
  t.equal(pick([]), null)
  t.equal(pick(v4, { arch: 'arm64' }), null)
  t.equal(pick(v4, { platform: 'darwin' }), null)
})

t.test('every build checks what the others hashed', async (t) => {
  const here = process.platform === 'linux' && process.arch === 'x64'
  const compiler = await Promise.all(['python3', 'make', 'c++'].map((tool) => run(tool, ['--version']))).then(() => true, () => false)
  if (!here || !compiler) return t.comment('NOT BUILT: this takes Linux on x86-64 with python3, make and c++.')
  const folder = temporaryFolder(t)
  await run('npm', ['run', '--silent', 'build:argon2', '--', folder], { cwd })
  const runnable = levelsOf(readFileSync('/proc/cpuinfo', 'utf8'))
  t.equal(argon2Build(folder), runnable[0] === undefined ? null : join(folder, runnable[0]))

  const builds = [new URL('../node_modules/argon2', import.meta.url).pathname, ...runnable.map((level) => join(folder, level))]
  const inBuild = async (build: string, expression: string) => {
    const program = `const { hash, verify } = require('argon2'); ${expression}.then((result) => console.log(JSON.stringify([result, Object.keys(require.cache).find((path) => path.endsWith('.node'))])))`
    const { stdout } = await run(process.execPath, ['-e', program], { cwd, env: { PATH: process.env['PATH'], ARGON2_PREBUILD: build } })
    const [result, loaded] = JSON.parse(stdout)
    t.ok(loaded.startsWith(build), `${build} was loaded`)
    return result
  }
  const made = await Promise.all(builds.map((build) => inBuild(build, "hash('correct horse battery staple', { memoryCost: 19456, timeCost: 2, parallelism: 1 })")))
  for (const build of builds) {
    t.same(await inBuild(build, `Promise.all(${JSON.stringify(made)}.map((digest) => verify(digest, 'correct horse battery staple')))`), made.map(() => true))
    t.same(await inBuild(build, `Promise.all(${JSON.stringify(made)}.map((digest) => verify(digest, 'correct horse battery stable')))`), made.map(() => false))
  }
})
