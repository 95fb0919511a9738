import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { build } from '../support/build.ts'
import { composeFaults, configured, finish, parse, read, readImage, root, withFormerKey } from '../support/manifests.ts'

interface Service {
  image: string
  user: string
  read_only: boolean
  cap_drop: string[]
  cap_add?: string[]
  privileged?: boolean
  security_opt: string[]
  tmpfs?: string[]
  environment: Record<string, string>
  secrets: string[]
  volumes?: string[]
  ports?: string[]
  command?: string[]
  healthcheck?: { test: string[] }
  depends_on?: Record<string, { condition: string }>
  stop_grace_period?: string
  networks: Record<string, { ipv4_address?: string, aliases?: string[] } | null> | string[]
  deploy: { resources: { limits: { memory: string, cpus: string } } }
}

const text = read('deploy/compose.yaml')
const file = parse(text) as { services: Record<string, Service>, secrets: Record<string, { file: string }>, networks: Record<string, { internal?: boolean } | null> }
const { services } = file
const replicas = Object.entries(services).filter(([name]) => name.startsWith('gatehouse'))
const [, gatehouse] = replicas[0] as [string, Service]
/** As whoever starts it says. */
const said = { PUBLIC_URL: 'https://auth.example.com' }
const environment = { ...gatehouse.environment, ...said }
const image = readImage()
const secrets = {
  '/run/secrets/database-url': 'postgres://gatehouse:a%2Fb@postgres:5432/gatehouse?sslmode=disable\n',
  '/run/secrets/secret-key': 'Zt7mYq2nP9sVx4cKw8Lr3bGd6fHj1aQe\n',
  '/run/secrets/secret-key-previous': 'q3WbN8xTz5RkLm7VcP2sYd9hJf4gAe6U\n'
}

/** Milliseconds of Compose's own spelling. */
const duration = (text = '') => Number(/^(\d+)s$/.exec(text)?.[1]) * 1000
/** How the services reach each other. */
const inside = ({ networks }: Service) => Array.isArray(networks) ? undefined : networks['inside']

t.test('is what the Compose specification allows, also while the secret is being changed', async (t) => {
  t.same(composeFaults(t, text), [])
  t.same(composeFaults(t, withFormerKey(text)), [])
  t.match(composeFaults(t, text.replace('read_only: true', 'readonly: true')), [/^invalid-schema: .*additional properties/])
  t.match(composeFaults(t, text.replace('service_healthy', 'service_ready')), [/^invalid-schema: /])
  t.match(composeFaults(t, text.replace('postgres:18.1', 'postgres')), [/^service-image-require-explicit-tag: /])
})

t.test('runs the image of this release twice, each renewed by itself, both under the name that nginx looks up', async (t) => {
  t.equal(replicas.length, 2)
  const [one, other] = replicas.map(([, { networks, ...service }]) => service)
  t.same(one, other)
  for (const [, service] of replicas) t.same([service.image, inside(service)?.aliases], [image.tag, ['gatehouse']])
  t.equal(services['nginx']?.image.split(':')[0], 'nginx')
  t.same(services['app']?.command, ['--port', '8080'])
})

