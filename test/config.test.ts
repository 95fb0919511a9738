import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ConfigError, configurationTable, nearMisses, readConfig, readPostgresUrl } from '../config.ts'
import { temporaryFolder } from './support/service.ts'

type Environment = Record<string, string>

function faultsOf (environment: Environment): readonly string[] {
  try {
    readConfig(environment)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.faults
    throw error
  }
}

/** Whether exactly the one variable is at fault, and its value is nowhere in the words. */
function refuses (t: Test, name: string, values: string[]) {
  for (const value of values) {
    const faults = faultsOf({ [name]: value })
    t.equal(faults.length, 1, `${name}=${value} is refused`)
    t.ok(faults[0]?.startsWith(`${name} `), `by its name, at ${value}`)
    if (value.length > 8) t.notOk(faults[0]?.includes(value), 'without its value')
  }
}

t.test('reads an empty environment as the documented defaults', async (t) => {
  t.strictSame(readConfig({}, { processors: 4, memory: 2 ** 32 }), {
    listen: { host: '127.0.0.1', port: 3000 },
    metrics: { host: '127.0.0.1', port: null },
    traces: { endpoint: null },
    throttle: { limits: { login: { count: 30, seconds: 60 }, register: { count: 20, seconds: 3600 }, refresh: { count: 60, seconds: 60 } } },
    http: { trustProxy: [], corsOrigins: [], https: false, logLevel: 'info' },
    drain: { delay: 5 },
    auditChain: { retention: 34_560_000 },
    openapi: { publicUrl: 'http://localhost:3000', pages: true },
    database: { postgres: null, file: 'data/gatehouse.db', pool: 10, timeout: 2, synchronous: 'full' },
    secrets: { secretKey: null, formerKey: null, databaseFile: 'data/gatehouse.db' },
    keys: { algorithm: 'ES256', rotation: 2_592_000, lead: 172_800, tokenLifetime: 600, clockSkew: 5 },
    tokens: { issuer: 'http://localhost:3000', audience: 'api', lifetime: 600, clockSkew: 5, cacheSize: 10_000, roleScopes: {} },
    sessions: { clientId: 'gatehouse', idleLifetime: 604_800, absoluteLifetime: 2_592_000, grace: 30, limit: 100 },
    revocations: { maxLag: 30, tokenLifetime: 600, clockSkew: 5 },
    hashing: { concurrency: 4, longestWait: 2 },
    passwords: { minLength: 8, host: 'localhost', memory: 19_456, passes: 2, pepper: null, formerPepper: null },
    accounts: { registration: 'open' },
    administration: { first: null }
  })
})

t.test('wants name and password of the first administrator together', async (t) => {
  const fault = 'BOOTSTRAP_ADMIN_USERNAME and BOOTSTRAP_ADMIN_PASSWORD need each other'
  t.same(faultsOf({ BOOTSTRAP_ADMIN_USERNAME: 'root' }), [fault])
  t.same(faultsOf({ BOOTSTRAP_ADMIN_PASSWORD: 'a password for nobody' }), [fault])
  refuses(t, 'BOOTSTRAP_ADMIN_USERNAME', ['ro', 'x'.repeat(33), '-root', 'root.', 'r oot', 'ro\nt', 'röot'])
  refuses(t, 'BOOTSTRAP_ADMIN_PASSWORD', ['x'.repeat(129)])
})

t.test('takes an empty variable for one that is not set', async (t) => {
  t.strictSame(readConfig({ PORT: '', SECRET_KEY: '', SECRET_KEY_FILE: '', PUBLIC_URL: '', TRUST_PROXY: '' }), readConfig({}))
})

