// Puts what the image runs into a folder: node .ci/bundle/bundle.js FOLDER
// Our sources and the packages become a few files of JavaScript. From the sources, a start reads some thousand files and takes the types out of
// ours, every time anew where nothing can be written. Lines and names stay, so that a stack still says what happened; of two alike, one gets a number.
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix, relative, resolve } from 'node:path'
import { build } from 'esbuild'

const root = join(import.meta.dirname, '../..')
const folder = resolve(process.argv[2])

/** Packages that stay as they are: native code, files that are read from beside it, and what has to be one with what an operator adds. */
const kept = ['argon2', 'bcrypt', '@fastify/swagger', '@fastify/swagger-ui', '@opentelemetry/api']
/** Not here. Where an operator adds them, they are found. */
const added = ['pg-native', 'pg-cloudflare', '@fastify/otel', '@opentelemetry/*']

/** What a source reads is found from where the source lay. */
const places = {
  name: 'places',
  setup ({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const place = relative(root, path)
      const contents = readFileSync(path, 'utf8')
        .replaceAll('import.meta.url', `new URL('./${place}', import.meta.url)`)
        .replaceAll('import.meta.dirname', `(import.meta.dirname + '/${posix.dirname(place)}')`)
      return { contents, loader: 'ts' }
    })
  }
}

/** To import node:http is to read everything it exports, and for some of that Node.js loads all that fetch is made of: 25 ms. To require it is not. */
const http = {
  name: 'http',
  setup ({ onLoad, onResolve }) {
    onResolve({ filter: /^node:http$/ }, ({ kind, path }) => kind === 'import-statement' ? { path, namespace: 'required' } : { external: true })
    onLoad({ filter: /./, namespace: 'required' }, ({ path }) => ({ contents: `module.exports = require('${path}')` }))
  }
}

const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: ['check-node.js', 'server.ts', 'cli.ts'],
  outdir: folder,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  external: [...kept, ...added],
  plugins: [places, http],
  // For packages in CommonJS, which require what Node.js brings.
  banner: { js: 'import { createRequire } from \'node:module\'; const require = createRequire(import.meta.url)' },
  metafile: true,
  logLevel: 'warning'
})

for (const file of ['package.json', 'plugins/passwords/blocklist.bin', 'plugins/passwords/blocklist.bin.license']) cpSync(join(root, file), join(folder, file))

const whole = kept.reduce((found, name) => withDependencies(name, root, found), new Set())
for (const place of whole) cpSync(place, join(folder, relative(root, place)), { recursive: true })

/** Of what is in the bundle, package.json and licence, which some have in their README: who looks for packages finds them all. */
const bundled = new Set(Object.keys(metafile.inputs).flatMap((path) => path.match(/^.*node_modules\/(?:@[^/]+\/)?[^/]+/) ?? []).map((path) => join(root, path)))
for (const place of bundled.difference(whole)) for (const name of ['package.json', ...licencesOf(readdirSync(place))]) cpSync(join(place, name), join(folder, relative(root, place), name))

// What a start loads is compiled here and now, by a process whose hashes are the same each time.
execFileSync(process.execPath, ['--hash-seed=1', join(import.meta.dirname, 'compile.js'), folder], { stdio: ['ignore', 'ignore', 'inherit'] })

function licencesOf (names) {
  const licences = names.filter((name) => /^(?:licen[cs]e|notice|copying)/i.test(name))
  return licences.length > 0 ? licences : names.filter((name) => /^readme/i.test(name))
}

/** The folders of a package and of all that it depends on, as Node.js finds them from `from`. */
function withDependencies (name, from, found) {
  const place = join(from, 'node_modules', name)
  if (!existsSync(place)) return withDependencies(name, dirname(from), found)
  if (found.has(place)) return found
  const { dependencies = {} } = JSON.parse(readFileSync(join(place, 'package.json'), 'utf8'))
  return Object.keys(dependencies).reduce((all, one) => withDependencies(one, place, all), found.add(place))
}
