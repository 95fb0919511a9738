import { randomBytes } from 'node:crypto'
import { chownSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { readDatabaseUrl } from '../../config/database-url.ts'
import type { PostgresAddress } from '../../plugins/database.ts'
import { aliceSignedIn, build } from '../support/build.ts'
import { createAuthority } from '../support/certificates.ts'
import { open, startPostgres } from '../support/postgres.ts'
import { temporaryFolder } from '../support/service.ts'
import { until } from '../support/until.ts'
import { listen } from '../support/wire.ts'

// Somebody between the service and its database: who has no certificate, another's, or none at all and asks for plain text.

const server = await startPostgres(t)
const folder = temporaryFolder(t)
const [ours, theirs] = [createAuthority('Our authority'), createAuthority('Their authority')]
for (const [name, { certificate }] of Object.entries({ ours, theirs })) writeFileSync(join(folder, `${name}.crt`), certificate)
const [trusted, foreign] = ['ours', 'theirs'].map((name) => `&sslrootcert=${join(folder, `${name}.crt`)}`) as [string, string]
const database = await server.createDatabase()

/** Has the server show another certificate; without one it encrypts nothing. */
async function present (shown: { certificate: string, key: string } | null): Promise<void> {
  for (const [name, text] of Object.entries({ 'server.crt': shown?.certificate ?? '', 'server.key': shown?.key ?? '' })) {
    const file = join(server.data, name)
    writeFileSync(file, text, { mode: 0o600 })
    chownSync(file, server.owner, server.owner)
  }
  await server.run(`alter system set ssl = ${shown === null ? 'off' : 'on'}`)
  await server.stop('fast')
  await server.start()
}

function addressOf (parameters: string, host = '127.0.0.1'): PostgresAddress {
  return readDatabaseUrl(`${database.replace('127.0.0.1', host)}?${parameters}`).postgres as PostgresAddress
}

/** Whether a connection is encrypted; what it was refused for where there is none. */
async function outcome (t: Test, address: PostgresAddress): Promise<string> {
  const queries = open(database, { pool: 1, timeout: 10, address })
  t.teardown(() => queries.destroy())
  return sql<{ version: string | null }>`select version from pg_stat_ssl where pid = pg_backend_pid()`.execute(queries)
    .then(({ rows: [row] }) => row?.version ?? 'plain', ({ cause }) => cause.code ?? cause.message)
}

t.test('encrypts, and believes whom sslmode says', async (t) => {
  await present(ours.issue(['localhost', '127.0.0.1']))
  for (const parameters of ['sslmode=require', `sslmode=require${trusted}`, `sslmode=verify-ca${trusted}`, `sslmode=verify-full${trusted}`, trusted.slice(1)]) {
    for (const host of ['127.0.0.1', 'localhost']) t.match(await outcome(t, addressOf(parameters, host)), /^TLSv1\.[23]$/, `${parameters.replace(folder, '')} to ${host}`)
  }
  t.equal(await outcome(t, addressOf('sslmode=disable')), 'plain', 'where that was asked for')
})

t.test('refuses an authority that it does not trust', async (t) => {
  for (const parameters of [`sslmode=require${foreign}`, `sslmode=verify-ca${foreign}`, `sslmode=verify-full${foreign}`, 'sslmode=verify-full']) {
    t.match(await outcome(t, addressOf(parameters)), /^(?:UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT_LOCALLY)$/, parameters.replace(folder, ''))
  }
})

t.test('refuses another host\'s certificate where the name is checked, and only there', async (t) => {
  await present(ours.issue(['db.test']))
  for (const host of ['127.0.0.1', 'localhost']) t.equal(await outcome(t, addressOf(`sslmode=verify-full${trusted}`, host)), 'ERR_TLS_CERT_ALTNAME_INVALID')
  t.match(await outcome(t, addressOf(`sslmode=verify-ca${trusted}`)), /^TLS/)
})

t.test('refuses a certificate that has expired', async (t) => {
  await present(ours.issue(['127.0.0.1'], { expired: true }))
  for (const mode of ['verify-ca', 'verify-full']) t.equal(await outcome(t, addressOf(`sslmode=${mode}${trusted}`)), 'CERT_HAS_EXPIRED')
})

t.test('refuses a server that does not encrypt, and tells it nothing', async (t) => {
  await present(null)
  const modes = ['sslmode=require', `sslmode=verify-ca${trusted}`, `sslmode=verify-full${trusted}`]
  for (const parameters of modes) t.equal(await outcome(t, addressOf(parameters)), 'The server does not support SSL connections', parameters.replace(folder, ''))

  const heard: Buffer[] = []
  const stranger = createServer((socket) => socket.on('error', () => {}).on('data', (data) => {
    heard.push(Buffer.from(data))
    socket.write('N')
  }))
  await new Promise<void>((resolve) => { stranger.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => stranger.close())
  for (const parameters of modes) t.match(await outcome(t, { ...addressOf(parameters), port: (stranger.address() as { port: number }).port }), /does not support SSL/)
  // The length and the code of a request for TLS (PostgreSQL's manual, "Message Formats"): no name, no password.
  t.same(heard.map((data) => data.toString('hex')), modes.map(() => '0000000804d2162f'))
})

t.test('every connection of the service is encrypted, the one that listens too', async (t) => {
  await present(ours.issue(['127.0.0.1']))
  const app = await build(t, { environment: { DATABASE_URL: `${database}?sslmode=verify-full${trusted}`, SECRET_KEY: randomBytes(32).toString('base64url') } })
  await aliceSignedIn(app)
  await listen(app)
  const connections = () => server.run("select ssl, query from pg_stat_ssl join pg_stat_activity using (pid) where application_name = 'gatehouse'")
  await until(async () => (await connections()).some(({ query }) => String(query).startsWith('listen')))
  t.same((await connections()).filter(({ ssl }) => ssl !== true), [])
})