t.test('reads every variable', async (t) => {
  const config = readConfig({
    HOST: '0.0.0.0', PORT: '8080', PUBLIC_URL: 'https://auth.example.org/gate', AUDIENCE: 'orders', CLIENT_ID: 'web',
    DATABASE_URL: 'sqlite:///var/lib/gatehouse.db', DATABASE_POOL: '3', DATABASE_TIMEOUT: '250ms', SQLITE_SYNCHRONOUS: 'normal',
    ACCESS_TOKEN_TTL: '1h', REFRESH_IDLE_TTL: '1d', REFRESH_ABSOLUTE_TTL: '2d', REFRESH_GRACE: '0', MAX_SESSIONS: '3', REVOCATION_MAX_LAG: '1m', CLOCK_SKEW: '0', TOKEN_CACHE: '5', SIGNING_ALG: 'EdDSA', KEY_LEAD: '10m', KEY_ROTATION: '90d',
    REGISTRATION: 'closed', PASSWORD_MIN_LENGTH: '15', ARGON2_MEMORY: '65536', ARGON2_TIME: '3', HASH_CONCURRENCY: '7', HASH_QUEUE: '200ms', LOGIN_LIMIT: '5/10s', REGISTER_LIMIT: 'off', REFRESH_LIMIT: '100/1h',
    ROLE_SCOPES: 'editor=read write', BOOTSTRAP_ADMIN_USERNAME: 'Root', BOOTSTRAP_ADMIN_PASSWORD: 'the first of many', TRUST_PROXY: '10.0.0.0/8, ::1', CORS_ORIGINS: 'https://app.example.org', METRICS_PORT: '9464', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318', LOG_LEVEL: 'debug', DRAIN_DELAY: '0', DOCUMENTATION: 'off', AUDIT_RETENTION: '30d'
  })
  t.match(config, {
    listen: { host: '0.0.0.0', port: 8080 },
    http: { trustProxy: ['10.0.0.0/8', '::1'], corsOrigins: ['https://app.example.org'], https: true, logLevel: 'debug' },
    metrics: { host: '0.0.0.0', port: 9464 },
    traces: { endpoint: 'http://collector:4318' },
    drain: { delay: 0 },
    auditChain: { retention: 2_592_000 },
    openapi: { publicUrl: 'https://auth.example.org/gate', pages: false },
    database: { file: '/var/lib/gatehouse.db', pool: 3, timeout: 0.25, synchronous: 'normal' },
    secrets: { databaseFile: '/var/lib/gatehouse.db' },
    keys: { algorithm: 'EdDSA', rotation: 7_776_000, lead: 600, tokenLifetime: 3600, clockSkew: 0 },
    tokens: { issuer: 'https://auth.example.org/gate', audience: 'orders', lifetime: 3600, clockSkew: 0, cacheSize: 5, roleScopes: { editor: ['read', 'write'] } },
    sessions: { clientId: 'web', idleLifetime: 86_400, absoluteLifetime: 172_800, grace: 0, limit: 3 },
    revocations: { maxLag: 60, tokenLifetime: 3600, clockSkew: 0 },
    hashing: { concurrency: 7, longestWait: 0.2 },
    passwords: { minLength: 15, host: 'auth.example.org', memory: 65_536, passes: 3 },
    throttle: { limits: { login: { count: 5, seconds: 10 }, register: null, refresh: { count: 100, seconds: 3600 } } },
    accounts: { registration: 'closed' },
    administration: { first: { username: 'root', password: 'the first of many' } }
  })
})

