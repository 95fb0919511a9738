import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'

/** What the project's files say, by their path below its root. */
export type Sources = ReadonlyMap<string, string>

/** One place where a file names another module. */
export interface Import {
  kind: 'import' | 'export' | 'dynamic' | 'augmentation'
  /** True for `import type` and `export type`; `import { type X }` still loads the module. */
  typeOnly: boolean
  /** As written; empty where it is worked out when the program runs. */
  specifier: string
  /** The path below the root for a module of ours, else the package or node: module. */
  target: string
  line: number
}

/** Every file that is kept: what .gitignore names and git's own folder are left out. */
export function readSources (root: string): Sources {
  const ignored = ['.git/', ...readFileSync(join(root, '.gitignore'), 'utf8').split('\n').filter((line) => line !== '')]
  const isIgnored = (name: string) => ignored.some((pattern) => pattern === name || `${pattern}/` === name || (pattern.startsWith('*') && name.endsWith(pattern.slice(1))))

  function filesBelow (folder: string): string[] {
    return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
      const path = posix.join(folder, entry.name)
      if (isIgnored(entry.isDirectory() ? `${entry.name}/` : entry.name)) return []
      return entry.isDirectory() ? filesBelow(path) : [path]
    })
  }

  return new Map(filesBelow('.').sort().map((path) => [path, readFileSync(join(root, path), 'utf8')]))
}

// Each is tried where it may begin. A template is read in parts: up to an expression in it, and from the expression's end.
const blank = {
  comment: /\/\/.*|\/\*[\s\S]*?\*\//y,
  string: /'(?:\\[\s\S]|[^'\\\n])*'|"(?:\\[\s\S]|[^"\\\n])*"/y,
  template: /[`}](?:\\[\s\S]|\$(?!\{)|[^`\\$])*(?:`|\$\{)/y,
  expression: /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\//y
}
const plain = /[^'"`/{}]+/y
const beforeExpression = /(?:^|[(,=:[!&|?{;+\-*%~^<>]|\b(?:return|typeof|case|in|of|throw|await|yield))\s*$/

/**
 * The code alone: in comments, strings, templates and regular expressions every character but the first, the last and
 * the line ends is a space. Places and lines stay what they are in the text.
 */
export function codeOf (text: string): string {
  const depths: number[] = []
  let code = ''
  let at = 0
  while (at < text.length) {
    const kind = kindAt(text, at, depths)
    const found = kind === undefined ? undefined : match(kind, text, at)
    const piece = found ?? match(plain, text, at) ?? text.charAt(at)
    code += found === undefined ? piece : blanked(piece)
    at += piece.length
    keepDepth(depths, piece)
  }
  return code
}

function kindAt (text: string, at: number, depths: number[]): RegExp | undefined {
  const char = text.charAt(at)
  if (char === '/' && /[/*]/.test(text.charAt(at + 1))) return blank.comment
  if (char === '\'' || char === '"') return blank.string
  if (char === '`' || (char === '}' && depths.at(-1) === 0)) return blank.template
  if (char === '/' && beforeExpression.test(text.slice(Math.max(0, at - 40), at))) return blank.expression
  return undefined
}

function match (kind: RegExp, text: string, from: number): string | undefined {
  kind.lastIndex = from
  return kind.exec(text)?.[0]
}

/** How many braces are open in each template expression that is open. */
function keepDepth (depths: number[], piece: string): void {
  if (piece.length > 1 && piece.startsWith('}')) depths.pop()
  if (/^[`}]/.test(piece) && piece.endsWith('${')) depths.push(0)
  const last = depths.length - 1
  if (last >= 0 && piece === '{') depths[last] = (depths[last] ?? 0) + 1
  if (last >= 0 && piece === '}') depths[last] = (depths[last] ?? 0) - 1
}

function blanked (piece: string): string {
  if (/^\/[/*]/.test(piece)) return piece.replace(/[^\n]/g, ' ')
  return piece[0] + piece.slice(1, -1).replace(/[^\n]/g, ' ') + piece.slice(-1)
}

const statements: Array<[Import['kind'], RegExp]> = [
  ['import', /^[ \t]*import\b(?!\s*[(.])(?<type>\s+type\b(?!\s+from\b|\s*,))?[^'"();]*(?<quote>['"])/gm],
  ['export', /^[ \t]*export(?<type>\s+type)?\s*(?:\*[^'"();]*|\{[^}]*\})\s*from\s*(?<quote>['"])/gm],
  ['dynamic', /\b(?:import|require|getBuiltinModule)\s*\(\s*(?<quote>['"`]?)/g],
  ['augmentation', /\bdeclare\s+module\s+(?<quote>['"])/g]
]

/** Every module that the file at `path` names: static and dynamic imports, re-exports, and `declare module`. */
export function importsOf (path: string, text: string): Import[] {
  const code = codeOf(text)
  return statements.flatMap(([kind, statement]) => [...code.matchAll(statement)].map((found) => {
    const { type, quote = '' } = found.groups ?? {}
    const start = found.index + found[0].length
    const specifier = quote === '' ? '' : text.slice(start, code.indexOf(quote, start))
    const target = specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : specifier
    return { kind, typeOnly: type !== undefined, specifier, target, line: lineAt(code, found.index + found[0].search(/\S/)) }
  }))
}

/** The values of the quoted strings in a text, without what is in comments. Escapes stay as they are written. */
export function stringsOf (text: string): string[] {
  return [...codeOf(text).matchAll(/'[ ]*'|"[ ]*"/g)].map(({ index, 0: found }) => text.slice(index + 1, index + found.length - 1))
}

/** Counted from one. */
export function lineAt (text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}
