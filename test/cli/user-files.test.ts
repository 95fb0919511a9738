import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { run } from '../../cli/program.ts'
import { build } from '../support/build.ts'
import { signIn } from '../support/calls.ts'
import { alone, command, commandWith, done } from '../support/command.ts'
import { vectors } from '../support/foreign-digests.ts'
import { temporaryFolder } from '../support/service.ts'

const { password, digest } = vectors.bcrypt.at(-1) as { password: string, digest: string }

t.test('takes in users of another system, and reports what it refuses', async (t) => {
  const environment = alone(t)
  const file = join(temporaryFolder(t), 'users.csv')
  writeFileSync(file, `username,email,password_hash\nalice,alice@example.org,${digest}\nbob,,nonsense\nalice,,\n`)
  const refusals = 'line 3: line.password_hash has a form that is not known here, is beyond its bounds, or needs a pepper that is not set\nline 4: the username is taken\ngatehouse: Lines were refused: 2\n'

  t.strictSame(await command(environment, 'users', 'import', file, '--dry-run'), { code: 1, out: 'To be added: 1. Refused: 2.\n', err: refusals })
  t.equal(done(t, await command(environment, 'users', 'export'), 'nothing was kept'), '')
  t.strictSame(await command(environment, 'users', 'import', file), { code: 1, out: 'Added: 1. Refused: 2.\n', err: refusals })
  await signIn(await build(t, { environment }), { username: 'alice', password })

  const { code, out } = await commandWith({ environment, input: '{"username":"carol"}\n{"username":"carol"}\n{"username":"dora","username":"eve"}\n' }, 'users', 'import', '-', '--json')
  t.equal(code, 1)
  t.strictSame(JSON.parse(out), { added: 1, refused: 2, dry_run: false, refusals: [{ line: 2, reason: 'the username is taken' }, { line: 3, reason: 'line is not well-formed JSON' }] })
  t.match(await command(environment, 'users', 'import', '/nowhere.csv'), { code: 1, out: '', err: 'gatehouse: /nowhere.csv cannot be read: ENOENT\n' })
  t.match(await command(environment, 'users', 'import', '/'), { code: 1, out: '', err: /EISDIR/ })
  for (const args of [['import'], ['import', file, '--format', 'xml'], ['export', '--format', 'xml']]) t.match(await command(environment, 'users', ...args), { code: 2, out: '' })
})

t.test('says on standard error how far it is, and lists a thousand refusals for programs', async (t) => {
  const environment = alone(t)
  const lines = Array.from({ length: 20_100 }, () => '{}').join('\n')
  const { out, err } = await commandWith({ environment, input: lines }, 'users', 'import', '-', '--json')
  t.match(JSON.parse(out), { added: 0, refused: 20_100 })
  t.equal(JSON.parse(out).refusals.length, 1000)
  t.strictSame(err.split('\n').filter((line) => line.endsWith(' lines')), ['10000 lines', '20000 lines'])
})

t.test('prints users so that they can be taken in again, as JSON lines and as CSV', async (t) => {
  const environment = alone(t)
  const entry = { id: '01a20ac7-4402-7b0d-b500-88d2294b4a56', username: 'alice', email: 'alice@example.org', password_hash: digest, roles: ['admin', 'editor'], disabled: true, created_at: '2026-03-01T12:00:00.000Z' }
  const now = { ...entry, created_at: '2020-03-01T12:00:00.000Z' }
  done(t, await commandWith({ environment, input: `${JSON.stringify(now)}\n{"username":"bob"}` }, 'users', 'import', '-'), 'import')
  const exported = done(t, await command(environment, 'users', 'export'), 'export')
  t.strictSame(JSON.parse(exported.split('\n')[0] as string), now)
  const csv = done(t, await command(environment, 'users', 'export', '--format', 'csv'), 'export as CSV')
  t.equal(csv.split('\r\n')[1], `${now.id},alice,alice@example.org,${digest},admin editor,true,${now.created_at}`)
  for (const [format, text] of [['jsonl', exported], ['csv', csv]] as const) {
    const other = alone(t)
    done(t, await commandWith({ environment: other, input: text }, 'users', 'import', '-', '--format', format), format)
    t.equal(done(t, await command(other, 'users', 'export'), format), exported)
  }
})

t.test('waits for whoever reads what it exports', async (t) => {
  const environment = alone(t)
  done(t, await commandWith({ environment, input: Array.from({ length: 50 }, (_, index) => `{"username":"user-${index}"}`).join('\n') }, 'users', 'import', '-'), 'import')
  let most = 0
  let lines = 0
  const output: Writable = new Writable({
    highWaterMark: 1,
    async write (chunk: Buffer, _encoding, written) {
      most = Math.max(most, output.writableLength)
      lines += chunk.toString().split('\n').length - 1
      await sleep(1)
      written()
    }
  })
  const nobody = new Writable({ write: (_chunk, _encoding, written) => written() })
  t.equal(await run(['users', 'export'], { environment, input: process.stdin, output, errors: nobody }), 0)
  t.equal(lines, 50)
  t.ok(most < 300, 'one line at a time')
})