t.test('names every fault at once and no value', async (t) => {
  const environment: Environment = {
    HOST: 'two words', PORT: '65536', PUBLIC_URL: 'ftp://files.internal', AUDIENCE: 'a b', CLIENT_ID: 'c d', DATABASE_URL: 'mysql://root:hunter2@db',
    DATABASE_POOL: '101', DATABASE_TIMEOUT: 'soonish', SQLITE_SYNCHRONOUS: 'sometimes', SECRET_KEY: 'changeme', SECRET_KEY_PREVIOUS: 'letmein', ACCESS_TOKEN_TTL: '2h', REFRESH_IDLE_TTL: '-1',
    REFRESH_ABSOLUTE_TTL: '1y', REFRESH_GRACE: '6m', MAX_SESSIONS: '10001', REVOCATION_MAX_LAG: '1500ms', CLOCK_SKEW: '61', TOKEN_CACHE: '-10', SIGNING_ALG: 'HS256', KEY_LEAD: '599s', KEY_ROTATION: '9m', REGISTRATION: 'maybe', PASSWORD_MIN_LENGTH: '7', ARGON2_MEMORY: '4096',
    ARGON2_TIME: '1', HASH_CONCURRENCY: 'all', HASH_QUEUE: '61s', PASSWORD_PEPPER: 'paprika', PASSWORD_PEPPER_PREVIOUS: 'saltpetre', LOGIN_LIMIT: '30', REGISTER_LIMIT: '0/9m', REFRESH_LIMIT: 'none', ROLE_SCOPES: 'editor', BOOTSTRAP_ADMIN_USERNAME: 'root@localhost', BOOTSTRAP_ADMIN_PASSWORD: 'secret'.repeat(22), TRUST_PROXY: 'true', CORS_ORIGINS: '*', METRICS_PORT: '0', OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318', LOG_LEVEL: 'loud', DRAIN_DELAY: '11m', DOCUMENTATION: 'perhaps', AUDIT_RETENTION: '23h'
  }
  t.same(Object.keys(environment), configurationTable.map(({ name }) => name), 'the table of this test is complete')
  const faults = faultsOf(environment)
  t.same(faults.map((fault) => fault.split(' ')[0]), Object.keys(environment))
  for (const [name, value] of Object.entries(environment).filter(([, value]) => value.length > 3 && value !== 'true')) {
    t.notOk(faults.join('\n').includes(value), `${name} without its value`)
  }
  t.throws(() => readConfig(environment), { message: `The configuration is not usable:\n${faults.map((fault) => `  ${fault}`).join('\n')}` })
})

t.test('reads durations as seconds, or with a unit', async (t) => {
  const cases: [text: string, seconds: number][] = [['1', 1], ['90', 90], ['90s', 90], ['2000ms', 2], ['2m', 120], ['1h', 3600], ['0001', 1]]
  for (const [text, seconds] of cases) t.equal(readConfig({ ACCESS_TOKEN_TTL: text }).tokens.lifetime, seconds, text)
  t.equal(readConfig({ DATABASE_TIMEOUT: '1500ms' }).database.timeout, 1.5)
  for (const name of ['ACCESS_TOKEN_TTL', 'REFRESH_IDLE_TTL', 'REFRESH_ABSOLUTE_TTL']) refuses(t, name, ['1500ms'])
  t.equal(readConfig({ KEY_ROTATION: '3660d' }).keys.rotation, 3660 * 86_400)
  refuses(t, 'ACCESS_TOKEN_TTL', ['0', '999ms', '3601', '61m', '1.5m', '1e3', '+5', '-5', ' 5', '5 m', '5M', '10min', 'm', '0x10', '1234567890123', 'Infinity'])
})

t.test('reads limits as a number and a time, or off', async (t) => {
  t.strictSame(readConfig({}).throttle.limits, { login: { count: 30, seconds: 60 }, register: { count: 20, seconds: 3600 }, refresh: { count: 60, seconds: 60 } })
  t.strictSame(readConfig({ LOGIN_LIMIT: '1/1s', REGISTER_LIMIT: '9999999/1d', REFRESH_LIMIT: 'off' }).throttle.limits,
    { login: { count: 1, seconds: 1 }, register: { count: 9_999_999, seconds: 86_400 }, refresh: null })
  refuses(t, 'LOGIN_LIMIT', ['0/1m', '30', '30/m', '30/0s', '30/2d', '30/1440s5', '-1/1m', '1.5/1m', '30/1 m', '30/500ms', 'OFF', 'on', '0', '10000000/1m'])
})

t.test('reads whole numbers within their bounds', async (t) => {
  for (const [text, port] of [['0', 0], ['443', 443], ['65535', 65_535]] as const) t.equal(readConfig({ PORT: text }).listen.port, port)
  refuses(t, 'PORT', ['-1', '65536', '80.5', '8e3', '0x50', ' 80', '80 ', 'http', '99999999999999999999'])
  refuses(t, 'ARGON2_MEMORY', ['19455', '262145', '19456KiB'])
  refuses(t, 'ARGON2_TIME', ['1', '11'])
  refuses(t, 'PASSWORD_MIN_LENGTH', ['7', '129'])
})

