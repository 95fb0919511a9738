import type { Result } from './run.ts'

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** A line for each check, for people, and one that counts them. */
export function linesOf (results: readonly Result[]): string {
  const count = (outcome: Result['outcome']) => results.filter((result) => result.outcome === outcome).length
  const lines = results.map(({ name, outcome, detail }) => `${outcome.padEnd(9)}  ${name}${detail === '' ? '' : `: ${detail}`}`)
  return [...lines, '', `${count('holds')} hold, ${count('fails')} fail, ${count('not here')} not here, ${count('not asked')} not asked`, ''].join('\n')
}

/** As continuous integration reads it. */
export function junitOf (results: readonly Result[]): string {
  const xml = (text: string) => text.replaceAll(/[&<>"]/g, (char) => escapes[char] as string)
  const cases = results.map(({ name, outcome, detail, milliseconds }) => {
    const inner = outcome === 'fails' ? `<failure message="${xml(detail)}"/>` : outcome === 'holds' ? '' : `<skipped message="${xml(detail)}"/>`
    return `  <testcase classname="conformance" name="${xml(name)}" time="${(milliseconds / 1000).toFixed(3)}">${inner}</testcase>`
  })
  const failures = results.filter(({ outcome }) => outcome === 'fails').length
  const skipped = results.filter(({ outcome }) => outcome.startsWith('not')).length
  return ['<?xml version="1.0" encoding="UTF-8"?>', `<testsuite name="conformance" tests="${results.length}" failures="${failures}" skipped="${skipped}">`, ...cases, '</testsuite>', ''].join('\n')
}
