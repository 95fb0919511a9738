import { camelCase, doorsOf, nameOf, productOf } from './house.ts'
import { codeOf, importsOf, lineAt, type Sources } from './sources.ts'

// The rules about shapes and names: doors, the map, files and their tests. As in house.ts: no faults, no words.

/** Sources without a test of their own, and where they are shown to work. */
const testedElsewhere = new Map([
  ['app.ts', 'is what every test builds']
])

/** Doors with several request decorators, and why one would not do. */
const severalDecorators = new Map([
  ['plugins/access.ts', 'says who calls, which is a user or a client and never both']
])

/** What docs/architecture.md says of a plugin, read from its door. */
export interface Door {
  name: string
  path: string
  dependencies: string[]
  /** On the instance. */
  decorators: string[]
  /** On a request. */
  requestDecorators: string[]
}

/** A door ends in `fp(…, { name, dependencies, fastify })`; null where this one does not. */
export function readDoor (path: string, text: string): Door | null {
  const options = /,\s*\{\s*name: '([^']*)',\s*(?:dependencies: \[([^\]]*)\],\s*)?fastify: '5\.x'\s*\}\)/.exec(text)
  if (options === null || !/^export default fp\b/m.test(codeOf(text))) return null
  const [, name = '', dependencies = ''] = options
  return { name, path, dependencies: words(dependencies), decorators: decorated(text, 'decorate'), requestDecorators: decorated(text, 'decorateRequest').filter((one) => one !== '') }
}

function words (list: string): string[] {
  return [...list.matchAll(/'([^']*)'/g)].map(([, word = '']) => word)
}

/** The names that a door adds by `.decorate(` or `.decorateRequest(`; empty for one that is no literal, such as a symbol. */
function decorated (text: string, call: string): string[] {
  const code = codeOf(text)
  return [...code.matchAll(new RegExp(`\\.${call}\\s*\\(\\s*(')?`, 'g'))].map(({ index, 0: found, 1: quote }) => {
    const start = index + found.length
    return quote === undefined ? '' : text.slice(start, code.indexOf(quote, start))
  })
}

/** A door is named after its file, adds one decorator of that name, and depends on every plugin whose decorator it or its folder uses. */
export function doorsAreAlike (sources: Sources): string[] {
  const doors = [...doorsOf(sources).values()].map((path) => ({ path, door: readDoor(path, sources.get(path) ?? '') }))
  const known = doors.flatMap(({ door }) => door ?? [])
  return [
    ...doors.filter(({ door }) => door === null).map(({ path }) => `${path}: a door is export default fp(…, { name, dependencies, fastify: '5.x' })`),
    ...known.flatMap((door) => [...misnamed(door), ...unknownDependencies(door, known), ...undeclaredUses(door, known, sources)]),
    ...foldersWithoutDoor(sources),
    ...[...severalDecorators.keys()].filter((path) => (known.find((door) => door.path === path)?.requestDecorators.length ?? 0) < 2).map((path) => `${path} is an exception that nothing needs`)
  ]
}

function misnamed ({ name, path, decorators, requestDecorators }: Door): string[] {
  const own = camelCase(nameOf(path))
  return [
    ...(name === nameOf(path) ? [] : [`${path}: the plugin is called ${name}`]),
    ...decorators.filter((decorator) => decorator !== own).map((decorator) => `${path} adds app.${decorator || '…'}: a door adds app.${own} alone`),
    ...(decorators.length > 1 || (requestDecorators.length > 1 && !severalDecorators.has(path)) ? [`${path} adds more than one decorator`] : [])
  ]
}

function unknownDependencies ({ path, dependencies }: Door, known: Door[]): string[] {
  return dependencies.filter((dependency) => !known.some(({ name }) => name === dependency)).map((dependency) => `${path} depends on ${dependency}, which is not there`)
}

function undeclaredUses (door: Door, known: Door[], sources: Sources): string[] {
  const files = [...sources].filter(([path]) => path === door.path || path.startsWith(`plugins/${door.name}/`))
  return files.flatMap(([path, text]) => [...codeOf(text).matchAll(/\b(app|request)\.(\w+)/g)].flatMap(({ index, 1: on, 2: member = '' }) => {
    const owner = known.find(({ decorators, requestDecorators }) => (on === 'app' ? decorators : requestDecorators).includes(member))
    if (owner === undefined || owner === door || door.dependencies.includes(owner.name)) return []
    return [`${path}:${lineAt(text, index)} uses ${on}.${member}: ${door.path} does not depend on ${owner.name}`]
  }))
}