t.test('configures a service that starts, with variables that there are', async (t) => {
  const config = configured(t, environment, secrets)
  t.match(config.database.postgres, { host: 'postgres', port: 5432, database: 'gatehouse', user: 'gatehouse', password: 'a/b', tls: null })
  t.same([config.listen.host, config.listen.port, config.secrets.secretKey], ['0.0.0.0', image.port, secrets['/run/secrets/secret-key'].trim()])
  t.same(config.http.trustProxy, [inside(services['nginx'] as Service)?.ipv4_address], 'what nginx says of a client is believed')
  t.match(gatehouse.environment['PUBLIC_URL'], /^\$\{PUBLIC_URL:\?/, 'nothing starts without it')
  t.throws(() => configured(t, { ...environment, DATABASE_URLS: 'x' }, secrets), { message: 'there is no DATABASE_URLS' })
})

t.test('opens with either secret while it is being changed', async (t) => {
  const changing = (parse(withFormerKey(text)) as typeof file).services['gatehouse-2'] as Service
  t.ok(changing.secrets.includes('secret-key-previous'))
  t.equal(configured(t, { ...changing.environment, ...said }, secrets).secrets.formerKey, secrets['/run/secrets/secret-key-previous'].trim())
})

t.test('mounts each secret where a variable looks for it, and names none', async (t) => {
  for (const [name, { environment = {}, secrets: own = [] }] of Object.entries(services)) {
    const wanted = Object.entries(environment).filter(([variable]) => variable.endsWith('_FILE')).map(([, path]) => path)
    t.same(wanted.filter((path) => !own.map((secret) => `/run/secrets/${secret}`).includes(path)), [], name)
    t.same(own.filter((secret) => file.secrets[secret] === undefined), [], name)
    t.same(Object.entries(environment).filter(([variable, value]) => /PASSWORD|SECRET|KEY|URL/.test(variable) && !/_FILE$/.test(variable) && value !== '' && variable !== 'PUBLIC_URL'), [], name)
  }
  const script = read('deploy/postgres/create-gatehouse.sh')
  for (const [path] of script.matchAll(/\/run\/secrets\/([\w-]+)/g)) t.ok(services['postgres']?.secrets.includes(path.slice('/run/secrets/'.length)), path)
  t.same(Object.values(file.secrets).filter(({ file: path }) => !path.startsWith('./secrets/')), [])
  t.match(read('.gitignore'), /^deploy\/secrets\/$/m, 'and git takes none of them')
})

t.test('gives nobody more than it needs', async (t) => {
  for (const [name, service] of Object.entries(services)) {
    t.match(service, { read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'], user: /^[1-9]\d*:[1-9]\d*$/ }, name)
    t.same([service.cap_add, service.privileged], [undefined, undefined], name)
    t.match(service.deploy.resources.limits, { memory: /^\d+[MG]$/, cpus: /^[\d.]+$/ }, name)
  }
  t.equal(gatehouse.user, image.user)
  t.same(gatehouse.tmpfs?.map((mount) => mount.split(':')[0]), ['/tmp'])
  t.same(Object.entries(services).filter(([, { ports }]) => ports !== undefined).map(([name]) => name), ['nginx'], 'one is reached from outside')
  t.equal(file.networks['inside']?.internal, true)
})

t.test('asks the image\'s own program for a path that there is, and waits for its answer', async (t) => {
  const { test } = gatehouse.healthcheck as { test: string[] }
  t.same(test, ['CMD', ...image.healthcheck.map((word) => word.replace('/health/live', '/health/ready'))])
  const { routeTable } = await build(t)
  t.ok(routeTable.entries.some(({ method, url }) => method === 'GET' && url === '/health/ready'))
  for (const [name, { depends_on: needed = {} }] of Object.entries(services)) {
    for (const [other, { condition }] of Object.entries(needed)) t.equal(condition, services[other]?.healthcheck === undefined ? 'service_started' : 'service_healthy', `${name} and ${other}`)
  }
})

t.test('waits longer for the end of a service than its drain takes', async (t) => {
  const { drain } = configured(t, environment, secrets)
  t.ok(duration(gatehouse.stop_grace_period) > drain.delay * 1000 + finish)
})

t.test('leaves PostgreSQL connections for others', async (t) => {
  const { database } = configured(t, environment, secrets)
  t.ok(replicas.length * (database.pool + 2) < 97, 'of its default of 100, three of them for superusers')
})

t.test('mounts files that are there', async (t) => {
  const mounted = Object.values(services).flatMap(({ volumes = [] }) => volumes.filter((volume) => volume.startsWith('.')).map((volume) => volume.split(':')[0] as string))
  t.same(mounted.sort(), ['./nginx/nginx.conf', './postgres/create-gatehouse.sh'])
  t.same(mounted.filter((path) => !existsSync(join(root, 'deploy', path))), [])
  const nginx = read('deploy/nginx/nginx.conf')
  t.match(nginx, `server gatehouse:${image.port} max_fails=1 fail_timeout=1s;`, 'one that is being renewed is left out')
  const [, idle] = /upstream gatehouse \{.*?keepalive_timeout (\d+)s;/s.exec(nginx) ?? []
  t.ok(Number(idle) < configured(t, environment, secrets).drain.delay, 'no connection is idle at the end of a drain')
  t.match(nginx, 'server app:8080')
  for (const port of services['nginx']?.ports ?? []) t.match(nginx, new RegExp(`listen ${port.split(':')[1]};`))
})
