import { codeOf, lineAt } from '../support/sources.ts'

/** One small change of a source that a test should notice. */
export interface Mutant {
  line: number
  /** That line as it stands, without its indentation. */
  source: string
  /** What stood there, and what stands there instead. */
  from: string
  to: string
  /** The source with the change in it. */
  text: string
}

/** Where the code matches, what stands there instead; null where nothing sensible could. Types have no spaces around their angle brackets. */
type Change = [pattern: RegExp, replacement: (found: string) => string | null]

const swaps = new Map([
  ['===', '!=='], ['!==', '==='], ['<', '<='], ['<=', '<'], ['>', '>='], ['>=', '>'], ['&&', '||'], ['||', '&&'], ['+', '-'], ['-', '+'], ['*', '/'], ['/', '*'], ['%', '*'],
  ['true', 'false'], ['false', 'true'], ['some', 'every'], ['every', 'some'], ['min', 'max'], ['max', 'min']
])

const changes: Change[] = [
  [/(?<= )(?:===|!==|<=|>=|<|>|&&|\|\||[+\-*/%])(?= )/g, (found) => swaps.get(found) ?? null],
  [/(?<=(?:[=(,?:]|return|=>) )(?:true|false)\b|(?<=\()(?:true|false)\b/g, (found) => swaps.get(found) ?? null],
  [/(?<=\.)(?:some|every|min|max)(?=\()/g, (found) => swaps.get(found) ?? null],
  [/(?<=[(\s])!(?=[\w(])/g, () => ''],
  [/(?<![\w.$'-])\d[\d_]*(?![\w.])/g, (found) => String(Number(found.replaceAll('_', '')) + 1)],
  [/(?<= )\?\?(?= )/g, () => '&&']
]

/** A statement of its own line: a call, or a value that is kept. */
const statement = /^[ ]+(?:await )?[\w.[\]!]+(?:\(.*\)|(?:\+\+|--)| [-+*]?= .*[^{([,])$/gm

/**
 * Every mutant of a source: conditions held true and held false, comparisons moved by one, logic and arithmetic turned round, numbers one
 * higher, results turned round or emptied, statements left out. Comments, texts and types stay as they are.
 */
export function mutantsOf (text: string): Mutant[] {
  const code = codeOf(text)
  const at = (index: number, from: string, to: string): Mutant => ({ line: lineAt(text, index), source: lineOf(text, index).trim(), from, to, text: text.slice(0, index) + to + text.slice(index + from.length) })
  const isType = (index: number) => /^(?:export )?(?:type|interface|declare)\b|^ {2}(?:readonly )?\w+\??: /.test(lineOf(text, index))
  /** The ends of a blanked pattern look like divisions. */
  const isBare = (index: number, length: number) => code.slice(index - 1, index + length + 1) === text.slice(index - 1, index + length + 1)

  return [
    ...changes.flatMap(([pattern, replacement]) => [...code.matchAll(pattern)].flatMap(({ index, 0: from }) => {
      const to = replacement(from)
      return to === null || isType(index) || !isBare(index, from.length) ? [] : [at(index, from, to)]
    })),
    ...conditionsOf(code).flatMap(([start, end]) => ['true', 'false'].map((held) => at(start, text.slice(start, end), held))),
    ...[...code.matchAll(/\breturn '[^']*'/g)].map(({ index, 0: found }) => at(index, text.slice(index, index + found.length), "return ''")),
    ...[...code.matchAll(statement)].map(({ index, 0: found }) => at(index, text.slice(index, index + found.length), ''))
  ]
}

function lineOf (text: string, index: number): string {
  return text.slice(text.lastIndexOf('\n', index) + 1).split('\n', 1)[0] as string
}

/** Where the conditions of `if` begin and end. */
function conditionsOf (code: string): Array<[number, number]> {
  return [...code.matchAll(/\bif \(/g)].map(({ index, 0: found }) => {
    const start = index + found.length
    let depth = 1
    let end = start
    for (; depth > 0 && end < code.length; end++) depth += code[end] === '(' ? 1 : code[end] === ')' ? -1 : 0
    return [start, end - 1]
  })
}
