import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import type { Finding } from '../../../cli/doctor/finding.ts'
import { checkDatabase, checkEnvironment, checkFiles, checkIssuer, checkNode, checkSecret } from '../../../cli/doctor/outside.ts'
import type { World } from '../../../cli/service.ts'
import { readConfig } from '../../../config.ts'
import { build } from '../../support/build.ts'
import { secretOf } from '../../support/command.ts'
import { freePort } from '../../support/ports.ts'
import { startPostgres } from '../../support/postgres.ts'
import { temporaryFolder } from '../../support/service.ts'

const verdicts = (findings: Finding[]) => findings.map(({ verdict }) => verdict)
const world = (environment: Record<string, string>) => ({ environment }) as unknown as World

t.test('says which Node.js the tests run on', async (t) => {
  t.strictSame(verdicts(checkNode(process.versions.node)), ['ok'])
  t.match(checkNode('24.1.0', 26), [{ verdict: 'warning', finding: 'This is 24.1.0; the tests run on 26.' }])
})

t.test('warns of variables that do nothing, or more than is meant', async (t) => {
  const check = (environment: Record<string, string>) => checkEnvironment(world(environment), readConfig(environment))
  t.strictSame(verdicts(check({})), ['ok'])
  t.match(check({ SECRETKEY: 'x', METRICS_PORT: '9000', HOST: '0.0.0.0', SQLITE_SYNCHRONOUS: 'normal' }), [
    { verdict: 'warning', finding: 'SECRETKEY has no effect.', remedy: /SECRET_KEY/ }, { verdict: 'warning', finding: /METRICS_PORT/ }, { verdict: 'warning', finding: /SQLITE_SYNCHRONOUS/ }
  ])
  for (const HOST of ['127.0.0.1', 'localhost', '::1']) t.strictSame(verdicts(check({ METRICS_PORT: '9000', HOST })), ['ok'])
})

t.test('looks where the secret is, and who may read it', async (t) => {
  const folder = temporaryFolder(t)
  const DATABASE_URL = `sqlite:${join(folder, 'a.db')}`
  const file = join(folder, 'a.db.secret')
  const check = (environment: Record<string, string>) => checkSecret(world(environment), readConfig(environment))
  t.match(check({ DATABASE_URL }), [{ verdict: 'ok', finding: /at the first start/ }])
  writeFileSync(join(folder, 'a.db'), '')
  t.match(check({ DATABASE_URL }), [{ verdict: 'failure', finding: /missing/ }])
  writeFileSync(file, secretOf(), { mode: 0o600 })
  t.match(check({ DATABASE_URL }), [{ verdict: 'ok' }, { verdict: 'warning', finding: /beside the database/ }])
  chmodSync(file, 0o640)
  t.match(check({ DATABASE_URL }), [{ verdict: 'warning', remedy: `chmod 600 ${file}` }, { verdict: 'warning' }])
  mkdirSync(join(folder, 'elsewhere'))
  const elsewhere = join(folder, 'elsewhere', 'secret')
  writeFileSync(elsewhere, secretOf(), { mode: 0o600 })
  t.strictSame(verdicts(check({ DATABASE_URL, SECRET_KEY_FILE: elsewhere })), ['ok'])
  t.strictSame(verdicts(check({ DATABASE_URL, SECRET_KEY: secretOf() })), ['ok'])
  t.match(check({ DATABASE_URL, SECRET_KEY: secretOf(), SECRET_KEY_PREVIOUS: secretOf() }), [{ verdict: 'ok' }, { verdict: 'warning', finding: /PREVIOUS/ }])
  t.strictSame(verdicts(check({ DATABASE_URL: 'sqlite::memory:' })), ['warning'])
})

