import { posix } from 'node:path'
import type { Sources } from './sources.ts'

/** The rows of the first table whose first column has this heading, cell by cell. */
export function tableOf (markdown: string, heading: string): string[][] {
  const lines = markdown.split('\n')
  const head = lines.findIndex((line) => line.startsWith(`| ${heading} |`))
  const end = lines.findIndex((line, index) => index > head && !line.startsWith('|'))
  return head === -1 ? [] : lines.slice(head + 2, end === -1 ? lines.length : end).map((line) => line.slice(1, -1).split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll('\\|', '|')))
}

/** docs/errors.md and the registry list the same codes with the same statuses; each has something to say about when and what to do. */
export function compareErrors (markdown: string, registry: Record<string, { status: number }>): string[] {
  const rows = tableOf(markdown, 'code')
  const listed = rows.map(([code = '', status = '']) => `${code.replaceAll('`', '')} ${status}`)
  const registered = Object.entries(registry).map(([code, { status }]) => `${code} ${status}`)
  return [
    ...registered.filter((row) => !listed.includes(row)).map((row) => `docs/errors.md does not list ${row}`),
    ...listed.filter((row) => !registered.includes(row)).map((row) => `docs/errors.md lists ${row}, which is not in the registry`),
    ...listed.filter((row, index) => listed.indexOf(row) !== index).map((row) => `docs/errors.md lists ${row} twice`),
    ...rows.filter(([, , when, remedy]) => !when || !remedy).map(([code]) => `docs/errors.md says too little of ${code}`)
  ]
}

export interface Variable {
  name: string
  default: string
  secret: boolean
  about: string
}

/** The rows that docs/configuration.md has to hold, as configuration itself tells them. */
export function configurationRows (table: readonly Variable[]): string[][] {
  return table.map(({ name, default: value, secret, about }) => [
    secret ? `\`${name}\` \`${name}_FILE\`` : `\`${name}\``, value === 'none' ? value : `\`${value}\``, about
  ])
}

/** The names that may be set, in their order. */
export function configurationNames (table: readonly Variable[]): string[] {
  return table.flatMap(({ name, secret }) => secret ? [name, `${name}_FILE`] : [name])
}

/** A file of variables with every one of them switched on: prose begins with `# `, a variable that is off with `#`. */
export function switchedOn (environment: string): string {
  return environment.replaceAll(/^#(?=[A-Z])/gm, '')
}

/** Links of a page to files that are not there, or to headings that their page does not have. */
export function deadLinks (path: string, sources: Sources): string[] {
  const prose = (sources.get(path) ?? '').replaceAll(/^```.*?^```/gms, '').replaceAll(/`[^`\n]*`/g, '')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target).filter((target) => {
    if (/^[a-z]+:/.test(target)) return false
    const [file = '', anchor] = target.split('#')
    const found = file === '' ? path : posix.join(posix.dirname(path), file)
    return !isThere(found, sources) || (anchor !== undefined && !anchorsOf(sources.get(found) ?? '').includes(anchor))
  }).map((target) => `${path} links to ${target}`)
}

/** Whether a path is a file or a folder of the project. */
export function isThere (path: string, sources: Sources): boolean {
  const folder = path.replace(/\/?$/, '/')
  return sources.has(path) || [...sources.keys()].some((one) => one.startsWith(folder))
}

function anchorsOf (markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading.toLowerCase().replaceAll(/[^\w\s-]/g, '').replaceAll(' ', '-'))
}

/** What the tree of a page names at the project's root. */
export function treeOf (markdown: string): string[] {
  const [, tree = ''] = /^## The tree\n.*?^```\n(.*?)^```/ms.exec(markdown) ?? []
  return tree.split('\n').filter((line) => /^\S/.test(line)).flatMap((line) => (line.split(/ {2,}/)[0] ?? '').split(' '))
}

/** Paths of ours in a page's code spans; `x` stands for any name. */
export function pathsIn (markdown: string): string[] {
  const spans = [...markdown.matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span)
  return spans.filter((span) => /^(?:(?:plugins|routes|schemas|test|docs|deploy|bench|\.ci)\/[\w./-]*|[\w-]+\.(?:[jt]s|json|md))$/.test(span) && !/(?:^|\/)x\b/.test(span))
}
