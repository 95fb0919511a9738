import type { Sources } from './sources.ts'

export interface Title {
  path: string
  /** As it is written: what a template works out stands as `${…}`. */
  text: string
}

const call = /\btest\(\s*(?:`((?:[^`\\]|\\.)*)`|'((?:[^'\\\n]|\\.)*)')/g

/** The title of every test there is, also of those that support gives to many files. */
export function titlesOf (sources: Sources): Title[] {
  return [...sources].filter(([path]) => path.startsWith('test/') && path.endsWith('.ts')).flatMap(([path, source]) => {
    return [...source.matchAll(call)].map(([, template, quoted]) => ({ path, text: (template ?? quoted ?? '').replaceAll('\\\'', '\'') }))
  })
}
