// npm run licences: what production stands on, a line each: package, version, licence. test/supply.test.ts says which licences may be among them.
import { readFileSync } from 'node:fs'

const { packages } = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8'))
const { optionalDependencies } = packages['']
const lines = Object.entries(packages)
  .map(([path, entry]) => ({ name: path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length), ...entry }))
  .filter(({ name, dev }) => name !== '' && dev !== true && !(name in optionalDependencies))
  .map(({ name, version, license = 'none' }) => `${name}\t${version}\t${license}`)
process.stdout.write(`${[...new Set(lines)].sort().join('\n')}\n`)
