import { posix } from 'node:path'
import { codeOf, type Import, importsOf, lineAt, type Sources, stringsOf } from './sources.ts'

// The rules of docs/architecture.md about what may stand where. Each takes the sources and gives the faults: no faults, no words.

/** Behind a door Fastify is not known, but for these, which are about Fastify's own options. */
const fastifyBehindDoors = new Map([
  ['plugins/errors/unparsed.ts', 'makes clientErrorHandler and frameworkErrors, whose arguments are Fastify\'s: types alone'],
  ['plugins/http/log.ts', 'makes the logger\'s options, one of which has to extend Fastify\'s LogController'],
  ['plugins/http/request-logger.ts', 'is a logger, by Fastify\'s own type of one']
])

/** Where a real clock is read. Everything else is handed the time by `app.clock`, which a test can turn. */
const clocks = new Map([
  ['cli/doctor/outside.ts', 'compares the real clock with those of others'],
  ['plugins/clock.ts', 'is the clock'],
  ['plugins/database/sqlite.ts', 'measures a wait for another process\'s lock: monotonic, and over before any test would turn it'],
  ['plugins/drain.ts', 'bounds the end of the process: monotonic, beside real sockets'],
  ['plugins/errors/unparsed.ts', 'writes the Date header that Node writes on every other answer'],
  ['plugins/http/log.ts', 'stamps log lines: when the line was written, whatever the app takes the time to be']
])

/** Where the code of an error is chosen as the program runs, and why no literal can stand there. */
const chosenCodes = new Map([
  ['plugins/accounts.ts', 'answers what the user repository says is taken'],
  ['plugins/administration.ts', 'does so as well']
])

/** Codes that need no `errors.create('…')`, with a file that decides on them. */
const decidedCodes = new Map([
  ['username_taken', 'plugins/users/repository.ts'],
  ['email_taken', 'plugins/users/repository.ts'],
  ['request_timeout', 'plugins/errors/unparsed.ts'],
  ['payload_too_large', 'plugins/errors/unparsed.ts'],
  ['uri_too_long', 'plugins/errors/unparsed.ts'],
  ['expectation_failed', 'plugins/errors/unparsed.ts'],
  ['headers_too_large', 'plugins/errors/unparsed.ts'],
  ['internal', 'plugins/errors.ts']
])

/** Where attacks start processes by themselves, and why nothing of those has to be searched. */
const ownProcesses = new Map([
  ['test/attacks/forged-headers.test.ts', 'starts what its configuration ends, and reads all that it writes'],
  ['test/attacks/keys-and-discovery.test.ts', 'starts what never listens, and reads all that it writes']
])

/** Where something is written into a statement as it is. */
const writers = new Map([
  ['plugins/audit-chain/repository.ts', 'writes one number, which is a constant'],
  ['plugins/database/dialect.ts', 'writes the names of columns, types, channels and locks, which are in the sources']
])

const entries = ['server.ts', 'cli.ts']
/** What is loaded ahead of an entry, and what it may load. */
const preload = { path: 'check-node.js', target: 'argon2-build.ts' }
const schemaLibrary = '@sinclair/typebox'
const routeLibraries = [schemaLibrary, '@fastify/type-provider-typebox', 'fastify']

/** What runs in production: the files of the root and of the five folders. */
export function productOf (sources: Sources): Array<[string, string]> {
  return [...sources].filter(([path]) => /^(?:(?:cli|config|plugins|routes|schemas)\/.*|[^/]+)\.[jt]s$/.test(path))
}

/** Every door by its plugin's name: `plugins/x.ts`. */
export function doorsOf (sources: Sources): Map<string, string> {
  return new Map([...sources.keys()].flatMap((path) => {
    const name = /^plugins\/([^/]+)\.ts$/.exec(path)?.[1]
    return name === undefined ? [] : [[name, path]]
  }))
}

/** What puts plugins together: the service, and the guard alone for other services. */
const compositions = ['app.ts', 'verifier.ts']

/** 1. `schemas/` imports TypeBox and its siblings and exports data. */
export function schemasAreData (sources: Sources): string[] {
  return below('schemas/', sources).flatMap(([path, text]) => [
    ...importsOf(path, text)
      .filter(({ kind, target }) => kind === 'dynamic' || (target !== schemaLibrary && !target.startsWith('schemas/')))
      .map((found) => `${at(path, found)} imports ${named(found)}: schemas know TypeBox and each other`),
    ...places(path, text, /=>|\b(?:function|class|get|set|process|globalThis)\b(?!\s*:)/g).map((place) => `${place}: schemas are data`)
  ])
}