t.test('looks at the modes of the files', async (t) => {
  const folder = temporaryFolder(t)
  const file = join(folder, 'a.db')
  const config = readConfig({ DATABASE_URL: `sqlite:${file}` })
  t.strictSame(checkFiles(config), [])
  writeFileSync(file, '', { mode: 0o600 })
  t.strictSame(verdicts(checkFiles(config)), ['ok'])
  writeFileSync(`${file}-wal`, '', { mode: 0o644 })
  t.match(checkFiles(config), [{ verdict: 'warning', remedy: `chmod 600 ${file}-wal` }, { verdict: 'warning', remedy: `chmod 700 ${folder}` }])
  t.strictSame(checkFiles(readConfig({ DATABASE_URL: 'sqlite::memory:' })), [])
})

t.test('tells what the next start would find', async (t) => {
  const file = join(temporaryFolder(t), 'a.db')
  const check = (DATABASE_URL: string, more = {}) => checkDatabase(readConfig({ DATABASE_URL, SECRET_KEY: secretOf(), ...more }))
  t.match(await check('sqlite::memory:'), { usable: true, findings: [{ verdict: 'warning' }] })
  t.match(await check(`sqlite:${file}`), { usable: false, findings: [{ verdict: 'ok', finding: /first start/ }] })
  await (await build(t, { environment: { DATABASE_URL: `sqlite:${file}` } })).close()
  t.match(await check(`sqlite:${file}`), { usable: true, findings: [{ verdict: 'ok', finding: /up to date/ }] })
  const database = new DatabaseSync(file)
  database.exec('insert into migrations values (\'999-later\', \'now\')')
  t.match(await check(`sqlite:${file}`), { usable: true, findings: [{ verdict: 'warning', finding: /999-later/ }] })
  database.exec('delete from migrations where name >= \'002\'')
  database.close()
  t.match(await check(`sqlite:${file}`), { usable: false, findings: [{ verdict: 'warning', finding: /lacks 002-sessions, / }] })

  const server = await startPostgres(t)
  t.match(await check(await server.createDatabase()), { usable: true, findings: [{ check: 'database', verdict: 'ok' }, { check: 'clock', verdict: 'ok' }] })
  await server.stop('at once')
  t.match(await check(`postgres://postgres@127.0.0.1:${server.port}/none`), { usable: false, findings: [{ verdict: 'failure', finding: /cannot be used/ }] })
})

/** What the check finds where PUBLIC_URL leads to this. */
async function asked (t: Test, answer: (url: string) => RequestListener) {
  const server = createServer((request, response) => answer(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)(request, response))
  t.teardown(() => server.close())
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  const [plain, ...findings] = await checkIssuer(readConfig({ PUBLIC_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }))
  t.match(plain, { verdict: 'warning', finding: /in clear/ })
  return findings
}

t.test('asks PUBLIC_URL for its issuer and its time', async (t) => {
  const naming = (issuer: string, headers = {}): RequestListener => (_request, response) => { response.writeHead(200, headers).end(JSON.stringify({ issuer })) }
  t.match(await asked(t, (url) => naming(url)), [{ check: 'issuer', verdict: 'ok' }, { check: 'clock', verdict: 'ok' }])
  t.match(await asked(t, () => naming('https://another.test')), [{ verdict: 'failure', finding: /another issuer/ }, { verdict: 'ok' }])
  for (const seconds of [-3600, 3600]) t.match(await asked(t, (url) => naming(url, { date: new Date(Date.now() + seconds * 1000).toUTCString() })), [{ verdict: 'ok' }, { check: 'clock', verdict: 'warning', finding: /^It is 3(?:599|600|601) s away/ }])
  t.match(await asked(t, () => (_request, response) => { response.writeHead(404).end('no') }), [{ verdict: 'warning', finding: / answers 404\.$/ }])
  t.match(await asked(t, () => (_request, response) => { response.writeHead(200).end('null') }), [{ verdict: 'failure' }])
  t.match(await asked(t, () => (_request, response) => { response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end() }), [{ verdict: 'warning', finding: /cannot be asked from here/ }])
  t.match(await checkIssuer(readConfig({ PUBLIC_URL: `https://127.0.0.1:${await freePort()}` })), [{ verdict: 'warning', finding: /ECONNREFUSED/ }])
})