t.test('lets as many passwords be hashed at once as there are processors, in half of the memory', async (t) => {
  const mebibyte = 2 ** 20
  const cases: [processors: number, memory: number, environment: Environment, concurrency: number][] = [
    [2, 4096, {}, 2], [64, 4096, {}, 64], [64, 512, {}, 13], [64, 512, { ARGON2_MEMORY: '65536' }, 4], [2, 38, {}, 1], [2, 16, {}, 1],
    [2, 4096, { HASH_CONCURRENCY: 'auto' }, 2], [2, 16, { HASH_CONCURRENCY: '8' }, 8]
  ]
  for (const [processors, memory, environment, concurrency] of cases) {
    t.equal(readConfig(environment, { processors, memory: memory * mebibyte }).hashing.concurrency, concurrency, `${processors} processors, ${memory} MiB`)
  }
  const { concurrency } = readConfig({}).hashing
  t.ok(Number.isInteger(concurrency) && concurrency >= 1 && concurrency <= availableParallelism(), 'on this machine too')
  refuses(t, 'HASH_CONCURRENCY', ['0', '257', '-1', '1.5', 'AUTO', ' 2'])
  refuses(t, 'HASH_QUEUE', ['0', '49ms', '61', '1m1s'])
})

t.test('refuses an absolute lifetime below the idle one', async (t) => {
  t.same(faultsOf({ REFRESH_IDLE_TTL: '8d', REFRESH_ABSOLUTE_TTL: '7d' }), ['REFRESH_ABSOLUTE_TTL must not be less than REFRESH_IDLE_TTL'])
  t.same(faultsOf({ REFRESH_IDLE_TTL: '7d', REFRESH_ABSOLUTE_TTL: '7d' }), [])
})

t.test('refuses a rotation faster than the lead, one port for two things, and a former secret without a present one', async (t) => {
  t.same(faultsOf({ KEY_ROTATION: '1d', METRICS_PORT: '3000' }), ['KEY_ROTATION must not be less than KEY_LEAD', 'METRICS_PORT must not be PORT'])
  t.same(faultsOf({ KEY_ROTATION: '2d', METRICS_PORT: '3001' }), [])
  const former = randomBytes(32).toString('base64url')
  t.same(faultsOf({ SECRET_KEY_PREVIOUS: former }), ['SECRET_KEY_PREVIOUS needs SECRET_KEY beside it'])
  t.same(faultsOf({ SECRET_KEY: randomBytes(32).toString('base64url'), SECRET_KEY_PREVIOUS: former }), [])
})

t.test('refuses a former pepper without a present one, and peppers that somebody can guess', async (t) => {
  const [pepper, former] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')]
  t.match(readConfig({ PASSWORD_PEPPER: pepper, PASSWORD_PEPPER_PREVIOUS: former }).passwords, { pepper, formerPepper: former })
  t.same(faultsOf({ PASSWORD_PEPPER_PREVIOUS: former }), ['PASSWORD_PEPPER_PREVIOUS needs PASSWORD_PEPPER beside it'])
  for (const name of ['PASSWORD_PEPPER', 'PASSWORD_PEPPER_PREVIOUS']) refuses(t, name, ['hunter2', randomBytes(16).toString('base64'), 'a'.repeat(40), 'changeme'.repeat(5), `${'A'.repeat(43)}=`])
  const file = join(temporaryFolder(t), 'pepper')
  writeFileSync(file, `${pepper}\n`)
  t.equal(readConfig({ PASSWORD_PEPPER_FILE: file }).passwords.pepper, pepper)
})

t.test('takes a public address that an issuer can be', async (t) => {
  for (const url of ['http://localhost:3000', 'https://auth.example.org', 'https://example.org/auth', 'http://[::1]:3000']) {
    t.equal(readConfig({ PUBLIC_URL: url }).tokens.issuer, url)
  }
  t.equal(readConfig({ PORT: '8080' }).tokens.issuer, 'http://localhost:8080')
  t.equal(readConfig({ PUBLIC_URL: 'https://auth.example.org' }).http.https, true)
  refuses(t, 'PUBLIC_URL', [
    'auth.example.org', 'ftp://auth.example.org', 'https://auth.example.org/', 'https://auth.example.org?x=1', 'https://auth.example.org#x', 'https://auth.example.org?',
    'https://user:pass@auth.example.org', 'https://auth.example.org/a b', ' https://auth.example.org', 'https://auth.example.org\\evil', 'https:auth.example.org', 'http:/auth.example.org', 'https://auth.example.org/"', 'javascript:alert(1)'
  ])
})