/** 2. A plugin knows another by its decorator and `dependencies`, at most by a type from its door. What is behind a door is its own. */
export function pluginsMeetAtDoors (sources: Sources): string[] {
  const faults = productOf(sources).flatMap(([path, text]) => importsOf(path, text).flatMap((found) => {
    const complaint = isOurs(found) || ['', 'node:module'].includes(found.specifier) ? trespass(path, found) : fastifyTrespass(path, found)
    return complaint === null ? [] : [`${at(path, found)} imports ${named(found)}: ${complaint}`]
  }))
  return [...faults, ...idle(fastifyBehindDoors, (path) => importsOf(path, sources.get(path) ?? '').some(isFastify))]
}

/** Why a file may not import one of ours, by the arrows of docs/architecture.md; null where it may. */
function trespass (path: string, { kind, typeOnly, target, specifier }: Import): string | null {
  const owner = /^plugins\/([^/]+)(?:\/|\.ts$)/.exec(path)?.[1]
  if (path === preload.path && target === 'node:module') return null
  if (specifier === '' || target === 'node:module') return 'a module is named where it is imported'
  if (!specifier.startsWith('.')) return 'ours are named by a relative path'
  if (target.startsWith('plugins/') && target.split('/').length > 2) return target.startsWith(`plugins/${owner}/`) ? null : 'what is behind a door is the plugin\'s own'
  if (target.startsWith('schemas/')) return null
  if (target.startsWith('config/')) return path === 'config.ts' ? null : 'what is behind config.ts is its own'
  if (compositions.includes(path)) return typeOnly || /^(?:plugins|routes)\//.test(target) ? null : 'a composition knows plugins and routes'
  if (target.startsWith('plugins/')) return typeOnly || kind === 'augmentation' ? null : 'a door gives others types alone'
  if (path === preload.path && target === preload.target) return null
  if (target.startsWith('cli/')) return path === 'cli.ts' || path.startsWith('cli/') ? null : 'what is behind cli.ts is its own'
  if (path.startsWith('cli/')) return ['app.ts', 'config.ts'].includes(target) ? null : 'a command knows app.ts and config.ts'
  if (entries.includes(path)) return ['app.ts', 'config.ts'].includes(target) ? null : 'an entry knows app.ts and config.ts'
  return 'the arrows do not point there'
}

function fastifyTrespass (path: string, found: Import): string | null {
  const behind = path.startsWith('plugins/') && path.split('/').length > 2
  return behind && isFastify(found) && !fastifyBehindDoors.has(path) ? 'behind a door nothing knows Fastify' : null
}

