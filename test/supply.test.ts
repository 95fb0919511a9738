import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { type Installed, type Lockfile, type Manifest, productionOf } from './support/packages.ts'
import { readSources } from './support/sources.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const sources = readSources(root)
const lockfile: Lockfile = JSON.parse(sources.get('package-lock.json') ?? '')
const manifest: Manifest = JSON.parse(sources.get('package.json') ?? '')
const production = productionOf(lockfile, manifest)

/** What asks for no more than to be named. Anything else that ships is named here, with the reason. */
const permissive = new Set(['MIT', 'MIT-0', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0', 'BlueOak-1.0.0', '0BSD', 'CC0-1.0', 'Unlicense'])
const named = new Map<string, string>()

/** Packages that ship under a licence that asks for more. */
function demanding (packages: readonly Installed[]): string[] {
  return packages.filter(({ name, license = 'none' }) => !permissive.has(license) && !named.has(name)).map(({ name, license }) => `${name} is ${license ?? 'without a licence'}`)
}

t.test('no package that ships asks for more than to be named', async (t) => {
  t.same(demanding(production), [])
  const [first] = production as [Installed, ...Installed[]]
  t.same(demanding([{ ...first, license: 'GPL-3.0-only' }, { ...first, name: 'other', license: undefined }]), [`${first.name} is GPL-3.0-only`, 'other is without a licence'], 'one that does is found out')
})

t.test('of our own files one is under another licence, which says so beside it', async (t) => {
  const licences = [...sources].filter(([path]) => path.endsWith('.license'))
  t.same(licences.map(([path]) => path), ['plugins/passwords/blocklist.bin.license'])
  t.match(licences[0]?.[1], /CC-BY-SA-3\.0/)
  t.match(sources.get('README.md'), /CC BY-SA 3\.0/, 'and the README names it')
  t.equal((manifest as { license?: string }).license, 'MIT')
})

t.test('npm run sbom lists what production stands on, all of it and nothing else', async (t) => {
  const { stdout } = await promisify(execFile)(process.execPath, ['.ci/sbom.js'], { cwd: root, maxBuffer: 2 ** 25 })
  const { bomFormat, components } = JSON.parse(stdout) as { bomFormat: string, components: Array<{ name: string, version: string, group?: string, hashes?: unknown[] }> }
  t.equal(bomFormat, 'CycloneDX')
  const listed = components.map(({ name, group, version }) => `${group === undefined ? name : `${group}/${name}`}@${version}`)
  t.same([...new Set(listed)].sort(), [...new Set(production.map(({ name, version }) => `${name}@${version}`))].sort())
  t.ok(components.every(({ hashes = [] }) => hashes.length > 0), 'each with its hash')
})
