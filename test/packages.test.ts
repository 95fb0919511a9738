import { fileURLToPath } from 'node:url'
import t from 'tap'
import {
  type AdvisoryFloor, belowFloor, compareVersions, installedOf, type Locked, type Lockfile, looseEntries, type Manifest, productionOf, reaches, unpinned
} from './support/packages.ts'
import { readSources } from './support/sources.ts'

const sources = readSources(fileURLToPath(new URL('..', import.meta.url)))
const read = (path: string) => JSON.parse(sources.get(path) ?? '')
const lockfile: Lockfile = read('package-lock.json')
const manifest: Manifest = read('package.json')
const floor: AdvisoryFloor = read('test/advisory-floor.json')

const mostDirect = 25
const mostInProduction = 160

/** The lockfile with one entry changed or added. */
function doctored (path: string, change: Locked): Lockfile {
  return { packages: { ...lockfile.packages, [path]: { ...lockfile.packages[path], ...change } } }
}

t.test('versions', async (t) => {
  t.test('are ordered as semver orders them', async (t) => {
    const ordered = ['0.9.9', '1.0.0-alpha', '1.0.0', '1.0.9', '1.0.10', '1.2.0', '1.10.0', '2.0.0', '10.0.0']
    t.same(ordered.toReversed().sort(compareVersions), ordered)
    t.equal(compareVersions('1.2.3+one', '1.2.3+two-three'), 0)
    t.throws(() => compareVersions('1.2', '1.2.0'), { message: '1.2 is no version' })
    t.throws(() => compareVersions('1.2.0', 'latest'), { message: 'latest is no version' })
  })

  t.test('reach a floor within their own line, or beyond every line', async (t) => {
    const least = ['3.1.9', '4.2.3']
    for (const version of ['3.1.9', '3.1.10', '3.2.0', '4.2.3', '4.3.0', '5.0.0']) t.ok(reaches(version, least), version)
    for (const version of ['2.9.9', '3.1.8', '3.1.9-rc.1', '4.0.0', '4.2.2', '4.2.3-beta']) t.notOk(reaches(version, least), version)
  })
})