t.test('takes addresses and ranges for TRUST_PROXY, and nothing that would believe anyone', async (t) => {
  const lists: [text: string, ranges: string[]][] = [
    ['127.0.0.1', ['127.0.0.1']], ['::1', ['::1']], ['10.0.0.0/8,192.168.0.0/16', ['10.0.0.0/8', '192.168.0.0/16']],
    [' fd00::/8 , 10.1.2.3/32 ,', ['fd00::/8', '10.1.2.3/32']], ['2001:db8::/128', ['2001:db8::/128']]
  ]
  for (const [text, ranges] of lists) t.strictSame(readConfig({ TRUST_PROXY: text }).http.trustProxy, ranges, text)
  refuses(t, 'TRUST_PROXY', [
    '1', '2', 'true', 'false', '*', 'all', 'loopback', 'uniquelocal', 'gateway.internal', '0.0.0.0/0', '::/0', '10.0.0.0/33', '::1/129', '10.1.0.0/', '10.0.0.0/8/8',
    '10.0.0.0/-1', '10.0.0.0/255.0.0.0', '10.0.0', '10.0.0.256', '10.0.0.1:8080', 'fe80::1%eth0', '10.0.0.1;10.0.0.2', '10.0.0.1 10.0.0.2', '10.0.0.0/8,1'
  ])
})

t.test('takes exact origins for CORS_ORIGINS', async (t) => {
  t.strictSame(readConfig({ CORS_ORIGINS: 'https://app.example.org, http://localhost:5173' }).http.corsOrigins, ['https://app.example.org', 'http://localhost:5173'])
  refuses(t, 'CORS_ORIGINS', ['*', 'null', 'app.example.org', 'https://app.example.org/', 'https://*.example.org/', 'HTTPS://app.example.org', 'https://app.example.org:443', 'file:///etc'])
})

t.test('takes a file or memory for the database', async (t) => {
  const urls: [url: string, file: string | null][] = [
    ['sqlite::memory:', null], ['sqlite:data/auth.db', 'data/auth.db'], ['sqlite:/var/lib/auth.db', '/var/lib/auth.db'], ['sqlite:///var/lib/auth.db', '/var/lib/auth.db'], ['sqlite:./a b.db', './a b.db']
  ]
  for (const [url, file] of urls) {
    const config = readConfig({ DATABASE_URL: url })
    t.same([config.database.file, config.secrets.databaseFile], [file, file], url)
  }
  const postgres = readConfig({ DATABASE_URL: 'postgresql://app:s3cret@127.0.0.1/auth', SECRET_KEY: randomBytes(32).toString('base64url') })
  t.match(postgres, { database: { postgres: { host: '127.0.0.1', database: 'auth', user: 'app', password: 's3cret' }, file: null }, secrets: { databaseFile: null } })
  t.same(faultsOf({ DATABASE_URL: 'postgres://app:s3cret@127.0.0.1/auth' }), ['SECRET_KEY must be set where DATABASE_URL names a PostgreSQL database: there is no file to keep one beside'])
  refuses(t, 'DATABASE_POOL', ['0', '101', '-1', '1.5'])
  refuses(t, 'DATABASE_URL', ['postgres://', 'postgres://app:hunter2@db', 'sqlite:', 'auth.db', 'SQLITE:auth.db', 'mysql://root:hunter2@db/auth', 'sqlite:a\0b.db.txt', 'sqlite:auth.db?mode=ro'])
})

t.test('reads the address of another PostgreSQL database by the same rules', async (t) => {
  t.match(readPostgresUrl('postgres://app:s3cret@127.0.0.1/auth'), { host: '127.0.0.1', database: 'auth', user: 'app', password: 's3cret' })
  for (const url of ['sqlite:auth.db', 'sqlite::memory:', 'mysql://root:hunter2@db/auth', 'postgres://app:hunter2@db']) t.throws(() => readPostgresUrl(url), { message: /^must [^2]+$/ }, url)
})

