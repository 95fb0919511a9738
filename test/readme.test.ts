import { globSync, readFileSync } from 'node:fs'
import t from 'tap'
import { aliceSignedIn, build } from './support/build.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const [, section = ''] = /^## What it does, and what it does not do yet\n(.*?)^## /ms.exec(readme) ?? []
const rows = section.split('\n').filter((line) => /\| (?:yes|not yet) \|/.test(line))
const { scripts } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { scripts: Record<string, string> }

/** The calls that the rows with this verdict name: `GET /me`. */
function callsOf (verdict: string) {
  return rows.filter((row) => row.includes(`| ${verdict} |`)).flatMap((row) => [...row.matchAll(/`([A-Z]+ \/[^`]+)`/g)].map(([, call = '']) => call))
}

t.test('the README lists every call that is there, and as not there yet none', async (t) => {
  const { routeTable } = await build(t)
  const there = routeTable.entries.filter(({ operation }) => operation !== '-').map(({ method, url }) => `${method} ${url}`)
  const [said, awaited] = [callsOf('yes'), callsOf('not yet')]
  // Of the well-known documents one is named by its address, the others in words; and HEAD is what GET is.
  t.same(there.filter((call) => !said.includes(call) && !/^(?:GET \/\.well-known\/|HEAD )/.test(call)), [])
  t.same(said.filter((call) => !there.includes(call)), [])
  t.same(awaited.filter((call) => there.includes(call)), [])
})

/** The commands beside a promise that nobody can run; a promise without any is one as well. */
function unshown (row: string): string[] {
  const [name = '', , verdict, shown = ''] = row.slice(1, -1).split('|').map((cell) => cell.trim())
  const commands = [...shown.matchAll(/`([^`]+)`/g)].map(([, command = '']) => command)
  if (verdict === 'yes' && commands.length === 0) return [`${name}: nothing`]
  const isThere = (command: string) => {
    const [, script] = /^npm run (\S+)$/.exec(command) ?? []
    const [, files] = /^npx tap (test\/\S+\.test\.ts)$/.exec(command) ?? []
    return script === undefined ? files !== undefined && globSync(files, { cwd: new URL('..', import.meta.url).pathname }).length > 0 : Object.hasOwn(scripts, script)
  }
  return commands.filter((command) => !isThere(command)).map((command) => `${name}: ${command}`)
}

t.test('the README names beside each promise a command that shows it', async (t) => {
  t.ok(rows.length > 20)
  t.same(rows.flatMap(unshown), [])
  t.same(unshown('| Storage | on the disk | yes | `npm run nothing` `npx tap test/nowhere.test.ts` `npm run faults` |'), ['Storage: npm run nothing', 'Storage: npx tap test/nowhere.test.ts'])
  t.same(unshown('| Storage | on the disk | yes |  |'), ['Storage: nothing'])
})

t.test('the README gives the alg, typ, iss and aud that tokens have by default', async (t) => {
  const { access_token: token } = await aliceSignedIn(await build(t, { environment: { PUBLIC_URL: '' } }))
  const [header, claims] = token.split('.').slice(0, 2).map((segment) => JSON.parse(Buffer.from(segment, 'base64url').toString()))
  const [, section = ''] = /^## Verifying a token elsewhere\n(.*?)^## /ms.exec(readme) ?? []
  for (const value of [header.alg, header.typ, claims.iss, claims.aud]) t.equal(section.split(`\`${value}\``).length, 2, value)
})
