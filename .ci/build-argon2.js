// Compiles argon2's own sources for wider processors, beside the build that comes from npm:
//   npm run build:argon2 [-- FOLDER]
// It needs python3, make and a C++ compiler. argon2-build.ts picks among the results at each start.
import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { levels, levelsOf } from '../argon2-build.ts'

const root = join(import.meta.dirname, '..')
const folder = resolve(process.argv[2] ?? join(root, 'native'))
const source = join(root, 'node_modules/argon2')
const product = 'build/Release/argon2.node'
/** RFC 9106's argon2id, with the parameters that are hashed with by default. */
const check = 'require("argon2").hash("password", { salt: Buffer.alloc(16, 1), type: 2, memoryCost: 19456, timeCost: 2, parallelism: 1 }).then(console.log)'

mkdirSync(folder, { recursive: true })
if (process.platform !== 'linux' || process.arch !== 'x64') {
  process.stdout.write(`Nothing to build on ${process.platform} ${process.arch}: the build from npm serves.\n`)
} else {
  for (const { name } of levels) build(name)
}

function build (name) {
  // Inside this project, because the sources look for node-addon-api above them.
  const work = mkdtempSync(join(root, 'node_modules/.argon2-'))
  try {
    cpSync(source, work, { recursive: true, filter: (path) => path !== join(source, 'prebuilds') })
    compile(work, name)
    if (runs(name) && hashes(work) !== hashes(source)) throw new Error(`the build for ${name} hashes otherwise than the one from npm`)
    mkdirSync(join(folder, name, dirname(product)), { recursive: true })
    cpSync(join(work, product), join(folder, name, `${product}.new`))
    chmodSync(join(folder, name, `${product}.new`), 0o644)
    // A service that has the old one loaded keeps it.
    renameSync(join(folder, name, `${product}.new`), join(folder, name, product))
    process.stdout.write(`${join(folder, name)}\n`)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

function compile (cwd, name) {
  const nodeGyp = process.env.npm_config_node_gyp
  if (nodeGyp === undefined) throw new Error('node-gyp comes with npm: run "npm run build:argon2"')
  // The headers of the very Node.js that runs this: none are fetched.
  const headers = dirname(dirname(process.execPath))
  const flags = `-march=${name}`
  execFileSync(process.execPath, [nodeGyp, 'rebuild', '--release', `--nodedir=${headers}`], { cwd, env: { ...process.env, CFLAGS: flags, CXXFLAGS: flags }, stdio: ['ignore', 'ignore', 'inherit'] })
}

function runs (name) {
  return levelsOf(readFileSync('/proc/cpuinfo', 'utf8')).includes(name)
}

function hashes (build) {
  return execFileSync(process.execPath, ['-e', check], { cwd: root, env: { ...process.env, NODE_OPTIONS: '', ARGON2_PREBUILD: build }, encoding: 'utf8' })
}