t.test('reads a secret from the file that its _FILE names', async (t) => {
  const folder = temporaryFolder(t)
  const file = join(folder, 'secret')
  const secret = randomBytes(32).toString('base64')
  for (const [text, expected] of [[secret, secret], [`${secret}\n`, secret], [`${secret}\r\n`, secret], [`${secret}\n\n`, `${secret}\n`], [` ${secret}`, ` ${secret}`]] as const) {
    writeFileSync(file, text)
    t.equal(readConfig({ SECRET_KEY_FILE: file }).secrets.secretKey, expected)
  }
  writeFileSync(file, 'sqlite:from-a-file.db\n')
  t.equal(readConfig({ DATABASE_URL_FILE: file }).database.file, 'from-a-file.db')
  t.equal(readConfig({ DATABASE_URL_FILE: file, DATABASE_URL: 'sqlite:given.db' }).database.file, 'given.db', 'the variable itself comes first')
  writeFileSync(file, 'short\n')
  t.same(faultsOf({ SECRET_KEY_FILE: file }), ['SECRET_KEY must be 32 bytes or more'])
  t.same(faultsOf({ SECRET_KEY_FILE: join(folder, 'nothing') }), ['SECRET_KEY cannot be read from the file that SECRET_KEY_FILE names (ENOENT)'])
  writeFileSync(join(folder, 'empty'), '\n')
  t.same(faultsOf({ SECRET_KEY_FILE: join(folder, 'empty') }), ['SECRET_KEY is empty in the file that SECRET_KEY_FILE names'])
  t.same(faultsOf({ SECRET_KEY_FILE: folder }), ['SECRET_KEY cannot be read from the file that SECRET_KEY_FILE names (EISDIR)'])
  t.equal(readConfig({ PORT_FILE: file }).listen.port, 3000, 'what is no secret has no _FILE')
})

t.test('refuses secrets that somebody can guess', async (t) => {
  const hex = (bytes: number[]) => Buffer.from(bytes).toString('hex')
  const counting = Array.from({ length: 32 }, (_, index) => index)
  refuses(t, 'SECRET_KEY', [
    // too short
    'secret', 'changeme', 'hunter2', randomBytes(16).toString('base64'), 'x'.repeat(31), randomBytes(40).toString('base64').slice(0, 31),
    // placeholders and examples
    'a-string-secret-at-least-256-bits-long', 'your-256-bit-secret'.repeat(2), 'your-256-bit-secret your-256-bit-secret', 'your_jwt_secret_key_goes_here_please',
    'changeme'.repeat(5), 'CHANGE_ME_CHANGE_ME_CHANGE_ME_CHANGE_IT', 'please-change-this-to-something-else', 'replace-this-with-a-long-random-string', 'Replace-Me-With-32-Bytes-Or-More-00',
    'set-a-strong-secret-here-32-characters', 'this-is-a-very-secret-key-for-jwt-tokens', 'my-super-secret-signing-key-1234567890', 'example-secret-key-that-is-long-enough',
    'development-secret-do-not-use-elsewhere', 'django-insecure-8fk2l0qpzx7v5n3m1b9t6y4w', '<output of openssl rand -base64 32>', '$(openssl rand -base64 32) --------', 'Password1Password2Password3Password4',
    'GQDstcKsx0NHjPOuXOYg5MbeJ1XT0uFiwDVvVBrk', 'the quick brown fox jumps over the lazy dog', 'lorem ipsum dolor sit amet, consectetur',
    // one or few characters
    'a'.repeat(32), `${'a'.repeat(40)}b`, ' '.repeat(40), '0'.repeat(64), '01'.repeat(32), `${'A'.repeat(43)}=`, 'é'.repeat(32),
    // repetitions
    'deadbeef'.repeat(8), 'cafebabe'.repeat(8), '0123456789abcdef'.repeat(4), 'Kx9!vQ2z#Lm4'.repeat(3), 'gatehouse'.repeat(4), '00112233445566778899aabbccddeeff'.repeat(2),
    // runs, on the keyboard and in the bytes behind hex and base64
    'abcdefghijklmnopqrstuvwxyz0123456789', 'zyxwvutsrqponmlkjihgfedcba9876543210', 'aabbccddeeffgghhiijjkkllmmnnooppqq', 'qwertyuiopasdfghjklzxcvbnm1234567890', '1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol',
    hex(counting), hex(counting).toUpperCase(), hex(counting.toReversed()), Buffer.from(counting).toString('base64'), Buffer.from(counting).toString('base64url')
  ])
})