/** 3. A route translates HTTP: it imports schemas and the libraries that type it, and leaves queries and transactions to plugins. */
export function routesTranslate (sources: Sources): string[] {
  return below('routes/', sources).flatMap(([path, text]) => [
    ...importsOf(path, text)
      .filter((found) => isOurs(found) ? !found.target.startsWith('schemas/') : found.kind !== 'augmentation' && !routeLibraries.includes(found.target))
      .map((found) => `${at(path, found)} imports ${named(found)}: a route knows schemas and the libraries that type it`),
    ...importsOf(path, text).filter((found) => found.target === 'fastify' && !found.typeOnly)
      .map((found) => `${at(path, found)} imports ${named(found)}: a route needs Fastify's types alone`),
    ...places(path, text, /\b(?:queries|transaction|Kysely)\b|\bdatabase\b(?!\.ping\b)|\bapp\s*(?:\?\.\s*)?\[/g).map((place) => `${place}: a route asks the database for nothing but a ping`),
    ...stringsOf(text).filter((value) => /\b(?:select .+ from|insert into|update .+ set|delete from)\b/i.test(value)).map((value) => `${path} holds SQL: ${value}`)
  ])
}

/** 4. Queries live in repositories and in the database plugin: migrations, dialects, and the door's ping. What stands in them is in the sources, values are parameters (ASVS 1.2.4). */
export function queriesLiveInRepositories (sources: Sources): string[] {
  const builders = /\b(?:selectFrom|insertInto|replaceInto|updateTable|deleteFrom|mergeInto|selectNoFrom|executeQuery|(?:create|alter|drop)Table)\b|\bsql(?=[`.])/g
  const raw = /\bsql\s*\.\s*(?:raw|lit)\b|\b(?:CompiledQuery|RawBuilder)\s*\.\s*raw\b/g
  const written = productOf(sources).flatMap(([path, text]) => places(path, text, raw).map((place) => ({ path, place })))
  const elsewhere = productOf(sources).flatMap(([path, text]) => {
    if (path.startsWith('plugins/database/') || /^plugins\/.*\/[\w-]*repository[\w-]*\.ts$/.test(path)) return []
    const isDoor = path === 'plugins/database.ts'
    return [
      ...places(path, text, builders).filter((place) => !(isDoor && place.endsWith(' selectNoFrom'))).map((place) => `${place}: queries live in repositories`),
      ...importsOf(path, text).filter(({ target, typeOnly }) => target === 'node:sqlite' || target === 'pg' || (/^kysely\b/.test(target) && !typeOnly && !isDoor))
        .map((found) => `${at(path, found)} imports ${named(found)}: the database is reached through its plugin`),
      ...stringsOf(text).filter((value) => value.search(builders) === 0).map((value) => `${path} names ${value}: queries live in repositories`)
    ]
  })
  return [
    ...elsewhere,
    ...written.filter(({ path }) => !writers.has(path)).map(({ place }) => `${place}: values are parameters`),
    ...idle(writers, (path) => written.some((one) => one.path === path))
  ]
}

/** 5. The environment is read by the entries and what is loaded ahead of them; all else gets its slice of the configuration. */
export function entriesReadTheEnvironment (sources: Sources): string[] {
  return productOf(sources).filter(([path]) => ![...entries, preload.path].includes(path)).flatMap(([path, text]) => [
    ...places(path, text, /(?<![.\w])process\b(?:\s*(?:\?\.|\.)\s*(?:env|loadEnvFile)\b|(?!\s*(?:\?\.|\.)\s*\w))/g),
    ...importsOf(path, text).filter(({ target }) => /^(?:node:)?process$/.test(target)).map((found) => `${at(path, found)} ${named(found)}`)
  ].map((place) => `${place}: configuration comes as options`))
}

/** 7. What is thrown is in the registry (schemas/errors.ts), and what is in the registry can be thrown. */
export function errorsAreRegistered (sources: Sources, registry: readonly string[]): string[] {
  const created = productOf(sources).flatMap(([path, text]) => createdCodes(path, text))
  const literal = new Set(created.flatMap(({ code }) => code ?? []))
  const isHeld = (code: string, path: string) => stringsOf(sources.get(path) ?? '').includes(code)
  return [
    ...created.filter(({ path, code }) => code === undefined && !chosenCodes.has(path)).map(({ place }) => `${place}: the code is not a literal`),
    ...created.filter(({ code }) => code !== undefined && !registry.includes(code)).map(({ place, code }) => `${place}: ${code} is not in the registry`),
    ...registry.filter((code) => !literal.has(code) && !decidedCodes.has(code)).map((code) => `schemas/errors.ts: nothing can produce ${code}`),
    ...[...decidedCodes].filter(([code, path]) => !isHeld(code, path)).map(([code, path]) => `${path} does not decide on ${code}`),
    ...idle(chosenCodes, (path) => created.some((one) => one.path === path && one.code === undefined))
  ]
}

function createdCodes (path: string, text: string): Array<{ path: string, place: string, code: string | undefined }> {
  const code = codeOf(text)
  return [...code.matchAll(/\berrors\s*\.\s*create\s*\(\s*(')?/g)].map((found) => {
    const start = found.index + found[0].length
    const name = found[1] === undefined ? undefined : text.slice(start, code.indexOf('\'', start))
    return { path, place: `${path}:${lineAt(text, found.index)} errors.create`, code: name }
  })
}

/** 8. Time comes from the clock, chance from node:crypto, and nothing in production asks whether it is being tested. */
export function timeComesFromTheClock (sources: Sources): string[] {
  const readings = /\bDate\s*\.\s*now\b|\bnew\s+Date\b(?!\s*\(\s*[^\s)])|(?<!\bnew\s+)\bDate\s*\(|\bDate\s*\[|=\s*Date\b(?!\s*[.(])|\bperformance\s*\.\s*now\b|\bhrtime\b|\bTemporal\s*\.\s*Now\b/g
  const isRead = (path: string) => places(path, sources.get(path) ?? '', readings).length > 0
  return [
    ...productOf(sources).flatMap(([path, text]) => [
      ...(clocks.has(path) ? [] : places(path, text, readings).map((place) => `${place}: time comes from app.clock`)),
      ...places(path, text, /\bMath\s*(?:\.\s*random\b|\[)|=\s*Math\b(?!\s*\.)/g).map((place) => `${place}: chance comes from node:crypto`),
      ...places(path, text, /\bNODE_ENV\b|\bis_?test\b|\btest_?only\b|\bfor_?test(?:s|ing)?\b/gi).map((place) => `${place}: production knows no tests`)
    ]),
    ...idle(clocks, isRead)
  ]
}

/** Black-box tests see what a client sees: neither they nor what helps them imports a file of the service. */
export function blackBoxStaysOutside (sources: Sources): string[] {
  const isProduct = new Set(productOf(sources).map(([path]) => path))
  return below('test/black-box/', sources).flatMap(([path]) => [...reach(path, sources)].filter((found) => isProduct.has(found)).map((found) => `${path} reaches ${found}`))
}

/** Whatever service an attack is let at is searched for secrets in the end: it comes from `startAttacked`, by itself or through what supports attacks. */
export function attacksAreSearched (sources: Sources): string[] {
  const door = 'test/support/attacked.ts'
  const service = 'test/support/service.ts'
  const complaint = 'attacks are let at what startAttacked starts'
  const startsProcesses = (path: string) => importsOf(path, sources.get(path) ?? '').filter(({ target }) => /^(?:node:)?child_process$/.test(target)).map((found) => `${at(path, found)} ${named(found)}: ${complaint}`)
  return [
    ...below('test/attacks/', sources).flatMap(([path]) => [
      ...[...reach(path, sources, new Set([door, service]))].filter((reached) => reached.startsWith('test/') && ![door, service].includes(reached))
        .flatMap((reached) => places(reached, sources.get(reached) ?? '', /\b(?:startService|launch)\b/g)).map((place) => `${place}: ${complaint}`),
      ...ownProcesses.has(path) ? [] : startsProcesses(path)
    ]),
    ...idle(ownProcesses, (path) => startsProcesses(path).length > 0)
  ]
}

function reach (path: string, sources: Sources, seen = new Set<string>()): Set<string> {
  if (seen.has(path) || !sources.has(path)) return seen
  seen.add(path)
  for (const { target } of importsOf(path, sources.get(path) ?? '')) reach(target, sources, seen)
  return seen
}

function below (folder: string, sources: Sources): Array<[string, string]> {
  return [...sources].filter(([path]) => path.startsWith(folder) && path.endsWith('.ts'))
}

/** Lines of code where a pattern holds, as `path:line what`. Comments and strings are not code. */
function places (path: string, text: string, pattern: RegExp): string[] {
  const code = codeOf(text)
  return [...code.matchAll(pattern)].map(({ index, 0: found }) => `${path}:${lineAt(code, index)} ${found}`)
}

/** Exceptions that nothing needs any more. */
function idle (exceptions: ReadonlyMap<string, string>, isNeeded: (path: string) => boolean): string[] {
  return [...exceptions.keys()].filter((path) => !isNeeded(path)).map((path) => `${path} is an exception that nothing needs`)
}

function isOurs ({ specifier }: Import): boolean {
  return /^(?:\.|\/|file:|#)/.test(specifier)
}

function isFastify ({ target }: Import): boolean {
  return /^(?:fastify|@fastify\/.*|fastify-.*)$/.test(target)
}

function at (path: string, { line }: Import): string {
  return `${path}:${line}`
}

function named ({ specifier }: Import): string {
  return specifier === '' ? 'what is worked out when it runs' : specifier
}

/** The camelCase of a file's name. */
export function camelCase (name: string): string {
  return name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
}

/** The name a path has without folders and ending. */
export function nameOf (path: string): string {
  return posix.basename(path).replace(/\.[jt]s$/, '')
}