function foldersWithoutDoor (sources: Sources): string[] {
  const folders = new Set([...sources.keys()].flatMap((path) => /^plugins\/([^/]+)\//.exec(path)?.[1] ?? []))
  return [...folders].filter((folder) => !doorsOf(sources).has(folder)).map((folder) => `plugins/${folder}/ has no door plugins/${folder}.ts`)
}

/** The files that app.ts registers, in the order of start. */
export function startOrder (sources: Sources): string[] {
  const text = sources.get('app.ts') ?? ''
  const imported = importsOf('app.ts', text).flatMap(({ target, line }) => {
    const name = /^import (\w+)/.exec(text.split('\n')[line - 1] ?? '')?.[1]
    return name === undefined ? [] : [[name, target] as const]
  })
  const targets = new Map(imported)
  return [...codeOf(text).matchAll(/\bapp\.register\((\w+)/g)].map(([, name = '']) => targets.get(name) ?? name)
}

/** app.ts registers every plugin and every route once, and decides nothing. */
export function appIsTheMap (sources: Sources): string[] {
  const order = startOrder(sources)
  const expected = [...doorsOf(sources).values(), ...[...sources.keys()].filter((path) => path.startsWith('routes/'))]
  const code = codeOf(sources.get('app.ts') ?? '')
  return [
    ...expected.filter((path) => !order.includes(path)).map((path) => `app.ts does not register ${path}`),
    ...order.filter((path, index) => order.indexOf(path) !== index).map((path) => `app.ts registers ${path} twice`),
    ...order.filter((path) => !expected.includes(path)).map((path) => `app.ts registers ${path}, which is neither a plugin nor a route`),
    ...[...code.matchAll(/\b(?:if|for|while|switch|try)\b/g)].map(({ index, 0: word }) => `app.ts:${lineAt(code, index)} ${word}: the map holds no logic`)
  ]
}

const longest = 300

/** Files are short, kebab-case nouns that say what is in them; nothing in them is put off, and no line ends in a semicolon. */
export function filesAreNamedAndShort (sources: Sources): string[] {
  return [...sources].filter(([path]) => /\.[jt]s$/.test(path)).flatMap(([path, text]) => {
    const code = codeOf(text)
    const said = [
      [/(?:^|\/)(?:index|utils?|helpers?|misc)\.[jt]s$/.test(path), 'says nothing of what is in it'],
      [/(?:^|\/)(?:src|lib|utils?|helpers?|services|types)\//.test(path), 'is in a folder that says nothing of what is in it'],
      [!/^(?:\.?[a-z0-9]+(?:-[a-z0-9]+)*\/)*[a-z0-9]+(?:-[a-z0-9]+)*(?:\.test)?\.[jt]s$/.test(path), 'is not kebab-case'],
      [text.split('\n').length - 1 > longest, `is longer than ${longest} lines`],
      [/\b(?:TO[D]O|FIX[M]E)\b/.test(text), 'puts something off'],
      [/;[ ]*$/m.test(code), 'has a line that ends in a semicolon'],
      [path.startsWith('test/') && /\.(?:skip|todo|only)\s*\(|\b(?:skip|todo|only):/.test(code), 'leaves a test out']
    ] as const
    return said.filter(([holds]) => holds).map(([, fault]) => `${path} ${fault}`)
  })
}

/** Tests mirror the sources, path for path: every source has its test, and every test below test/cli, test/plugins and so on its source. */
export function testsMirrorSources (sources: Sources): string[] {
  const tested = productOf(sources).map(([path]) => path).filter((path) => !path.startsWith('schemas/') && !path.startsWith('plugins/database/migrations/'))
  const testOf = (path: string) => `test/${path.replace(/\.[jt]s$/, '.test.ts')}`
  const mirrors = new Set(tested.map(testOf))
  return [
    ...tested.filter((path) => !sources.has(testOf(path)) && !testedElsewhere.has(path)).map((path) => `${path} has no test: ${testOf(path)} is missing`),
    ...[...sources.keys()].filter((path) => /^test\/(?:cli|config|plugins|routes|schemas)\/.*\.test\.ts$/.test(path) && !mirrors.has(path)).map((path) => `${path} tests nothing that is there`),
    ...[...testedElsewhere.keys()].filter((path) => !sources.has(path) || sources.has(testOf(path))).map((path) => `${path} is an exception that nothing needs`)
  ]
}