t.test('takes a hundred random secrets of each spelling, and phrases of unrelated words', async (t) => {
  for (const encoding of ['base64', 'base64url', 'hex'] as const) {
    const refused = Array.from({ length: 100 }, () => randomBytes(32).toString(encoding)).filter((secret) => faultsOf({ SECRET_KEY: secret }).length > 0)
    t.same(refused, [], encoding)
  }
  for (const secret of ['correct horse battery staple, and a zebra', 'Vierzehn Käfer üben Jodeln im Föhrenwald', '漢字仮名交じり文の長い合言葉です', '6ff2a3c1-54c0-4c0e-9a53-1d7be6a0f2c8']) {
    t.equal(readConfig({ SECRET_KEY: secret }).secrets.secretKey, secret, 'used as it is')
  }
})

t.test('freezes the configuration all the way down', async (t) => {
  const config = readConfig({ TRUST_PROXY: '10.0.0.0/8' })
  const parts = [config, ...Object.values(config), config.http.trustProxy, config.http.corsOrigins]
  for (const part of parts) t.ok(Object.isFrozen(part))
  t.throws(() => { (config.tokens as { lifetime: number }).lifetime = 1 }, TypeError)
})

t.test('tells names that are nearly ours', async (t) => {
  const cases: [set: string, meant: string][] = [
    ['SECRETKEY', 'SECRET_KEY'], ['SECRET_KEYS', 'SECRET_KEY'], ['secret_key', 'SECRET_KEY'], ['SECRET_KEY_FIEL', 'SECRET_KEY_FILE'], ['DATABASE_URI', 'DATABASE_URL'], ['DATABSE_URL', 'DATABASE_URL'],
    ['TRUSTED_PROXY', 'TRUST_PROXY'], ['ACCESS_TOKEN_TLL', 'ACCESS_TOKEN_TTL'], ['PUBLICURL', 'PUBLIC_URL'], ['CORS_ORIGIN', 'CORS_ORIGINS'], ['LOGLEVEL', 'LOG_LEVEL'], ['P_ORT', 'PORT'], ['PASSWORD_PEPER', 'PASSWORD_PEPPER']
  ]
  for (const [set, meant] of cases) t.same(nearMisses({ [set]: 'x' }), [[set, meant]], set)
  t.same(nearMisses({ ...Object.fromEntries(configurationTable.map(({ name }) => [name, ''])), SECRET_KEY_FILE: '', DATABASE_URL_FILE: '' }), [], 'ours are none')
  t.same(nearMisses({ PATH: '', HOME: '', HOSTNAME: '', POST: '', PORTS: '', LANG: '', NODE_ENV: '', NODE_OPTIONS: '', npm_config_cache: '', TZ: '', KUBERNETES_PORT: '' }), [], 'strangers are none')
})

t.test('lists each variable with its default and meaning', async (t) => {
  t.same(configurationTable.find(({ name }) => name === 'PUBLIC_URL'), { name: 'PUBLIC_URL', default: 'http://localhost:PORT', secret: false, about: 'The `iss` of every token and the base of every address handed out; never taken from a request.' })
  t.equal(configurationTable.find(({ name }) => name === 'TRUST_PROXY')?.default, 'none')
  t.same(configurationTable.filter(({ secret }) => secret).map(({ name }) => name), ['DATABASE_URL', 'SECRET_KEY', 'SECRET_KEY_PREVIOUS', 'PASSWORD_PEPPER', 'PASSWORD_PEPPER_PREVIOUS', 'BOOTSTRAP_ADMIN_PASSWORD'])
})

t.test('does not take an error of another kind for a fault', async (t) => {
  t.throws(() => readConfig({ get PORT (): string { throw new RangeError('broken') } }), RangeError)
})
