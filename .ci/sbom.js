// npm run sbom: what production stands on, as CycloneDX on standard output. "npm sbom --omit dev" leaves out what a development package uses as
// well, pg among it: all is asked for here, and what is for development alone is taken out by what the lockfile says.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

const root = new URL('..', import.meta.url)
const { packages } = JSON.parse(readFileSync(new URL('package-lock.json', root), 'utf8'))
const { name, version, optionalDependencies } = packages['']
const nameOf = (path) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
const production = new Set(Object.entries(packages).filter(([path, { dev }]) => path !== '' && dev !== true && !(nameOf(path) in optionalDependencies)).map(([path, entry]) => `${entry.name ?? nameOf(path)}@${entry.version}`))

const whole = JSON.parse(execFileSync('npm', ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only'], { cwd: root, maxBuffer: 2 ** 26 }))
const isKept = (component) => production.has(`${component.group === undefined ? '' : `${component.group}/`}${component.name}@${component.version}`)
const components = whole.components.filter(isKept)
const refs = new Set(components.map((component) => component['bom-ref']))
const own = whole.metadata.component['bom-ref']
const dependencies = whole.dependencies.filter(({ ref }) => ref === own || refs.has(ref)).map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((one) => refs.has(one)) }))
const metadata = { ...whole.metadata, component: { ...whole.metadata.component, type: 'application', name, version } }
process.stdout.write(`${JSON.stringify({ ...whole, metadata, components, dependencies }, null, 2)}\n`)
