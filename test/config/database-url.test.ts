import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readDatabaseUrl } from '../../config/database-url.ts'
import { temporaryFolder } from '../support/service.ts'

const base = 'postgres://app:s3cret@db.internal/auth'

t.test('reads a file, memory, or a server with all that leads to it', async (t) => {
  t.strictSame(readDatabaseUrl('sqlite:///var/lib/auth.db'), { postgres: null, file: '/var/lib/auth.db' })
  t.strictSame(readDatabaseUrl('sqlite::memory:'), { postgres: null, file: null })
  const address = { host: 'db.internal', port: 5432, database: 'auth', user: 'app', password: 's3cret', tls: { verify: 'authority-and-name', authority: null } }
  t.strictSame(readDatabaseUrl(base), { postgres: address, file: null })
  t.strictSame(readDatabaseUrl('postgresql://app:s3cret@db.internal:6432/auth'), { postgres: { ...address, port: 6432 }, file: null })
  t.match(readDatabaseUrl('postgres://a%40b:p%2Fa%3Fs%23s%25w%3Ard@10.0.0.1/a%20b'), { postgres: { host: '10.0.0.1', database: 'a b', user: 'a@b', password: 'p/a?s#s%w:rd' } })
  t.match(readDatabaseUrl('postgres://app@[2001:db8::1]:5433/auth'), { postgres: { host: '2001:db8::1', port: 5433, password: '' } })
})

t.test('encrypts and checks unless it is told otherwise, or the server is this machine', async (t) => {
  const file = join(temporaryFolder(t), 'ca.pem')
  const authority = '-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n'
  writeFileSync(file, authority)
  const tls = (url: string) => readDatabaseUrl(url).postgres?.tls
  t.strictSame(tls(`${base}?sslmode=disable`), null)
  t.strictSame(tls(`${base}?sslmode=require`), { verify: 'nothing', authority: null })
  t.strictSame(tls(`${base}?sslmode=require&sslrootcert=${file}`), { verify: 'authority', authority }, 'as libpq does')
  t.strictSame(tls(`${base}?sslmode=verify-ca&sslrootcert=${file}`), { verify: 'authority', authority })
  t.strictSame(tls(`${base}?sslrootcert=${file}`), { verify: 'authority-and-name', authority })
  for (const host of ['127.0.0.1', '127.1.2.3', 'localhost', '[::1]']) t.strictSame(tls(`postgres://app@${host}/auth`), null, host)
  t.strictSame(tls(`postgres://app@localhost/auth?sslrootcert=${file}`), { verify: 'authority-and-name', authority })
  for (const host of ['127.0.0.1.example.org', 'localhost.example.org', '10.0.0.1', '[::ffff:7f00:1]']) t.not(tls(`postgres://app@${host}/auth`), null, host)
})

t.test('says what is wrong without quoting anything', async (t) => {
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'text'), 'no certificate')
  for (const [url, message] of [
    ['sqlite:auth.db?mode=hunter2', /^must name a file alone/], ['mysql://root:hunter2@db/auth', /^must be sqlite:/], ['POSTGRES://app:hunter2@db/auth', /^must be sqlite:/],
    ['postgres://app:hunter2@/auth', /^must/], ['postgres:app:hunter2', /^must name one host/], ['postgres://app:hunter2@one,two/auth', /^must name one host/],
    ['postgres://app:hunter2@one:1,two:2/auth', /^must be postgres:/], ['postgres://app:hunter2@%2Fvar%2Frun/auth', /^must name one host/],
    ['postgres://app:hunter2@db:0/auth', /^must name a port/], ['postgres://app:hunter2@db:99999/auth', /^must be postgres:/],
    ['postgres://app:hun#ter2@db/auth', /^must be postgres:/], ['postgres://app:hun ter2@db/auth', /^must be postgres:/], ['postgres://app:hun/ter2@db/auth', /^must be postgres:/],
    ['postgres://app:hun?ter2@db/auth', /^must be postgres:/], ['postgres://app:hun%ter2@db/auth', /^has a %/], ['postgres://app:hun%00ter2@db/auth', /^must hold no NUL/],
    ['postgres://:hunter2@db/auth', /^must name a user/], ['postgres://db/auth', /^must name a user/], ['postgres://app:hunter2@db', /^must name a user/], ['postgres://app:hunter2@db/', /^must name a user/], ['postgres://app:hunter2@db/auth/more', /^must name a user/],
    [`${base}?sslmode=prefer`, /^must have an sslmode/], [`${base}?sslmode=`, /^must have an sslmode/], [`${base}?ssl=true`, /^may have the parameters sslmode and sslrootcert/],
    [`${base}?host=/tmp`, /^may have/], [`${base}?options=-c%20x`, /^may have/], [`${base}?sslmode=disable&sslmode=require`, /^may have/], [`${base}?sslmode=verify-ca`, /^needs sslrootcert/],
    [`${base}?sslrootcert=${folder}/nothing`, /^names an sslrootcert that cannot be read \(ENOENT\)$/], [`${base}?sslrootcert=${folder}/text`, /^names an sslrootcert that holds no certificate/]
  ] as const) {
    t.throws(() => readDatabaseUrl(url), { message }, url)
    try {
      readDatabaseUrl(url)
    } catch (error) {
      t.notMatch((error as Error).message, /hun.?ter2|s3cret/)
    }
  }
})
