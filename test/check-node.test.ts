import { execFile, execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'

const run = promisify(execFile)
const cwd = new URL('..', import.meta.url)
const refusal = (version: string) =>
  `Gatehouse needs Node.js 24.16, 26.1 or newer; this is ${version}. "npm ci" brings one: start it with "npm start".\n`

t.test('lets this Node go on', async (t) => {
  const { stdout, stderr } = await run(process.execPath, ['--import', './check-node.js', '--print', '"went on"'], { cwd })
  t.equal(stdout, 'went on\n')
  t.equal(stderr, '')
})

t.test('refuses what is older than the oldest supported of each line', async (t) => {
  const pretend = (version: string) => `data:text/javascript,Object.defineProperty(process, "versions", { value: { node: "${version}" } })`
  const start = (version: string) => run(process.execPath, ['--import', pretend(version), '--import', './check-node.js', '--print', '"went on"'], { cwd })
  for (const version of ['23.11.1', '24.15.0', '25.9.0', '26.0.0']) await t.rejects(start(version), { code: 1, stdout: '', stderr: refusal(version) }, version)
  for (const version of ['24.16.0', '26.1.0', '27.0.0']) t.equal((await start(version)).stdout, 'went on\n', version)
})

t.test('tells a Node that cannot read TypeScript so in one line', async (t) => {
  const old = oldNode()
  if (old === undefined) return t.comment('No Node.js older than 24 on this machine: nothing to refuse.')
  const env = { PATH: process.env.PATH }
  const told = run(old.path, ['--import', './check-node.js', 'server.ts'], { cwd, env })
  await t.rejects(told, { code: 1, stdout: '', stderr: refusal(old.version) })
})

/** A Node.js of this machine that is too old for us, yet knows --import. */
function oldNode () {
  const paths = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'node')).filter((path) => existsSync(path))
  const found = paths.map((path) => ({ path, version: versionOf(path) }))
  return found.find(({ version }) => ['18', '19', '20', '21', '22', '23'].includes(version.split('.')[0] ?? ''))
}

function versionOf (path: string) {
  return execFileSync(path, ['-p', 'process.versions.node'], { encoding: 'utf8', env: {} }).trim()
}
