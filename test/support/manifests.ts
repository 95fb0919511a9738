import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { DCLinter } from 'dclint'
import type { Test } from 'tap'
import { parse as parseYaml } from 'yaml'
import { configurationTable, readConfig } from '../../config.ts'
import { pairs, parse as parseDockerfile, type Stage, textOf } from './dockerfile.ts'
import { configurationNames } from './docs.ts'
import { temporaryFolder } from './service.ts'

/** The repository's root. */
export const root = fileURLToPath(new URL('../..', import.meta.url))

export const read = (path: string) => readFileSync(join(root, path), 'utf8')

/** Merge keys are of YAML 1.1, and Compose reads them. */
export const parse = (text: string) => parseYaml(text, { merge: true })

/** Milliseconds that a drain takes at most after DRAIN_DELAY, as docs/configuration.md says, and one second for the process to end. */
export const finish = 4500

/** What the image says of itself. */
export function readImage () {
  const last = parseDockerfile(read('Dockerfile')).stages.at(-1) as Stage
  return {
    environment: pairs(textOf(last, 'ENV') ?? ''),
    user: textOf(last, 'USER') ?? '',
    port: Number(textOf(last, 'EXPOSE')),
    healthcheck: JSON.parse((textOf(last, 'HEALTHCHECK') ?? '').replace(/^.*?CMD /s, '')) as string[],
    tag: `gatehouse:${JSON.parse(read('package.json')).version}`
  }
}

/** A file of Kubernetes objects with its lines about a change of SECRET_KEY switched on; or one of Compose. */
export function withFormerKey (text: string): string {
  return text.replaceAll(/^( *)# (.*secret-key-previous.*|- name: SECRET_KEY_PREVIOUS_FILE)$/gim, '$1$2')
}

/** What the service makes of an environment in the image, where each secret is the file that it is mounted as. Throws with the names that it does not know, and where it would not start. */
export function configured (t: Test, environment: Record<string, string>, secrets: Record<string, string>) {
  const folder = temporaryFolder(t)
  const known = configurationNames(configurationTable)
  const strangers = Object.keys(environment).filter((name) => !known.includes(name))
  if (strangers.length > 0) throw new Error(`there is no ${strangers.join(', no ')}`)
  const mounted = Object.entries(environment).map(([name, value]) => {
    if (!name.endsWith('_FILE')) return [name, value]
    const file = join(folder, name)
    writeFileSync(file, secrets[value] ?? '')
    return [name, file]
  })
  return readConfig({ ...readImage().environment, ...Object.fromEntries(mounted) }, { processors: 2, memory: 2 ** 30 })
}

/** What is wrong with a Compose file: by the specification's schema, and by what the linter knows to go wrong. */
export function composeFaults (t: Test, text: string): string[] {
  const file = join(temporaryFolder(t), 'compose.yaml')
  writeFileSync(file, text)
  const linter = new DCLinter({ rules: Object.fromEntries(matters.map((rule) => [rule, 0])), quiet: true, debug: false, exclude: [] })
  return linter.lintFiles([file], false).flatMap(({ messages }: { messages: Array<{ rule: string, message: string }> }) => messages.map(({ rule, message }) => `${rule}: ${message}`))
}

/** The linter's matters of taste, and that nginx is published on every address, which is what it is for. */
const matters = ['no-build-and-image', 'no-unbound-port-interfaces', 'require-quotes-in-ports', 'service-dependencies-alphabetical-order', 'service-keys-order', 'services-alphabetical-order', 'top-level-properties-order']

export interface KubernetesObject {
  apiVersion: string
  kind: string
}

/** Every object of a folder, by its kind. */
export function kubernetesObjects (folder: string): Map<string, KubernetesObject & Record<string, never>> {
  const files = readdirSync(join(root, folder)).filter((name) => name.endsWith('.yaml'))
  return new Map(files.map((name) => parse(read(`${folder}/${name}`))).map((object) => [object.kind, object]))
}

/** Where the models of an object's kind are: Kubernetes' own, or those of whoever brings kinds of its own. */
function moduleOf ({ apiVersion }: KubernetesObject): string {
  const [, guest] = /\b(istio|traefik)\.io\//.exec(apiVersion) ?? []
  return guest === undefined ? `kubernetes-models/${apiVersion}` : `@kubernetes-models/${guest}/${apiVersion}`
}

/** What Kubernetes would refuse: values by the API's schemas, members that it does not know by its types. */
export async function kubernetesFaults (objects: readonly KubernetesObject[]): Promise<string[]> {
  const values = await Promise.all(objects.map(async (object) => {
    const { [object.kind]: Model } = await import(moduleOf(object)) as Record<string, new (data: object) => { validate (): void }>
    if (Model === undefined) return [`there is no ${object.apiVersion} ${object.kind}`]
    try {
      new Model(object).validate()
      return []
    } catch (error) {
      return [`${object.kind}: ${(error as Error).message}`]
    }
  }))
  return [...values.flat(), ...await strangeMembers(objects)]
}

/** The compiler refuses what a literal has beyond its type. */
async function strangeMembers (objects: readonly KubernetesObject[]): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-manifests-'))
  try {
    mkdirSync(join(folder, 'node_modules'))
    const lines = objects.map((object, number) => {
      const models = JSON.stringify(join(root, 'node_modules', moduleOf(object), 'index.js'))
      return `import type { I${object.kind} as Type${number} } from ${models}\nexport const object${number}: Type${number} = ${JSON.stringify(object)}\n`
    })
    writeFileSync(join(folder, 'objects.mts'), lines.join(''))
    // tap would have the compiler, too, load what measures coverage.
    const compile = promisify(execFile)('env', ['-u', 'NODE_OPTIONS', join(root, 'node_modules/.bin/tsc'), '--ignoreConfig', '--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--types', '', 'objects.mts'], { cwd: folder })
    return await compile.then(() => [], (error: { stdout: string, stderr: string }) => {
      const lines = error.stdout.split('\n').filter((line) => /: error TS\d+: /.test(line))
      if (lines.length === 0) throw new Error(`the compiler did not run: ${error.stderr}`)
      return lines
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
}
