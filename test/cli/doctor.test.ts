import { existsSync, readdirSync } from 'node:fs'
import { dirname } from 'node:path'
import t from 'tap'
import { beside } from '../support/cli.ts'
import { alone, command, done, secretOf } from '../support/command.ts'
import { freePort } from '../support/ports.ts'
import { startService } from '../support/service.ts'

t.setTimeout(600_000)

const unreachable = { PUBLIC_URL: 'https://127.0.0.1:1' }

t.test('finds a running service in order, for people and for programs', async (t) => {
  const port = await freePort()
  const PUBLIC_URL = `http://127.0.0.1:${port}`
  const service = await startService(t, { environment: { PORT: String(port), PUBLIC_URL } })
  const environment = { ...beside(service), PUBLIC_URL }
  const { checks } = JSON.parse(done(t, await command(environment, 'doctor', '--json'), '--json')) as { checks: Array<{ check: string, verdict: string }> }
  t.strictSame(Object.keys(checks[0] ?? {}), ['check', 'verdict', 'finding', 'remedy'])
  t.strictSame([...new Set(checks.map(({ check }) => check))], ['Node.js', 'configuration', 'secret', 'database', 'files', 'issuer', 'clock', 'keys', 'hashing', 'blocklist', 'administrator', 'TRUST_PROXY'])
  t.strictSame(checks.filter(({ verdict }) => verdict !== 'ok').map(({ check }) => check), ['issuer', 'administrator'], 'it is not behind TLS')
  t.match(done(t, await command(environment, 'doctor'), 'for people'), /^ok {7}Node\.js[^\n]+\n[\s\S]+\nwarning {2}issuer[^\n]+\n {24}-> [^\n]+\n/)
})

t.test('makes nothing where nothing is yet, and says what cannot work', async (t) => {
  const environment: Record<string, string> = { ...alone(t), ...unreachable }
  const file = String(environment['DATABASE_URL']).slice('sqlite:'.length)
  done(t, await command(environment, 'doctor'), 'before the first start')
  t.strictSame(readdirSync(dirname(file)), [])

  const wrong = await command({ ...environment, PORT: 'x', KEY_LEAD: '1s' }, 'doctor')
  t.match(wrong, { code: 1, out: /^ok [^\n]+\nfailure {2}configuration {2}PORT [^\n]+\n[^\n]+\nfailure {2}configuration {2}KEY_LEAD /, err: 'gatehouse: What cannot work: configuration, configuration\n' })

  done(t, await command(environment, 'migrate'), 'migrate')
  t.match(await command({ ...environment, SECRET_KEY: secretOf() }, 'doctor'), { code: 1, out: /failure {2}service {8}It does not start: SECRET_KEY is not the one/, err: 'gatehouse: What cannot work: service\n' })
  t.match(await command({ ...environment, SECRET_KEY: '' }, 'doctor'), { code: 1, err: 'gatehouse: What cannot work: secret\n' })
  t.notOk(existsSync(`${file}.secret`))
})
