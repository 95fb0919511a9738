import t from 'tap'
import { type ConnectionOptions, connectionConfig } from '../../../plugins/database/postgres-connection.ts'

const address = { host: 'db.internal', port: 6432, database: 'auth', user: 'app', password: 's3cret', tls: null }
const config = (options: Partial<ConnectionOptions> = {}) => connectionConfig({ address, connectTime: 900, statementTime: 800, idleTime: 1000, ...options })

t.test('leaves nothing to PG variables, ~/.pgpass or the prefix of a URL', async (t) => {
  const { password, types, ...rest } = config()
  t.strictSame(rest, {
    host: 'db.internal', port: 6432, database: 'auth', user: 'app', ssl: false, sslnegotiation: 'postgres', application_name: 'gatehouse', client_encoding: 'UTF8',
    options: '-c statement_timeout=800 -c idle_in_transaction_session_timeout=1000', connectionTimeoutMillis: 900, keepAlive: true, keepAliveInitialDelayMillis: 30_000
  })
  t.equal((password as () => string)(), 's3cret')
  t.equal((config({ address: { ...address, password: '' } }).password as () => string)(), '', 'an empty one is not looked for elsewhere')
  t.notMatch(JSON.stringify(config()), /s3cret/)
  t.match(config({ statementTime: null }).options, 'statement_timeout=0 ')
})

t.test('checks the server as the address says', async (t) => {
  const ssl = (verify: 'nothing' | 'authority' | 'authority-and-name', authority: string | null) => config({ address: { ...address, tls: { verify, authority } } }).ssl as { checkServerIdentity?: () => unknown }
  t.strictSame(ssl('nothing', null), { rejectUnauthorized: false })
  t.strictSame(ssl('authority-and-name', null), {})
  t.strictSame(ssl('authority-and-name', 'pem'), { ca: 'pem' })
  const { checkServerIdentity, ...others } = ssl('authority', 'pem')
  t.strictSame(others, { ca: 'pem' })
  t.equal(checkServerIdentity?.(), undefined, 'any name will do')
})

t.test('reads eight bytes of integer as a number, where it is one exactly', async (t) => {
  const { getTypeParser } = config().types as { getTypeParser: (oid: number, format?: string) => (text: string) => unknown }
  t.equal(getTypeParser(20)('9007199254740991'), Number.MAX_SAFE_INTEGER)
  t.equal(getTypeParser(20)('-5'), -5)
  for (const text of ['9007199254740992', '-9007199254740992']) t.throws(() => getTypeParser(20)(text), RangeError)
  t.equal(getTypeParser(23, 'text')('7'), 7)
  t.equal(getTypeParser(16, 'text')('t'), true)
})