t.test('the lockfile', async (t) => {
  t.test('holds no package with a known advisory, and none that must not come in', async (t) => {
    t.same(belowFloor(lockfile, floor), [])
  })

  t.test('is refused with an older, a forbidden or a misplaced package in it', async (t) => {
    const faults = (path: string, change: Locked) => belowFloor(doctored(path, change), floor).map((fault) => fault.split(': ')[0])
    t.same(faults('node_modules/fastify', { version: '5.12.7' }), ['node_modules/fastify is 5.12.7, below 5.12.8'])
    t.same(faults('node_modules/fast-jwt', { version: '6.3.6-rc.1' }), ['node_modules/fast-jwt is 6.3.6-rc.1, below 6.3.6'])
    t.same(faults('node_modules/ajv/node_modules/fast-uri', { version: '3.1.8' }), ['node_modules/ajv/node_modules/fast-uri is 3.1.8, below 3.1.9 and 4.2.3'])
    t.same(faults('node_modules/tap/node_modules/@fastify/jwt', { version: '9.0.0' }), ['node_modules/tap/node_modules/@fastify/jwt is 9.0.0, below 10.2.8'])
    t.same(faults('node_modules/jwt-alias', { name: 'fast-jwt', version: '5.0.0' }), ['node_modules/jwt-alias is 5.0.0, below 6.3.6'])
    t.same(faults('node_modules/x/node_modules/@fastify/middie', { version: '9.9.9' }), ['node_modules/x/node_modules/@fastify/middie must not be used'])
    t.same(faults('node_modules/@fastify/express', { version: '9.9.9' }), ['node_modules/@fastify/express must not be used'])
    t.same(faults('node_modules/@fastify/rate-limit', { version: '11.1.9' }), ['node_modules/@fastify/rate-limit is 11.1.9, below 11.2.0'])
    t.same(belowFloor(lockfile, { ...floor, least: { ...floor.least, fastify: { versions: ['5.12.8'], because: 'of this', absent: true } } }), ['fastify is installed and listed as absent'])
    t.same(faults('', { dependencies: { '@fastify/static': '10.1.11' } }), ['package.json uses @fastify/static'])
    t.same(belowFloor(lockfile, { ...floor, least: { ...floor.least, fastfy: { versions: ['1.0.0'], because: 'of this' } } }),
      ['fastfy is not installed and has a floor: a misspelt name would hold nothing'])
  })

  t.test('pins every package by its content, names no registry, and lets no script run that is not allowed', async (t) => {
    t.same(looseEntries(lockfile, manifest), [])
    const faults = (change: Locked) => looseEntries(doctored('node_modules/kysely', change), manifest)
    t.same(faults({ integrity: '' }), ['node_modules/kysely has no sha512'])
    t.same(faults({ integrity: 'sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=' }), ['node_modules/kysely has no sha512'])
    t.same(faults({ resolved: 'kysely.tgz' }), ['node_modules/kysely names a registry'])
    t.same(faults({ hasInstallScript: true }), ['node_modules/kysely has an install script that allowScripts does not name'])
    t.same(looseEntries(lockfile, { ...manifest, allowScripts: { ...manifest.allowScripts, kysely: true } }), ['allowScripts names kysely, which has no install script'])
  })

  t.test('holds the exact versions that package.json asks for', async (t) => {
    t.same(unpinned(lockfile, manifest), [])
    t.same(unpinned(lockfile, { ...manifest, dependencies: { ...manifest.dependencies, kysely: '^0.29.9' } }), ['package.json asks for kysely ^0.29.9'])
    const { name, version, dependencies, devDependencies, optionalDependencies } = read('package.json')
    t.match(lockfile.packages[''], { name, version, dependencies, devDependencies, optionalDependencies })
  })
})

t.test(`production stands on ${mostDirect} direct packages and ${mostInProduction} in all, at most`, async (t) => {
  const direct = Object.keys(manifest.dependencies)
  const production = productionOf(lockfile, manifest)
  t.comment(`${direct.length} direct, ${production.length} in production, ${installedOf(lockfile).length} in all`)
  t.ok(direct.length <= mostDirect)
  t.ok(production.length <= mostInProduction)
  t.same(direct.filter((name) => !production.some((one) => one.name === name)), [], 'those that are counted are those that are installed')
})

t.test('what npm brings beside them is Node.js itself, one version for every platform', async (t) => {
  t.same(Object.keys(manifest.optionalDependencies).filter((name) => !/^node-(?:bin-)?(?:linux|darwin|win)-(?:x64|arm64)$/.test(name)), [])
  t.equal(new Set(Object.values(manifest.optionalDependencies)).size, 1)
})

t.test('what bundles the image is one package with a lockfile of its own, held as ours are', async (t) => {
  const [locked, asked]: [Lockfile, Manifest] = [read('.ci/bundle/package-lock.json'), { ...read('.ci/bundle/package.json'), devDependencies: {}, optionalDependencies: {} }]
  t.same(looseEntries(locked, asked), [])
  t.same(unpinned(locked, asked), [])
  t.same(installedOf(locked).map(({ name }) => name).filter((name) => !/^@esbuild\/[a-z0-9]+-[a-z0-9]+$/.test(name)), ['esbuild'], 'and its programs, one for each platform')
})

t.test('no file names a registry host', async (t) => {
  const registry = /\bregistry\.[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}\b|\bnpm\.pkg\.[a-z]+\.com\b|^\s*(?:@[\w-]+:)?registry\s*=/im
  t.same([...sources].filter(([, text]) => registry.test(text)).map(([path]) => path), [])
  t.match(`https://registry${'.npmjs.org'}/kysely`, registry)
  t.match(`registry ${'='} https://mirror.internal/`, registry)
})
