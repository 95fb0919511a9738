import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import t, { type Test } from 'tap'
import { alice } from './support/build.ts'
import { createClient } from './support/http.ts'
import { freePort } from './support/ports.ts'
import { startService, temporaryFolder } from './support/service.ts'

// docs/example/ beside the real service: in the clone, and with the packed package as another project installs it.
t.setTimeout(120_000)

const root = resolve(import.meta.dirname, '..')
/** All that the verifier loads of others. What else package.json names is not there: neither a database nor a password hash. */
const loaded = ['@sinclair/typebox', 'fastify', 'fastify-plugin', '@fastify/jwt', '@fastify/sensible']

function link (folder: string, names: string[]): void {
  for (const name of names) {
    const place = join(folder, 'node_modules', name)
    mkdirSync(dirname(place), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), place)
  }
}

/** What `npm pack` makes of a copy of the sources: dist/ is written there and not here. Once for all. */
function pack (): string {
  const folder = temporaryFolder(t)
  for (const file of ['package.json', 'README.md', 'LICENSE', 'check-node.js', 'argon2-build.ts', 'link-node.js', 'verifier.ts', '.ci/pack.js']) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    copyFileSync(join(root, file), join(folder, file))
  }
  for (const sources of ['plugins', 'schemas']) cpSync(join(root, sources), join(folder, sources), { recursive: true })
  execFileSync('npm', ['pack', '--offline', '--ignore-scripts=false', '--no-update-notifier', '--cache', join(folder, '.npm'), '--pack-destination', folder], { cwd: folder, stdio: 'pipe' })
  return join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz')) as string)
}

const packed = pack()

/** A project of its own that has installed the package, and the example as its program. */
function installed (t: Test): string {
  const folder = temporaryFolder(t)
  const place = join(folder, 'node_modules/gatehouse')
  mkdirSync(place, { recursive: true })
  execFileSync('tar', ['-xzf', packed, '--strip-components=1', '-C', place])
  link(folder, loaded)
  copyFileSync(join(root, 'docs/example/server.ts'), join(folder, 'server.ts'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  return folder
}

/** The example as `args` start it in `cwd`; its port. Ended with the test. */
async function startExample (t: Test, cwd: string, args: string[], issuer: string): Promise<number> {
  const child = spawn(process.execPath, args, { cwd, env: { PATH: process.env.PATH, ISSUER: issuer, PORT: '0' }, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = once(child, 'close')
  t.teardown(async () => {
    child.kill()
    await ended
  })
  let text = ''
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const read = (chunk: Buffer) => {
    text += chunk
    const port = /listening at http:\/\/127\.0\.0\.1:(\d+)/.exec(text)?.[1]
    if (port !== undefined) resolve(Number(port))
  }
  child.stdout.on('data', read)
  child.stderr.on('data', read)
  ended.then(() => reject(new Error(`the example ended:\n${text}`)), reject)
  return promise
}

t.test('the example believes the tokens of the service and no others', async (t) => {
  const port = await freePort()
  const issuer = `http://127.0.0.1:${port}`
  const service = await startService(t, { environment: { PORT: `${port}`, PUBLIC_URL: issuer } })
  const call = createClient(t, service.port)
  const post = (path: string) => call({ path, method: 'POST', headers: [['content-type', 'application/json']], body: JSON.stringify(alice) })
  await post('/register')
  const { access_token: token, user } = JSON.parse((await post('/login')).body) as { access_token: string, user: { id: string } }

  const ways: Array<[what: string, cwd: string, args: string[]]> = [
    ['in a clone', root, ['--conditions=gatehouse-source', 'docs/example/server.ts']],
    ['with the package', installed(t), ['server.ts']]
  ]
  for (const [what, cwd, args] of ways) {
    const ask = createClient(t, await startExample(t, cwd, args, issuer))
    const visit = (path: string, authorization?: string) => ask({ path, headers: authorization === undefined ? [] : [['authorization', authorization]] })
    t.equal((await visit('/')).status, 200, what)
    const good = await visit('/orders', `Bearer ${token}`)
    t.equal(good.status, 200)
    t.strictSame(JSON.parse(good.body), { user_id: user.id, username: 'alice', orders: [] })
    t.match(await visit('/orders'), { status: 401, body: /missing_token/ })
    t.match(await visit('/orders', `Bearer ${token}A`), { status: 401, body: /invalid_token/ })
    t.match(await visit('/orders', 'Bearer'), { status: 400, body: /invalid_request/ })
  }
})

t.test('the package holds what the verifier loads and nothing else', async (t) => {
  const folder = installed(t)
  const place = join(folder, 'node_modules/gatehouse')
  const files = readdirSync(place, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(place.length + 1))
  t.strictSame(files.filter((file) => !file.startsWith('dist/')).sort(), ['LICENSE', 'README.md', 'link-node.js', 'package.json'])
  t.strictSame(files.filter((file) => /database|passwords|users|sessions|secrets|config|app\.|server\.|\.ts$/.test(file)), ['dist/verifier.d.ts'])
  const dependencies = files.filter((file) => file.endsWith('.js')).flatMap((file) => [...readFileSync(join(place, file), 'utf8').matchAll(/^import .* from '([^.][^']*)'/gm)].map(([, name = '']) => name))
  t.strictSame([...new Set(dependencies)].filter((name) => !name.startsWith('node:')).sort(), [...loaded].sort())
  t.ok(existsSync(join(place, 'link-node.js')), 'what its postinstall runs')
})

t.test('the package says what the plugin takes and gives, to TypeScript too', async (t) => {
  const folder = installed(t)
  link(folder, ['@types/node'])
  const compile = (program: string) => {
    writeFileSync(join(folder, 'program.ts'), program)
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'esnext', '--types', 'node', '--skipLibCheck', 'server.ts', 'program.ts']
    try {
      // Without what tap loads into every Node.js that a test starts: the compiler's entry cannot be loaded that way.
      return String(execFileSync('env', ['-u', 'NODE_OPTIONS', join(root, 'node_modules/.bin/tsc'), '--ignoreConfig', ...options], { cwd: folder, stdio: 'pipe' }))
    } catch (error) {
      const { stdout, stderr } = error as { stdout: Buffer, stderr: Buffer }
      return `${stdout}${stderr}`
    }
  }
  const program = (options: string, member: string) => `import Fastify from 'fastify'
    import verifier, { type Identity } from 'gatehouse/verifier'
    declare module 'fastify' { interface FastifyInstance { users: string, tokens: number } }
    const app = Fastify()
    await app.register(verifier, ${options})
    app.get('/', { config: { access: 'user' } }, async ({ identity }): Promise<Identity['${member}']> => identity.${member})
    export {}`
  t.equal(compile(program("{ issuer: 'https://auth.test', audience: 'api', clockSkew: 5 }", 'roles')), '')
  t.match(compile(program("{ issuer: 'https://auth.test' }", 'roles')), /audience/)
  t.match(compile(program("{ issuer: 'https://auth.test', audience: 'api' }", 'password')), /password/)
})
