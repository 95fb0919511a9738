import { execFile } from 'node:child_process'
import { symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { build } from '../support/build.ts'
import { temporaryFolder } from '../support/service.ts'
import { listen } from '../support/wire.ts'

const root = resolve(import.meta.dirname, '../..')
const run = promisify(execFile)

/** What somebody writes who has nothing but the client: typed by it alone. It prints the status of each call. */
const flow = `
import { changePassword, defaults, deleteAccount, endSession, getProtected, login, logout, me, refresh, register, sessions, type TokenReply } from './client.ts'

defaults.baseUrl = process.argv[2] as string
const alice = { username: 'alice', password: 'correct horse battery staple' }
const other = 'seven lamps by the harbour wall'
const as = ({ access_token: token }: TokenReply) => ({ headers: { authorization: \`Bearer \${token}\` } })
const statuses: number[] = []

function kept<R extends { status: number }> (reply: R): R {
  statuses.push(reply.status)
  return reply
}

/** Narrowed by the status, as the description has it. */
async function signIn (password: string): Promise<TokenReply> {
  const reply = kept(await login({ ...alice, password }))
  if (reply.status === 200) return reply.data
  throw new Error(\`\${reply.status} \${reply.data.code}\`)
}

kept(await register(alice))
const first = await signIn(alice.password)
const greeting = kept(await getProtected(as(first)))
if (greeting.status === 200 && greeting.data.message !== 'Hello, alice! This is a protected resource.') throw new Error(greeting.data.message)
const again = kept(await refresh({ refresh_token: first.refresh_token }))
if (again.status !== 200) throw new Error(again.data.code)
const second = await signIn(alice.password)
const list = kept(await sessions(as(again.data)))
if (list.status !== 200) throw new Error(list.data.code)
const mine: boolean[] = list.data.sessions.map(({ current }) => current)
if (mine.filter((current) => current).length !== 1 || mine.length !== 2) throw new Error('two sessions, one of them current')
for (const { id, current } of list.data.sessions) if (!current) kept(await endSession(id, as(again.data)))
kept(await me(as(second)))
kept(await changePassword({ current_password: alice.password, new_password: other }, as(again.data)))
kept(await login(alice))
const third = await signIn(other)
kept(await logout({ scope: 'others' }, as(third)))
kept(await me(as(again.data)))
kept(await deleteAccount({ password: other }, as(third)))
kept(await login({ ...alice, password: other }))
process.stdout.write(JSON.stringify(statuses))
`

t.test('a client that is generated from the description compiles, and does all that a user does', async (t) => {
  const server = await build(t)
  const folder = temporaryFolder(t)
  const file = (name: string) => join(folder, name)
  writeFileSync(file('openapi.json'), (await server.inject('/openapi.json')).body)
  symlinkSync(join(root, 'node_modules'), file('node_modules'))
  await run(process.execPath, [join(root, 'node_modules/oazapfts/dist/cli.js'), '--futureStripLegacyMethods', file('openapi.json'), file('client.ts')])
  writeFileSync(file('flow.ts'), flow)
  writeFileSync(file('package.json'), '{"type":"module"}')
  // The library below the client hands over members that are undefined.
  writeFileSync(file('tsconfig.json'), JSON.stringify({ extends: join(root, 'tsconfig.json'), compilerOptions: { exactOptionalPropertyTypes: false, typeRoots: [join(root, 'node_modules/@types')] }, include: ['*.ts'] }))
  // What the tests load into their children would keep TypeScript's own start from working.
  const compile = () => run('env', ['-u', 'NODE_OPTIONS', join(root, 'node_modules/.bin/tsc'), '-p', folder]).then(() => '', ({ stdout, stderr }: Record<string, string>) => `${stdout}${stderr}`)
  t.equal(await compile(), '')
  const port = await listen(server)
  const { stdout } = await run(process.execPath, [file('flow.ts'), `http://127.0.0.1:${port}`])
  t.same(JSON.parse(stdout), [201, 200, 200, 200, 200, 200, 204, 401, 204, 401, 200, 204, 401, 204, 401])
  writeFileSync(file('flow.ts'), flow.replace('refresh_token: first.refresh_token', 'token: first.refresh_token'))
  t.match(await compile(), /flow\.ts\(\d+,\d+\): error TS/, 'and what does not fit it does not')
})
